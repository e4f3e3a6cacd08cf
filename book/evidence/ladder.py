"""The hard split as a ladder: what raises accuracy where no artist is in two parts, below 200,000 parameters.

``python -m book.evidence.ladder --data folder`` climbs it. Each rung changes one thing against the last one that was
kept, or puts another network in its place. A rung is kept when it has more validation clips right than all before it;
the test part is read for those alone, once each, and every reading is written down in ``book/results/ladder.json``.
"""

import argparse
import json
import sys
from pathlib import Path

import keras
import numpy as np

from genre_utils import models
from genre_utils._store import digest, write_atomically

from . import RESULTS, ROOT
from .plan import planned
from .runs import clips_of, splits_of

LIMIT = 200_000
FIRST = "gtzan_filtered_inception_resnet"
SMALL = {"crop": 128, "epochs": 60, "batch_size": 16, "learning_rate": 0.002, "widths": (16, 32, 48, 64)}
# Rungs of networks that runs on the list have trained: their weights are kept, and nothing is trained here.
TRAINED = dict.fromkeys(("printed recipe", "statistics"), "inception_resnet")
TRAINED |= dict.fromkeys(("BBNN", "BBNN, statistics"), "bbnn")
UNLIKE = ("small network", "masks", "mixup", "equaliser")
# What each rung sets otherwise than the last small network that was kept.
RUNGS = [
    ("printed recipe", "Inception-ResNet by the paper's recipe, at a learning rate of 0.001", {}),
    ("statistics", "The same weights; batch normalisation's averages estimated anew from the training part", {}),
    ("small network", "Four convolutions in place of 89 layers, trained on random crops of 128 frames", {}),
    ("masks", "SpecAugment: two bands and two stretches of time set to the mean", {"mask": 16}),
    ("mixup", "Pairs of clips and of their labels are mixed", {"mixup": 0.3}),
    ("equaliser", "Each crop's spectrum is tilted and bent at random, as another recording would", {"tilt": 0.3}),
    ("bands", "Mean, maximum and deviation over time for each band, not over all bands together", {"bands": True}),
    ("averaged weights", "A running average of the weights over the training steps", {"average": 0.99}),
    ("ensemble", "Networks of four seeds, their probabilities averaged", {"seeds": 4}),
    ("longer crops", "Crops of 256 frames", {"crop": 256}),
    ("BBNN", "BBNN in place of the small network, by its authors' recipe, at a learning rate of 0.001", {}),
    ("BBNN, statistics", "As in the second rung: the averages estimated anew", {}),
    ("larger batches", "Batches of 32", {"batch_size": 32, "learning_rate": 0.003}),
    ("unlike networks", "Four networks of unlike recipes, averaged", {"members": UNLIKE}),
]


def build(n_mels, n_classes, widths, bands=False):
    """Convolutions of 3 x 3 with max-pooling, then mean, maximum and deviation of what is left."""
    layers = keras.layers
    inputs = x = keras.Input((None, n_mels, 1))
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    if bands:
        x = layers.Conv2D(16, 1, activation="relu")(x)
    axes = 1 if bands else (1, 2)
    deviation = keras.ops.sqrt(keras.ops.var(x, axes) + 1e-5)
    pooled = [keras.ops.mean(x, axes), keras.ops.max(x, axes), deviation]
    x = layers.Concatenate()([layers.Flatten()(part) for part in pooled])
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


class Batches(keras.utils.PyDataset):
    """Crops of the training clips, changed at random as a rung says; another draw in each epoch."""

    def __init__(self, x, y, n_classes, rung, seed):
        super().__init__()
        self.x, self.y, self.rung = x, np.eye(n_classes, dtype=np.float32)[y], rung
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.y) // self.rung["batch_size"])

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.y))

    def __getitem__(self, batch):
        size = self.rung["batch_size"]
        rows = self.order[batch * size : (batch + 1) * size]
        crop, y = self.rung["crop"], self.y[rows]
        starts = self.rng.integers(0, self.x.shape[1] - crop + 1, len(rows))
        x = np.stack([self.x[row, start : start + crop] for row, start in zip(rows, starts)])
        if tilt := self.rung.get("tilt"):
            x += _curves(self.rng.normal(0, tilt, (len(x), 5)), x.shape[2])[:, None]
        if mask := self.rung.get("mask"):
            for clip in x:
                _mask(clip, mask, self.rng)
        if mixup := self.rung.get("mixup"):
            share = self.rng.beta(mixup, mixup, len(x)).astype(np.float32)
            other = self.rng.permutation(len(x))
            x = share[:, None, None] * x + (1 - share[:, None, None]) * x[other]
            y = share[:, None] * y + (1 - share[:, None]) * y[other]
        return x[..., None], y


def _curves(knots, n_mels):
    places = np.linspace(0, knots.shape[1] - 1, n_mels)
    return np.stack([np.interp(places, range(knots.shape[1]), row) for row in knots]).astype(np.float32)


def _mask(clip, most, rng):
    for axis in (0, 0, 1, 1):
        width = rng.integers(0, most + 1)
        start = rng.integers(0, clip.shape[axis] - width + 1)
        (clip if axis == 0 else clip.T)[start : start + width] = 0


