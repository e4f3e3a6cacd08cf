"""Training by a recipe, which can be killed, and goes on. Explained in notebook 09."""

import csv
import hashlib
import io
import json
import time
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from ._device import device, settings
from ._store import progress, refuse_another_run, write_atomically


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
    weight_decay : float
        So much of each weight is added to its gradient, as PyTorch's Adam does, with which the FMA study worked.
    weights : {"last", "best"}
        Which the trained network has: those of the last epoch, or those of the epoch with the lowest held-out loss.
    jit : bool or None
        Compile with XLA; None does so where `settings` expects it to be faster.
    steps_per_execution : int or None
        Training steps that the device takes without asking back; None lets `settings` choose.
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
    weight_decay: float = 0.0
    weights: str = "last"
    jit: bool | None = None
    steps_per_execution: int | None = None

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise ValueError(f"epochs, batch_size and learning_rate must be positive: {self}")
        if self.monitor not in ("loss", "val_loss"):
            raise ValueError(f"monitor is 'loss' or 'val_loss', not {self.monitor!r}")
        if self.weights not in ("last", "best"):
            raise ValueError(f"weights is 'last' or 'best', not {self.weights!r}")


# FMA study, V: the same for its five networks but for the batch, which memory limited.
_FMA = Recipe(epochs=20, batch_size=32, learning_rate=1e-4, lr_patience=None, stop_patience=None,
              weight_decay=1e-4, weights="best")  # fmt: skip

RECIPES = {
    # Inception-ResNet paper, 4.3. The monitored loss is not said there; BBNN's released code takes the training loss.
    "inception_resnet": Recipe(),
    # BBNN's released code: the same but for patience 10 and min_delta 0.01 of early stopping.
    "bbnn": Recipe(stop_patience=10, min_delta=0.01),
    "baseline_a_1d": replace(_FMA, batch_size=16),
    "baseline_a_2d": _FMA,
    "baseline_b": _FMA,
    "densenet121": _FMA,
    "fusion": replace(_FMA, batch_size=8),
}


