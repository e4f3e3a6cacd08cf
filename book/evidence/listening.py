"""What the shipped Inception-ResNet says of sound: for notebook 14.

``python -m book.evidence.listening --data folder --sound folder`` reads the log-mels that the network was trained on,
and real clips as sound. It compares the network's answers to both, counts how many of the test clips it has right when
it reads less of them, and keeps the embedding of every clip: ``book/results/listening.json`` and ``embeddings.npz``.
"""

import argparse
import io
import json
import sys
from pathlib import Path

import numpy as np

from genre_utils import audio, datasets, evaluation, features, models
from genre_utils._store import write_atomically
from genre_utils.datasets import gtzan

from . import RESULTS, ROOT
from .ladder import FIRST
from .plan import planned

FRAMES_A_SECOND = 12.9
LENGTHS = (30.0, 10.0, 5.0, 3.0)
HOPS = {"matched": 1_711, "papers": 1_024}
LAYER = "head-dense_4"


def from_sound(paths, model, reference):
    """The network's probabilities for log-mels of sound, and how far these are from the log-mels it was trained on."""
    found = {name: [] for name in (*HOPS, "db")}
    for path, kept in zip(paths, reference):
        y, _ = audio.load(path)
        for name, hop in HOPS.items():
            level = features.log_mel(y, features.MelConfig(n_samples=len(y), hop_length=hop))
            x = features.standardise(level)[None, ..., None]
            found[name].append(model.predict(x, verbose=0)[0].tolist())
            if name == "matched":
                at = np.linspace(0, len(level) - 1, len(kept)).round().astype(int)
                found["db"].append(float(np.abs(level[at].mean(axis=0) - kept.mean(axis=0)).mean()))
    return found


def by_length(x, y, model):
    """Which clips are right when so many seconds from their middle are read."""
    right = {}
    for seconds in LENGTHS:
        n = min(round(seconds * FRAMES_A_SECOND), x.shape[1])
        start = (x.shape[1] - n) // 2
        middle = features.standardise(x[:, start : start + n], axis=(1, 2))
        p = model.predict(middle[..., None], batch_size=16, verbose=0)
        right[f"{seconds:g}"] = (p.argmax(axis=1) == y).tolist()
    return right


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m book.evidence.listening", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--sound", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    run = next(run for run in planned(options.results) if run.name == FIRST)
    index = datasets.load("precomputed", options.data / run.data["file"])
    index = gtzan.partition(index, options.data / run.data["lists"])
    x = datasets.precomputed.read(index)
    fixed, about = models.load_trained("inception_resnet", options.results)
    model = models.build("inception_resnet", (None, *fixed.input_shape[2:]), len(about["genres"]), **about["options"])
    model.set_weights(fixed.get_weights())

    sound = datasets.load("gtzan", options.sound)
    rows = index.reset_index().set_index("clip_id").loc[sound["clip_id"], "index"].to_numpy()
    clips = sound[["clip_id", "genre"]].assign(split=index["split"].to_numpy()[rows])
    kept = features.standardise(x[rows], axis=(1, 2))[..., None]
    found = {"kept": model.predict(kept, batch_size=8, verbose=0).tolist(), **from_sound(sound["path"], model, x[rows])}
    test = index.index[index["split"] == "test"]
    told = {"run": about["run"], "source": datasets.source(index), "genres": about["genres"], "hops": HOPS}
    told |= {"clips": clips.to_dict("list"), "found": found}
    test_clips = index.loc[test, ["clip_id", "artist"]].to_dict("list")
    told |= {"test": test_clips, "right": by_length(x[test], index.loc[test, "label"].to_numpy(), model)}
    write_atomically(options.results / "listening.json", json.dumps(told, separators=(",", ":")))

    z = features.standardise(x, axis=(1, 2))[..., None]
    embeddings = np.concatenate([models.activations(model, LAYER, batch) for batch in np.array_split(z, len(z) // 8)])
    arrays = {"clip_id": index["clip_id"].to_numpy(str), "split": index["split"].to_numpy(str)}
    file = io.BytesIO()
    np.savez_compressed(file, embedding=embeddings.astype(np.float16), **arrays)
    write_atomically(options.results / "embeddings.npz", file.getvalue())
    accuracy = evaluation.accuracy(np.ones(len(test)), np.array(told["right"]["30"]))
    print(f"{len(test)} test clips: {accuracy}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