def train(rung, x, y, n_classes, seed):
    """A small network trained as a rung says, by AdamW and a cosine schedule."""
    keras.utils.set_random_seed(seed)
    model = build(x.shape[2], n_classes, rung["widths"], rung.get("bands", False))
    batches = Batches(x, y, n_classes, rung, seed)
    rate = keras.optimizers.schedules.CosineDecay(rung["learning_rate"], len(batches) * rung["epochs"])
    average = rung.get("average")
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=0.01, use_ema=bool(average), **({"ema_momentum": average} if average else {})
    )
    model.compile(optimizer, "categorical_crossentropy")
    model.fit(batches, epochs=rung["epochs"], verbose=0, shuffle=False)
    if average:
        optimizer.finalize_variable_values(model.trainable_variables)
        reestimate(model, x[..., None])
    return model


def reestimate(model, x, batch_size=8):
    """Replace batch normalisation's running averages by those of the training part under the final weights."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    order = np.random.default_rng(0).permutation(len(x))
    for batch in range(len(order) // batch_size):
        for layer in norms:
            layer.momentum = batch / (batch + 1)
        model(x[order[batch * batch_size : (batch + 1) * batch_size]], training=True)


class Climb:
    """A ladder's file, the clips, and what may be read of them.

    Training and choosing see the training and the validation part. `read_test` alone sees the test part, and writes
    down that it did before it looks.
    """

    def __init__(self, path, clips, split):
        self.path, self.index, self._x, self._split = path, clips.index, clips.x, split
        labels = clips.index["label"].to_numpy()
        self.training = clips.x[split.training], labels[split.training]
        self.validation = clips.x[split.validation], labels[split.validation]
        self.labels = labels
        self.log = json.loads(path.read_text()) if path.exists() else {"limit": LIMIT, "rungs": [], "reads": []}

    @property
    def best(self):
        return max((rung["validation"] for rung in self.log["rungs"] if rung["kept"]), default=0.0)

    def add(self, name, what, settings, parameters, validation, classify):
        """Write a rung down; when it is kept, read the test part once by `classify`."""
        right = float((validation.argmax(axis=1) == self.validation[1]).mean())
        kept = right > self.best and parameters <= LIMIT
        rung = {"name": name, "what": what, "settings": settings, "parameters": parameters, "validation": right}
        rung |= {
            "n_validation": len(validation),
            "kept": kept,
            "test": self.read_test(name, classify) if kept else None,
        }
        self.log["rungs"].append(rung)
        self.write()
        return rung

    def read_test(self, name, classify):
        self.log["reads"].append(name)
        self.write()
        rows = self._split.test
        predicted = classify(self._x[rows]).argmax(axis=1)
        table = self.index.loc[rows, ["clip_id", "label", "artist"]].assign(predicted=predicted)
        return table.to_dict("list")

    def write(self):
        write_atomically(self.path, json.dumps(self.log, separators=(",", ":")))


def climb(data_dir, work, results=RESULTS, rungs=RUNGS):
    """Do the rungs that are not done yet."""
    run = next(run for run in planned(results) if run.name == FIRST)
    clips = clips_of(run, data_dir)
    [split] = splits_of(run, clips.index)
    ladder = Climb(results / "ladder.json", clips, split)
    done = {rung["name"]: rung for rung in ladder.log["rungs"]}
    settings = SMALL
    for name, what, changes in rungs:
        if name in done:
            settings = settings | changes if done[name]["kept"] else settings
            continue
        tried = settings | changes
        if name in TRAINED:
            model, _ = models.load_trained(TRAINED[name], results)
            tried = {}
            if "statistics" in name:
                reestimate(model, ladder.training[0][..., None])
            networks = [model]
        else:
            n_classes = int(ladder.labels.max()) + 1
            members = [(tried, seed) for seed in range(tried.get("seeds", 1))]
            if "members" in tried:
                members = [(rung["settings"], 0) for rung in ladder.log["rungs"] if rung["name"] in tried["members"]]
            networks = [_trained(work, *member, ladder.training, n_classes) for member in members]

        def classify(x, networks=networks):
            return np.mean([network.predict(x[..., None], batch_size=16, verbose=0) for network in networks], axis=0)

        parameters = sum(network.count_params() for network in networks)
        rung = ladder.add(name, what, tried, parameters, classify(ladder.validation[0]), classify)
        print(f"{name}: validation {rung['validation']:.3f}, {'kept' if rung['kept'] else 'not kept'}", flush=True)
        settings = settings | changes if rung["kept"] else settings
    return ladder.log


def _trained(work, settings, seed, training, n_classes):
    alone = {key: value for key, value in settings.items() if key != "seeds"}
    path = work / "ladder" / f"{digest(alone)}_{seed}.keras"
    if not path.exists():
        model = train(settings, *training, n_classes, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(part := path.with_name(f".{path.name}"))
        part.replace(path)
    return keras.saving.load_model(path, compile=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m book.evidence.ladder", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--work", type=Path, default=ROOT / ".runs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    climb(options.data, options.work, options.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