__all__ = ["RECIPES", "Recipe", "TrainingDiverged", "check_data", "device", "fingerprint", "fit", "settings"]


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite."""


def fit(model, data, recipe, validation=None, out_dir=None, seed=0, measure=None):
    """Train a network by a recipe.

    With `out_dir` each epoch ends with a checkpoint. Killed and called again with the same arguments, it goes on after
    the last finished epoch and ends with the history and the weights of an undisturbed run, on a processor to the last
    bit. (One exception: TensorFlow adds the five gradients that meet at the input of a block of BBNN in whatever order
    they come, unless the recipe says ``jit=True``.) On a GPU the gradients of convolutions and pooling are summed in
    another order each time, and runs differ in the last digits, killed or not;
    ``tf.config.experimental.enable_op_determinism()`` stops that and costs speed.

    Parameters
    ----------
    model : keras.Model
        From `models.build`; trained in place.
    data : tuple of np.ndarray or keras.utils.PyDataset
        ``(x, y)``: inputs [shape=(n_clips, n_frames, n_mels, 1)], for the fusion a list of both, and labels
        [shape=(n_clips,)], 0 to n_classes - 1. Or a data set that gives batches of both, such as `feeding.Crops`; its
        attribute `epoch` is set before each epoch, and its batch size is its own.
    recipe : Recipe
    validation : tuple of np.ndarray or keras.utils.PyDataset, optional
        Held-out part, evaluated after each epoch. It chooses nothing unless the recipe says so, by
        ``monitor="val_loss"`` or ``weights="best"``.
    out_dir : str or Path, optional
        Where ``history.csv`` and ``checkpoint.npz`` are kept, and at the end ``model.keras``.
    seed : int
        Seeds the order of the clips and the dropout. The weights were drawn when the network was built: call
        `keras.utils.set_random_seed` before that to repeat them.
    measure : callable, optional
        Called with the model after each epoch; the numbers by name that it returns join the history.

    Returns
    -------
    dict of str to list
        A value an epoch: `epoch` (from 1), `loss`, `accuracy`, with validation `val_loss` and `val_accuracy`,
        `learning_rate`, `seconds`, and what `measure` returned.

    Raises
    ------
    ValueError
        If inputs, labels and network do not fit together, before any training; if `out_dir` holds another training, or
        a checkpoint that was cut short.
    TrainingDiverged
        If the loss becomes NaN or infinite.
    """
    for part in filter(None, (data, validation)):
        if isinstance(part, keras.utils.PyDataset):
            part.epoch = 0
        check_data(model, *(part[0] if isinstance(part, keras.utils.PyDataset) else part))
    if validation is None and (recipe.monitor == "val_loss" or recipe.weights == "best"):
        raise ValueError("the recipe goes by the held-out loss; give fit(…, validation=(x, y))")
    keras.utils.set_random_seed(seed)
    _compile(model, data, recipe)
    rules = _rules(recipe)
    for rule in rules:
        rule.set_model(model)
        rule.on_train_begin()
    history, best, path = {}, None, out_dir and Path(out_dir, "checkpoint.npz")
    if path is not None:
        run = {"recipe": asdict(recipe), "seed": seed, "network": _describe(model), "data": fingerprint(data)}
        if path.exists():
            history, best, restore = _read_checkpoint(path, run)
            for epoch, logs in enumerate(_rows(history)):
                for rule in rules:
                    rule.on_epoch_end(epoch, logs)
            restore(model)
    done = len(history.get("epoch", []))
    epochs = progress(range(done, recipe.epochs), initial=done, total=recipe.epochs, desc="epochs")
    for epoch in epochs:
        if model.stop_training:
            break
        started = time.perf_counter()
        logs = _one_epoch(model, data, recipe, validation, seed, epoch)
        if not np.isfinite(logs["loss"]):
            raise TrainingDiverged(
                f"the loss became {logs['loss']} in epoch {epoch + 1}: try a lower learning rate "
                f"(here {recipe.learning_rate:g}) and look for NaN in the inputs"
            )
        if recipe.weights == "best" and logs["val_loss"] < min(history.get("val_loss", [np.inf])):
            best = model.get_weights()
        for rule in rules:
            rule.on_epoch_end(epoch, logs)
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        logs |= measure(model) if measure else {}
        logs = {"epoch": epoch + 1, **logs, "learning_rate": rate, "seconds": time.perf_counter() - started}
        for name, value in logs.items():
            history.setdefault(name, []).append(value)
        epochs.set_postfix({name: f"{value:.3g}" for name, value in logs.items() if name not in ("epoch", "seconds")})
        if path is not None:
            _write_checkpoint(path, run, model, history, best)
    epochs.close()
    if best is not None:
        model.set_weights(best)
    if path is not None:
        model.save(whole := path.with_name(".model.keras"))
        whole.replace(path.with_name("model.keras"))
    return history


def fingerprint(data):
    """Short hash of inputs and labels.

    Parameters
    ----------
    data : tuple of np.ndarray or keras.utils.PyDataset
        Of a data set, its first batch stands for all.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    x, y = data[0] if isinstance(data, keras.utils.PyDataset) else data
    digest = hashlib.sha256(np.asarray(y, dtype=np.int64).tobytes())
    for part in x if isinstance(x, list | tuple) else [x]:
        digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()[:16]


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


