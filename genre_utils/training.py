"""Training by a recipe, which can be killed, and goes on. Explained in notebook 09."""

import io
import json
import time
from dataclasses import asdict

import keras
import numpy as np
import pandas as pd

from ._store import digest, only_writer, progress, read_npz, refuse_another_run, write_atomically


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite."""


def fit(model, data, recipe, validation=None, out_dir=None, seed=0, measure=None, workers=1):
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
    data : tuple of np.ndarray or features.Crops
        ``(x, y)``: inputs [shape=(n_clips, n_frames, n_mels, 1)], for the fusion a list of both, and labels
        [shape=(n_clips,)], 0 to n_classes - 1. Or batches of both, as `features.Crops` gives them.
    recipe : Recipe
    validation : tuple of np.ndarray or features.Crops, optional
        Evaluated after each epoch. It chooses nothing unless the recipe says so, by ``monitor="val_loss"`` or
        ``weights="best"``.
    out_dir : str or Path, optional
        Where ``history.csv`` and ``checkpoint.npz`` are kept, and at the end ``model.keras``; for one process at a
        time.
    seed : int
        Seeds the order of the clips and the dropout. The weights were drawn when the network was built: give
        `models.build` a seed to repeat them.
    measure : callable, optional
        Called with the model after each epoch; the numbers by name that it returns join the history.
    workers : int
        Processes that cut crops while the network is trained; with 1, this one.

    Returns
    -------
    dict of str to list
        A value an epoch: `epoch` (from 1), `loss`, `accuracy`, with validation `val_loss` and `val_accuracy`,
        `learning_rate` (after the epoch, so perhaps halved by its loss), `seconds`, and what `measure` returned.

    Raises
    ------
    ValueError
        If inputs, labels and network do not fit together, before any training; if `out_dir` is empty, is held by
        another process, holds another training, or a checkpoint that was cut short; if `measure` returns other names
        than before.
    OSError
        If `out_dir` cannot be written to.
    TrainingDiverged
        If the loss becomes NaN or infinite.

    References
    ----------
    Inception-ResNet paper, 4.3; FMA study, V; notebook 09.
    """
    for part in filter(None, (data, validation)):
        if not isinstance(part, tuple):
            part.epoch = 0
        check_data(model, *(part if isinstance(part, tuple) else part[0]))
    if validation is None and (recipe.monitor == "val_loss" or recipe.weights == "best"):
        raise ValueError("the recipe goes by the validation loss; give fit(…, validation=(x, y))")
    with only_writer(out_dir) as folder:
        return _fit(model, data, recipe, validation, folder, seed, measure, workers)


def _fit(model, data, recipe, validation, folder, seed, measure, workers):
    keras.utils.set_random_seed(seed)
    _compile(model, data, recipe)
    rules = keras.callbacks.CallbackList(_rules(recipe), model=model)
    rules.on_train_begin()
    history, best, path = {}, None, folder and folder / "checkpoint.npz"
    if path is not None:
        run = _identity(model, data, recipe, validation, seed, measure)
        if path.exists():
            history, best, state = _read_checkpoint(path, run, [tuple(variable.shape) for variable in _state(model)])
            for epoch, values in enumerate(zip(*history.values())):
                rules.on_epoch_end(epoch, dict(zip(history, values)))
            for variable, values in zip(_state(model), state, strict=True):
                variable.assign(values)
    done = len(history.get("epoch", []))
    epochs = progress(range(done, recipe.epochs), initial=done, total=recipe.epochs, desc="epochs")
    for epoch in epochs:
        if model.stop_training:
            break
        started = time.perf_counter()
        logs = _one_epoch(model, data, recipe, validation, seed, epoch, workers)
        if not np.isfinite(logs["loss"]):
            raise TrainingDiverged(
                f"the loss became {logs['loss']} in epoch {epoch + 1}: try a lower learning rate "
                f"(here {recipe.learning_rate:g}) and look for NaN in the inputs"
            )
        if recipe.weights == "best" and logs["val_loss"] < min(history.get("val_loss", [np.inf])):
            best = model.get_weights()
        rules.on_epoch_end(epoch, logs)
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        logs |= {name: float(value) for name, value in (measure(model) if measure else {}).items()}
        logs = {"epoch": epoch + 1, **logs, "learning_rate": rate, "seconds": time.perf_counter() - started}
        if history and set(history) != set(logs):
            unlike = ", ".join(sorted(set(history) ^ set(logs)))
            raise ValueError(f"epoch {epoch + 1} measured other things than those before it: {unlike}")
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


