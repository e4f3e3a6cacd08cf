"""Why Inception-ResNet's validation accuracy swings: the same weights with other statistics in batch normalisation.

``python -m book.evidence.swings --data folder --checkpoints folder`` reads checkpoints of the kept run that were copied
after some of its epochs (``epoch_26.npz`` …), has the validation part classified with the running averages as they are
and once more with averages of the training part under those weights, and writes ``book/results/swings.json``.
"""

import argparse
import json
import sys
from pathlib import Path

import keras
import numpy as np

from genre_utils import models, training
from genre_utils._store import write_atomically

from . import RESULTS, ROOT
from .ladder import FIRST, reestimate
from .plan import planned
from .runs import clips_of, splits_of


def measure(checkpoint, model, data, validation):
    """Validation accuracy and loss of a checkpoint's weights with the averages in it, and with new ones."""
    with np.load(checkpoint) as arrays:
        for i, variable in enumerate(model.variables):
            variable.assign(arrays[f"state_{i}"])
        history = json.loads(str(arrays["about"]))["history"]
    row = {"epoch": history["epoch"][-1], "training_accuracy": history["accuracy"][-1]}
    for name in ("running", "estimated"):
        if name == "estimated":
            reestimate(model, data)
        x, y = validation
        p = training.predict(model, x)
        row[f"{name}_accuracy"] = float((p.argmax(axis=1) == y).mean())
        row[f"{name}_loss"] = float(keras.metrics.sparse_categorical_crossentropy(y, p).numpy().mean())
    return row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m book.evidence.swings", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    run = next(run for run in planned(options.results) if run.name == FIRST)
    clips = clips_of(run, options.data)
    [split] = splits_of(run, clips.index)
    x, y = clips.x[..., None], clips.index["label"].to_numpy()
    model = models.build("inception_resnet", x.shape[1:], 10)
    path = options.results / "swings.json"
    rows = {row["epoch"]: row for row in json.loads(path.read_text())["epochs"]} if path.exists() else {}
    for checkpoint in sorted(options.checkpoints.glob("epoch_*.npz")):
        if int(checkpoint.stem.removeprefix("epoch_")) not in rows:
            row = measure(checkpoint, model, x[split.training], (x[split.validation], y[split.validation]))
            rows[row["epoch"]] = row
            print(row, flush=True)
            found = {"run": [run.name, run.seed], "n_validation": len(split.validation)}
            found["epochs"] = [rows[epoch] for epoch in sorted(rows)]
            write_atomically(path, json.dumps(found, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
