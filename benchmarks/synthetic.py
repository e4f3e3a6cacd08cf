"""How fast the synthetic clips are made, and how far simple features, and a trained network, tell their genres apart.

    python benchmarks/synthetic.py --seed 1 --clips 100 --seconds 30

Every clip is faultless. "By artist" keeps all clips of an artist in one fold.
"""

import argparse
import tempfile
import time

import librosa
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from genre_utils import datasets, evaluation, models, training
from genre_utils.features import standardise


def features(path):
    """Mean and deviation of 128 log-mel bands, and the autocorrelation of the onsets in eight groups of them."""
    y, sr = librosa.load(path, sr=None)
    power = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=2048, hop_length=512)
    db = librosa.power_to_db(power[:, ::2])  # a hop of 1,024
    rise = np.maximum(0, np.diff(librosa.power_to_db(power).reshape(8, 16, -1).mean(1)))
    rise -= rise.mean(1, keepdims=True)
    rhythm = librosa.autocorrelate(rise, max_size=130, axis=1)
    rhythm = (rhythm[:, 4:] / (rhythm[:, :1] + 1e-9)).ravel()
    return np.r_[db.mean(1), db.std(1)], rhythm, db.T.astype(np.float32)


def network(spectra, index, epochs, seed=0):
    """Clips that a trained Baseline B has right, of a fifth held out; each clip standardised by itself."""
    x, y = standardise(spectra, axis=(1, 2))[..., None], index["label"].to_numpy()
    split = evaluation.holdout(y, seed)
    model = models.build("baseline_b", x.shape[1:], 10, seed=seed)
    recipe = models.Recipe(epochs, 8, 3e-4, lr_patience=None, stop_patience=None, batch_norm_momentum=0.9)
    validation = x[split.test], y[split.test]
    history = training.fit(model, (x[split.training], y[split.training]), recipe, validation, seed=seed)
    return round(history["val_accuracy"][-1] * len(split.test)), len(split.test)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips", type=int, default=100, help="clips a genre")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a clip")
    parser.add_argument("--epochs", type=int, default=20, help="of the network")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"writes {options.clips} clips a genre, then reads and classifies them", flush=True)
        start = time.perf_counter()
        settings = {"seconds": options.seconds, "seed": options.seed, "n_jobs": options.jobs, "faults": False}
        index = datasets.load("synthetic", folder, options.clips, **settings)
        took = time.perf_counter() - start
        found = Parallel(options.jobs)(delayed(features)(path) for path in index["path"])
    sound = len(index) * options.seconds
    print(f"{sound:,.0f} s of sound written in {took:.1f} s by {options.jobs} processes: "
          f"10,000 s would take {10_000 * took / sound:.0f} s (bar: 120 s)")  # fmt: skip
    spectrum, rhythm, _ = zip(*found)
    spectrum, rhythm = np.array(spectrum), np.array(rhythm)
    sets = {"mean and deviation of mels (bar: 0.45 to 0.75)": spectrum, "rhythm": rhythm,
            "both": np.c_[spectrum, rhythm]}  # fmt: skip
    svms = {"linear": SVC(kernel="linear"), "linear, C=0.01": SVC(kernel="linear", C=0.01), "rbf": SVC()}
    rows = []
    for name, x in sets.items():
        for kind, svm in svms.items():
            model, shuffle = make_pipeline(StandardScaler(), svm), dict(n_splits=5, shuffle=True, random_state=0)
            at_random = cross_val_score(model, x, index["genre"], cv=StratifiedKFold(**shuffle))
            by_artist = cross_val_score(
                model, x, index["genre"], groups=index["artist"], cv=StratifiedGroupKFold(**shuffle)
            )
            rows.append((name, kind, at_random.mean(), by_artist.mean()))
    print(pd.DataFrame(rows, columns=["features", "svm", "random folds", "by artist"]).round(3).to_string(index=False))
    print(f"trains baseline B for {options.epochs} epochs", flush=True)
    shortest = min(len(part[2]) for part in found)
    right, n = network(np.stack([part[2][:shortest] for part in found]), index, options.epochs)
    low, high = evaluation.wilson(right, n)
    print(f"Baseline B, {options.epochs} epochs, a fifth held out: {right / n:.3f} of {n} clips, 95 % interval "
          f"{low:.3f} to {high:.3f} (bar: clearly above the SVM on mels, below 0.97)")  # fmt: skip


if __name__ == "__main__":
    main()