@keras.saving.register_keras_serializable("genre_utils")
class _Adam(keras.optimizers.Adam):
    """Adam with an L2 penalty on all weights, where Keras's own argument `weight_decay` is AdamW's."""

    def __init__(self, learning_rate=0.001, l2=0.0, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.l2 = l2

    def apply(self, grads, trainable_variables=None):
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        grads = [g + self.l2 * keras.ops.cast(v, g.dtype) for g, v in zip(grads, variables)]
        return super().apply(grads, trainable_variables)

    def get_config(self):
        return super().get_config() | {"l2": self.l2}


def _compile(model, data, recipe):
    if recipe.norm_momentum is not None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = recipe.norm_momentum
    if recipe.weight_decay:
        optimizer = _Adam(recipe.learning_rate, recipe.weight_decay)
    else:
        optimizer = keras.optimizers.Adam(recipe.learning_rate)
    steps = len(data) if isinstance(data, keras.utils.PyDataset) else -(-len(data[1]) // recipe.batch_size)
    fastest = settings()
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=fastest["jit"] if recipe.jit is None else recipe.jit,
        steps_per_execution=min(steps, recipe.steps_per_execution or fastest["steps_per_execution"]),
        run_eagerly=_eager(model, recipe.epochs * steps),
    )
    model.optimizer.build(model.trainable_variables)
    # Otherwise Keras fetches a batch to build these with, after which on JAX a feeder with workers loses its place.
    guess, label = np.full((1, model.output_shape[-1]), 1 / model.output_shape[-1], "float32"), np.zeros(1, "int32")
    model.compute_loss(y=label, y_pred=guess)
    model.compute_metrics(None, label, guess)


def _rules(recipe):
    """Keras's own callbacks, driven by `fit`, so that they can be told of the epochs before a kill."""
    rules = []
    if recipe.lr_patience is not None:
        rules.append(
            keras.callbacks.ReduceLROnPlateau(
                recipe.monitor, recipe.lr_factor, recipe.lr_patience, mode="min", min_delta=recipe.min_delta
            )
        )
    if recipe.stop_patience is not None:
        stop = keras.callbacks.EarlyStopping(recipe.monitor, recipe.min_delta, recipe.stop_patience, mode="min")
        rules.append(stop)
    return rules


def _one_epoch(model, data, recipe, validation, seed, epoch):
    options = {"shuffle": False, "verbose": 0, "callbacks": [keras.callbacks.TerminateOnNaN()]}
    if isinstance(data, keras.utils.PyDataset):
        data.epoch = epoch
        logs = model.fit(data, **options).history
    else:
        x, y = data
        order = np.random.default_rng((seed, epoch)).permutation(len(y))
        x = [part[order] for part in x] if isinstance(x, list | tuple) else x[order]
        logs = model.fit(x, np.asarray(y)[order], batch_size=recipe.batch_size, **options).history
    logs = {name: float(values[-1]) for name, values in logs.items()}
    if validation is None:
        return logs
    if isinstance(validation, keras.utils.PyDataset):
        found = model.evaluate(validation, verbose=0, return_dict=True)
    else:
        found = model.evaluate(*validation, batch_size=recipe.batch_size, verbose=0, return_dict=True)
    return logs | {f"val_{name}": float(value) for name, value in found.items()}


def _rows(history):
    return [dict(zip(history, values)) for values in zip(*history.values())]


def _describe(model):
    shapes = " and ".join(str(tuple(tensor.shape[1:])) for tensor in model.inputs)
    return f"{model.count_params():,} parameters, {len(model.layers)} layers, inputs of {shapes}"


def _state(model):
    """Everything that training changes: weights, moving averages, dice of the dropout, Adam's memory."""
    return [*model.variables, *model.optimizer.variables]


def _write_checkpoint(path, run, model, history, best):
    with io.StringIO(newline="") as table:
        csv.writer(table).writerows([history, *zip(*history.values())])
        write_atomically(path.with_name("history.csv"), table.getvalue())
    arrays = {f"state_{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(_state(model))}
    arrays |= {f"best_{i}": values for i, values in enumerate(best or [])}
    file = io.BytesIO()
    np.savez(file, about=json.dumps({"run": run, "history": history}), **arrays)
    write_atomically(path, file.getvalue())


def _read_checkpoint(path, run):
    try:
        with np.load(path) as arrays:
            about = json.loads(str(arrays["about"]))
            state, best = ([arrays[name] for name in arrays.files if name.startswith(p)] for p in ("state_", "best_"))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no whole checkpoint ({error}): delete it to train from the beginning") from error
    refuse_another_run(path.parent, about["run"], run)

    def restore(model):
        for variable, values in zip(_state(model), state, strict=True):
            variable.assign(values)

    return about["history"], best or None, restore


def _eager(model, steps):
    # Turning hundreds of layers into a graph of TensorFlow's takes as long as some twenty steps without one.
    return keras.backend.backend() == "tensorflow" and len(model.layers) > 200 and steps < 20