def predict(model, data, batch_size=8):
    """Probabilities that a network gives.

    Parameters
    ----------
    model : keras.Model
    data : np.ndarray [shape=(n_clips, …)] or list of np.ndarray or features.Crops
        Inputs, or batches of them that are not augmented.
    batch_size : int
        Of arrays; crops have their own.

    Returns
    -------
    np.ndarray [shape=(n_clips, n_classes)], float32
    """
    if isinstance(data, np.ndarray | list):
        return model.predict(data, batch_size=batch_size, verbose=0)
    return np.concatenate([model.predict_on_batch(data[batch][0]) for batch in range(len(data))])


def architecture(model):
    """What a network is made of: its configuration, whatever its layers are called.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    dict
        As JSON gives it, without what is None, which a later Keras may add; equal for networks that calculate the same
        with equal weights.
    """
    config = model.get_config()
    text = json.dumps(config, default=lambda value: type(value).__name__)
    for number, name in enumerate([model.name, *(layer["config"]["name"] for layer in config["layers"])]):
        text = text.replace(f'"{name}"', f'"layer {number}"')
    return json.loads(text, object_hook=lambda found: {k: v for k, v in found.items() if v is not None})


def device_defaults():
    """What should train fastest on this device; notebook 09 measures it.

    Returns
    -------
    dict
        `precision`, for `models.build`: "mixed_float16" on a GPU, whose tensor cores multiply numbers of 16 bits
        several times as fast, else "float32". `jit` and `steps_per_execution`, for a recipe: XLA on a GPU, and eight
        steps at a time there, since small batches leave it waiting for Python; on a processor neither, but JAX
        compiles everywhere.
    """
    gpu, backend = _devices()[0].startswith("gpu"), keras.backend.backend()
    return {
        "precision": "mixed_float16" if gpu else "float32",
        "jit": gpu and backend != "torch" or backend == "jax",
        "steps_per_execution": 8 if gpu and backend != "torch" else 1,
    }


def device():
    """What the network runs on, in words.

    Returns
    -------
    str
        Keras's backend and its devices, for example ``"tensorflow on gpu:0"``.
    """
    return f"{keras.backend.backend()} on {', '.join(_devices())}"


def _devices():
    """GPUs, or where there is none the processor."""
    if keras.backend.backend() == "torch":  # for which Keras lists none
        import torch

        return [f"gpu:{k}" for k in range(torch.cuda.device_count())] or ["cpu:0"]
    return keras.distribution.list_devices()


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
        If the inputs are not as many as the network's, of other shapes, not finite, or not one for each label; or if a
        label is none of the network's classes.
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


class _Batches(keras.utils.PyDataset):
    """Crops, or anything else that gives batches by number, as Keras takes them."""

    def __init__(self, crops, workers):
        super().__init__(workers=workers, use_multiprocessing=workers > 1)
        self.crops = crops

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, batch):
        return self.crops[batch]


@keras.saving.register_keras_serializable("genre_utils")
class _Adam(keras.optimizers.Adam):
    """Adam with an L2 penalty on all weights."""

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
    if recipe.batch_norm_momentum is not None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = recipe.batch_norm_momentum
    optimizer = _Adam(recipe.learning_rate, recipe.l2) if recipe.l2 else keras.optimizers.Adam(recipe.learning_rate)
    steps = -(-len(data[1]) // recipe.batch_size) if isinstance(data, tuple) else len(data)
    # A few steps without a graph of TensorFlow's take as long as making it.
    asked, few = (recipe.jit, recipe.steps_per_execution), 20 if len(model.layers) > 200 else 8
    eager = keras.backend.backend() == "tensorflow" and asked == (None, None) and recipe.epochs * steps < few
    fastest = {"jit": False, "steps_per_execution": 1} if eager else device_defaults()
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=fastest["jit"] if recipe.jit is None else recipe.jit,
        steps_per_execution=min(steps, recipe.steps_per_execution or fastest["steps_per_execution"]),
        run_eagerly=eager,
    )
    model.optimizer.build(model.trainable_variables)
    # Otherwise Keras fetches a batch to build these with, after which on JAX a feeder with workers loses its place.
    guess, label = np.full((1, model.output_shape[-1]), 1 / model.output_shape[-1], "float32"), np.zeros(1, "int32")
    model.compute_loss(y=label, y_pred=guess)
    model.compute_metrics(None, label, guess)


