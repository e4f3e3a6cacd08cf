"""Training by a recipe. Explained in notebook 09."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from ._progress import progress


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        At most so many passes over the training part.
    batch_size : int
    learning_rate : float
        Adam's step at the start.
    lr_factor : float
        The step is multiplied by this when the monitored loss has not fallen for `lr_patience` epochs.
    lr_patience : int or None
        None keeps the step.
    stop_patience : int or None
        Training stops when the monitored loss has not fallen for so many epochs; None never stops early.
    min_delta : float
        A smaller fall does not count as one.
    monitor : {"loss", "val_loss"}
        The loss on the training part, or on the held-out part, which the Inception-ResNet paper does not say.
    norm_momentum : float or None
        Memory of batch normalisation's moving averages; None keeps the network's own, Keras's 0.99. In a run of fewer
        than some hundred steps that is too long: the network is then judged with averages of its first steps.
    """

    epochs: int = 100
    batch_size: int = 8
    learning_rate: float = 0.01
    lr_factor: float = 0.5
    lr_patience: int | None = 3
    stop_patience: int | None = 5
    min_delta: float = 0.0
    monitor: str = "loss"
    norm_momentum: float | None = None

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise ValueError(f"epochs, batch_size and learning_rate must be positive: {self}")
        if self.monitor not in ("loss", "val_loss"):
            raise ValueError(f"monitor is 'loss' or 'val_loss', not {self.monitor!r}")


RECIPES = {
    # Inception-ResNet paper, 4.3. The monitored loss is not said there; BBNN's released code takes the training loss.
    "inception_resnet": Recipe(),
    # BBNN's released code: the same but for patience 10 and min_delta 0.01 of early stopping.
    "bbnn": Recipe(stop_patience=10, min_delta=0.01),
}


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite."""


def fit(model, data, recipe, validation=None, out_dir=None, seed=0):
    """Train a network by a recipe.

    Parameters
    ----------
    model : keras.Model
        From `models.build`; trained in place.
    data : tuple of np.ndarray
        ``(x, y)``: inputs [shape=(n_clips, n_frames, n_mels, 1)], for the fusion a list of both, and labels
        [shape=(n_clips,)], 0 to n_classes - 1.
    recipe : Recipe
    validation : tuple of np.ndarray, optional
        Held-out ``(x, y)``, evaluated after each epoch. It chooses nothing unless ``recipe.monitor == "val_loss"``.
    out_dir : str or Path, optional
        Where ``history.csv`` and ``model.keras`` are written at the end.
    seed : int
        Seeds the order of the clips and the dropout. The weights were drawn when the network was built: call
        `keras.utils.set_random_seed` before that to repeat them.

    Returns
    -------
    dict of str to list
        As Keras's own history, a value an epoch: `epoch` (from 1), `loss`, `accuracy`, with validation `val_loss` and
        `val_accuracy`, `learning_rate` and `seconds`.

    Raises
    ------
    ValueError
        If inputs, labels and network do not fit together, before any training.
    TrainingDiverged
        If the loss becomes NaN or infinite.
    """
    for x, y in filter(None, (data, validation)):
        check_data(model, x, y)
    if recipe.monitor == "val_loss" and validation is None:
        raise ValueError("the recipe monitors the held-out loss; give fit(…, validation=(x, y))")
    keras.utils.set_random_seed(seed)
    if recipe.norm_momentum is not None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = recipe.norm_momentum
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=_jit(),
        run_eagerly=_eager(model, recipe.epochs * -(-len(data[1]) // recipe.batch_size)),
    )
    recorder = Recorder(recipe.epochs)
    callbacks = [recorder, keras.callbacks.TerminateOnNaN()]
    if recipe.lr_patience is not None:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                recipe.monitor, recipe.lr_factor, recipe.lr_patience, min_delta=recipe.min_delta
            )
        )
    if recipe.stop_patience is not None:
        callbacks.append(keras.callbacks.EarlyStopping(recipe.monitor, recipe.min_delta, recipe.stop_patience))
    model.fit(
        *data,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
    )
    history = recorder.history
    if not np.isfinite(history["loss"][-1]):
        raise TrainingDiverged(
            f"the loss became {history['loss'][-1]} in epoch {history['epoch'][-1]}: try a lower learning rate "
            f"(here {recipe.learning_rate:g}) and look for NaN in the inputs"
        )
    if out_dir is not None:
        out_dir = Path(out_dir)
        out_dir.mkdir(parents=True, exist_ok=True)
        with open(out_dir / "history.csv", "w", newline="") as file:
            csv.writer(file).writerows([history, *zip(*history.values())])
        model.save(out_dir / "model.keras")
    return history


def check_data(model, x, y):
    """Refuse inputs and labels that a network cannot be trained on.

    Parameters
    ----------
    model : keras.Model
    x : np.ndarray [shape=(n_clips, …)] or list of np.ndarray
        A list for a network of several inputs.
    y : np.ndarray [shape=(n_clips,)]

    Raises
    ------
    ValueError
    """
    shapes, n_classes = [tuple(tensor.shape[1:]) for tensor in model.inputs], model.output_shape[-1]
    parts = list(x) if isinstance(x, list | tuple) else [x]
    if len(parts) != len(shapes):
        raise ValueError(f"{len(parts)} arrays of inputs, the network takes {len(shapes)}")
    for part, expected in zip(parts, shapes):
        if len(part) != len(y) or not len(part):
            raise ValueError(f"{len(part)} inputs and {len(y)} labels; expected one label an input, and at least one")
        found = part.shape[1:]
        if len(found) != len(expected) or any(e not in (None, n) for e, n in zip(expected, found)):
            raise ValueError(f"inputs have the shape {found}, the network takes {expected}; a channel is x[..., None]")
        if not np.isfinite(part).all():
            raise ValueError("the inputs hold NaN or infinite values")
    if np.min(y) < 0 or np.max(y) >= n_classes:
        raise ValueError(
            f"labels run from {np.min(y)} to {np.max(y)}; the network has the classes 0 to {n_classes - 1}"
        )


class Recorder(keras.callbacks.Callback):
    """A progress bar over epochs that also keeps the history.

    Parameters
    ----------
    epochs : int
    """

    def __init__(self, epochs):
        super().__init__()
        self.bar, self.history = progress(total=epochs, desc="epochs"), {}

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: float(value) for name, value in logs.items()}
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"epoch": epoch + 1, **logs, "seconds": time.perf_counter() - self.started}
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        self.bar.set_postfix({name: f"{value:.3g}" for name, value in logs.items()})
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()


def device():
    """What the network runs on, in words.

    Returns
    -------
    str
        Keras's backend and its devices, for example ``"tensorflow on gpu:0"``.
    """
    names = keras.distribution.list_devices("gpu") or keras.distribution.list_devices("cpu")
    return f"{keras.backend.backend()} on {', '.join(names)}"


def _jit():
    # TensorFlow's compiler slows these networks down on a processor; JAX cannot do without its own.
    on_cpu = not keras.distribution.list_devices("gpu")
    return False if keras.backend.backend() == "tensorflow" and on_cpu else "auto"


def _eager(model, steps):
    # Turning hundreds of layers into a graph of TensorFlow's takes as long as some twenty steps without one.
    return keras.backend.backend() == "tensorflow" and len(model.layers) > 200 and steps < 20