def _rules(recipe):
    """Keras's own callbacks, driven by `fit`, so that they can be told of the epochs before a kill."""
    shared = {"monitor": recipe.monitor, "mode": "min"}
    rules = []
    if recipe.lr_patience is not None:
        rules.append(keras.callbacks.ReduceLROnPlateau(factor=recipe.lr_factor, patience=recipe.lr_patience, **shared))
    if recipe.stop_patience is not None:
        rules.append(keras.callbacks.EarlyStopping(patience=recipe.stop_patience, min_delta=recipe.min_delta, **shared))
    return rules


def _one_epoch(model, data, recipe, validation, seed, epoch, workers):
    options = {"shuffle": False, "verbose": 0}
    if isinstance(data, tuple):
        x, y = data
        order = np.random.default_rng((seed, epoch)).permutation(len(y))
        x = [part[order] for part in x] if isinstance(x, list) else x[order]
        logs = model.fit(x, np.asarray(y)[order], batch_size=recipe.batch_size, **options).history
    else:
        data.epoch = epoch
        logs = model.fit(_Batches(data, workers), **options).history
    logs = {name: float(values[-1]) for name, values in logs.items()}
    if validation is None:
        return logs
    if isinstance(validation, tuple):
        found = model.evaluate(*validation, batch_size=recipe.batch_size, verbose=0, return_dict=True)
    else:
        found = model.evaluate(_Batches(validation, 1), verbose=0, return_dict=True)
    return logs | {f"val_{name}": float(value) for name, value in found.items()}


def _identity(model, data, recipe, validation, seed, measure):
    """What makes a training this one, as JSON can tell it, and sketches of the inputs, which numbers alone can tell."""
    about = {"recipe": asdict(recipe), "seed": seed, "backend": keras.backend.backend(), "network": architecture(model)}
    about["measure"] = getattr(measure, "__name__", None) if measure else None
    sketches = {}
    for name, part in {"data": data, "validation": validation}.items():
        if part is not None:
            about[name], sketches[name] = _sketch(part)
    return {"about": about, "sketches": sketches}


def _sketch(data):
    """Labels and sizes of a data set, and one number a clip that follows from all of its values.

    Log-mels differ in the last bit from one processor to another, so that a hash of them would call the same data
    another; the numbers are compared with a tolerance instead.
    """
    if not isinstance(data, tuple):
        clips = {"clips": digest(data.clip_ids, np.asarray(data.labels).tolist()), "seed": data.seed}
        clips |= {"inputs": [asdict(config) for config in data.configs], "augmented": data.augmented}
        return clips | {"batch_size": data.batch_size}, np.asarray(data.statistics)
    x, y = data
    parts = x if isinstance(x, list) else [x]
    sketch = [part.reshape(len(part), -1) @ _directions(part[0].size) for part in parts]
    return {"labels": digest(np.asarray(y).tolist()), "shapes": [part.shape for part in parts]}, np.stack(sketch)


def _directions(size):
    return (np.cos(np.arange(size) * 0.7) / np.sqrt(size)).astype(np.float32)


def _state(model):
    """Everything that training changes: weights, running averages, the dropout's random state, Adam's moments."""
    return [*model.variables, *model.optimizer.variables]


def _write_checkpoint(path, run, model, history, best):
    write_atomically(path.with_name("history.csv"), pd.DataFrame(history).to_csv(index=False))
    arrays = {f"state_{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(_state(model))}
    arrays |= {f"best_{i}": values for i, values in enumerate(best or [])}
    arrays |= {f"sketch_{name}": values for name, values in run["sketches"].items()}
    file = io.BytesIO()
    np.savez(file, about=json.dumps({"run": run["about"], "history": history}), **arrays)
    write_atomically(path, file.getvalue())


def _read_checkpoint(path, run, shapes):
    try:
        arrays = read_npz(path)
        about = json.loads(str(arrays["about"]))
        state, best = ([arrays[name] for name in arrays if name.startswith(p)] for p in ("state_", "best_"))
        sketches = {
            name: arrays[f"sketch_{name}"].astype(float) for name in run["sketches"] if f"sketch_{name}" in arrays
        }
        found, history = about["run"], about["history"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no whole checkpoint ({error}): delete it to train from the beginning") from error
    refuse_another_run(path.parent, found, run["about"])
    if [values.shape for values in state] != shapes:
        raise ValueError(f"{path} holds weights of other shapes than this network's: delete it to train anew")
    for name, sketch in run["sketches"].items():
        tolerance = 1e-3 * max(float(np.std(sketch)), 1e-3)
        if name not in sketches or not np.allclose(sketches[name], sketch, rtol=1e-3, atol=tolerance):
            raise ValueError(f"{path.parent} holds another run (its {name} have other values): name another folder")
    return history, best or None, state
