"""Cross-validation that can be killed, and goes on. Explained in notebook 10."""

import json
import platform
import shutil
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from .. import __version__, datasets, features
from .._store import digest, only_writer, parallel, refuse_another_run, version, write_atomically
from . import splits as _splits
from .result import COLUMNS, DIGITS, LAYOUT, Result, save

# Which weights are judged, and which part is evaluated after each epoch.
PROTOCOLS = {
    "last_weights": ("last", "test"),
    "chosen_on_validation": ("best", "validation"),
    "chosen_on_test": ("best", "test"),
}


def cross_validate(
    model,
    clips,
    recipe,
    splits=None,
    n_folds=10,
    protocol="last_weights",
    out_dir=None,
    seed=0,
    n_jobs=1,
    precision="float32",
    measure=None,
    workers=1,
    keep_models=False,
    **options,
):
    """Train a new network for each split, and let it classify clips that it was not trained on.

    Folds are handed to joblib, so that ``joblib.parallel_config(backend="dask")`` sends them to a cluster. With
    `out_dir`, a run that was killed goes on when it is called again: finished folds are read, begun ones go on after
    their last finished epoch, and what is found is that of an undisturbed run. Statistics by which inputs are
    standardised are those of the training part of each split.

    Parameters
    ----------
    model : str
        One of `models.NETWORKS`.
    clips : features.Features or features.Recordings
        Arrays, from `features.extract`; or sound files that are cropped anew and augmented in each epoch, from
        `features.scan`. With one input or two, as the network reads them.
    recipe : models.Recipe
        Its `weights` are set by the protocol.
    splits : list of Split, optional
        From `k_fold`, `random_splits`, `predefined_split` or `holdout`.
    n_folds : int
        Of a stratified k-fold, where `splits` are not given.
    protocol : {"last_weights", "chosen_on_validation", "chosen_on_test"}
        Which weights are judged: those of the last epoch; those with the lowest loss on a validation part, which is
        taken from the training clips; or those with the lowest loss on the *test* part, which flatters and is here to
        show by how much.
    out_dir : str or Path, optional
        Keeps ``run.json``, what the run is; ``fold_00.json`` … as they finish; and ``result.json``, which `load` reads.
        For one process at a time.
    seed : int
        Draws the folds, the weights and the order of the clips.
    n_jobs : int
        Folds side by side.
    precision : {"float32", "mixed_float16", "mixed_bfloat16"}
        As of `models.build`.
    measure : callable, optional
        Called after each epoch with labels and probabilities of the part that is evaluated; the numbers by name that
        it returns join the history.
    workers : int
        Processes for each fold that cut crops while it is trained.
    keep_models : bool
        Keep the network of each fold that is trained now beside its file in `out_dir`, as ``fold_00.keras``.
    **options
        Passed to `models.build`: what a paper leaves open.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the folds do not fit the genres, a genre is missing from a training part or from all test parts, a part that
        is needed is empty, the recipe would watch test clips under "last_weights", the clips are not what the network
        reads, or `out_dir` is empty, in use, or holds another run.
    OSError
        If `out_dir` cannot be written to.

    References
    ----------
    Inception-ResNet paper, 4.3; notebook 10.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
    if recipe.monitor == "val_loss" and protocol == "last_weights":
        raise ValueError("monitor='val_loss' would watch the test part: take the protocol chosen_on_validation")
    labels, genres = clips.index["label"].to_numpy(), datasets.genres(clips.index)
    if splits is None:
        splits = _splits.k_fold(labels, n_folds, seed, validation=protocol == "chosen_on_validation")
    _refuse_gaps(splits, labels, genres, PROTOCOLS[protocol][1])
    recipe = replace(recipe, weights=PROTOCOLS[protocol][0])
    build = {"name": model, "input_shape": _input_shape(clips), "n_classes": len(genres), "precision": precision}
    about = _about(build | options, options, clips, recipe, protocol, splits, seed, measure)
    train = {"clips": clips, "recipe": recipe, "watched": PROTOCOLS[protocol][1], "seed": seed}
    train |= {"build": build | options, "measure": measure, "workers": workers, "keep": keep_models}
    with only_writer(out_dir) as folder:
        paths = _claim(folder, about, len(splits)) if folder else [None] * len(splits)
        calls = [(train, split, fold, paths[fold]) for fold, split in enumerate(splits)]
        done = parallel(_run_fold, calls, n_jobs, "folds")
        result = gather(done, splits, clips.index, about)
        if folder:
            save(result, folder / "result.json")
    return result


def _input_shape(clips):
    """Shape that `models.build` needs for the clips that are there, which precomputed log-mels decide themselves."""
    from .. import models

    if isinstance(clips, features.Recordings):
        return models.input_shape_of(clips.config)
    parts = features.several(clips.x)
    if len(clips.index) != len(parts[0]):
        raise ValueError(f"{len(parts[0])} inputs and {len(clips.index)} rows in their index; expected one each")
    shapes = tuple((*part.shape[1:], 1) for part in parts)
    return shapes if len(shapes) > 1 else shapes[0]


def _about(build, options, clips, recipe, protocol, splits, seed, measure):
    import keras

    from .. import models, training

    network, record = models.build(**build), models.network(build["name"])
    made = {"name": build["name"], "options": options, "parameters": network.count_params()}
    made |= {"paper": record.paper, "section": record.section, "hash": digest(training.architecture(network))}
    backend = keras.backend.backend()
    about = {"network": made, "recipe": asdict(recipe), "protocol": protocol, "seed": seed}
    about |= {"precision": build["precision"], "measure": getattr(measure, "__name__", None) if measure else None}
    about |= {"backend": backend, "versions": versions(backend)} | conditions(clips, splits)
    about["features"]["shapes"] = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    return json.loads(json.dumps(about, default=str))


def conditions(clips, splits):
    """What a result says of its clips, their features and the splits, whatever classifies them.

    Parameters
    ----------
    clips : features.Features or features.Recordings
    splits : list of Split

    Returns
    -------
    dict
        `data`, `features` and `splits` of `Result.about`.
    """
    known = clips.index["dataset"].iloc[0] if "dataset" in clips.index else ""
    data = {"dataset": known, "source": datasets.source(clips.index), "genres": datasets.genres(clips.index)}
    data |= {"n_clips": len(clips.index), "fingerprint": datasets.fingerprint(clips.index)}
    extractor = features.version()
    applied = [asdict(config) for config in features.several(clips.config)]
    if known == "precomputed":  # how they were computed is not ours to tell
        applied = [{name: values[name] for name in ("ref", "top_db", "standardise")} for values in applied]
        extractor = "precomputed"
    inputs = {"inputs": applied, "crops": isinstance(clips, features.Recordings), "extractor": extractor}
    parts = {"n": len(splits), "sizes": [[*map(len, split)] for split in splits]}
    parts["fingerprint"] = digest([[part.tolist() for part in split] for split in splits])
    return {"data": data, "features": inputs, "splits": parts}


def versions(backend):
    """Versions of what calculates, as far as they can be found.

    Parameters
    ----------
    backend : str

    Returns
    -------
    dict of str to str
    """
    found = {"genre-utils": __version__, "python": platform.python_version(), "numpy": np.__version__}
    return found | {name: told for name in ("keras", backend, "librosa") if (told := version(name))}


def _run_fold(train, split, fold, path):
    folder = path and path.with_suffix("")
    if path is not None and path.exists():
        shutil.rmtree(folder, ignore_errors=True)  # a kill may have come in between
        needed = ("probabilities", "history", "seconds_per_epoch", "device")
        return _read(path, needed, "delete it to train that fold again")
    import keras

    from .. import models, training

    recipe, seed = train["recipe"], train["seed"] + 1_000 * fold  # so that seeds 0 and 1 share none
    network = models.build(**train["build"], seed=seed)
    parts = {name: _part(train, split, name, seed) for name in ("training", train["watched"], "test")}
    watched, measure = parts[train["watched"]], train["measure"]
    if measure is not None:

        def measured(model):
            x, y = watched if isinstance(watched, tuple) else (watched, watched.labels)
            return measure(y, training.predict(model, x, recipe.batch_size))

    history = training.fit(
        network, parts["training"], recipe, watched, folder, seed, measured if measure else None, train["workers"]
    )
    seconds = history.pop("seconds")
    test = parts["test"]
    probabilities = training.predict(network, test[0] if isinstance(test, tuple) else test, recipe.batch_size)
    result = {"fold": fold, "probabilities": probabilities.tolist(), "history": history}
    result |= {"seconds_per_epoch": float(np.median(seconds)), "device": training.device()}
    if path is not None:
        if train["keep"]:
            (folder / "model.keras").replace(path.with_suffix(".keras"))
        write_atomically(path, json.dumps(result))
        shutil.rmtree(folder)
    keras.backend.clear_session()
    return result


def _part(train, split, name, seed):
    """A part of a split as `training.fit` takes it, standardised by what the training part gives."""
    clips, rows = train["clips"], getattr(split, name)
    if isinstance(clips, features.Recordings):
        statistics, augmented = clips.statistics(split.training), name == "training"
        return features.Crops(clips, rows, train["recipe"].batch_size, augmented, seed, statistics)
    x = []
    for array, config in zip(features.several(clips.x), features.several(clips.config)):
        part = array[rows]
        if config.standardise == "training":
            part = features.standardise(part, *features.training_statistics(array[split.training]))
        x.append(part[..., None])
    return x if len(x) > 1 else x[0], clips.index["label"].to_numpy()[rows]


def gather(done, splits, index, about):
    """One result of the predictions for each split.

    Parameters
    ----------
    done : list of dict
        A split's `probabilities`, `history`, `seconds_per_epoch` and `device`.
    splits : list of Split
    index : pd.DataFrame
    about : dict
        As `Result.about` has it, without the device and the seconds.

    Returns
    -------
    Result
    """
    columns = [f"p_{k}" for k in range(len(about["data"]["genres"]))]
    index = index.assign(artist=index.get("artist", ""))
    parts, histories = [], []
    for fold, (result, split) in enumerate(zip(done, splits)):
        probabilities = np.array(result["probabilities"])
        part = index.iloc[split.test].assign(fold=fold, predicted=probabilities.argmax(axis=1))[[*COLUMNS]]
        part[columns] = probabilities.round(DIGITS)
        parts.append(part)
        histories.append(pd.DataFrame(result["history"]).assign(fold=fold))
    predictions = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    seconds = round(float(np.median([result["seconds_per_epoch"] for result in done])), 2)
    measured = {"device": done[0]["device"], "seconds_per_epoch": seconds}
    return Result(predictions, pd.concat(histories, ignore_index=True), about | measured)


def _read(path, needed, advice):
    """A file of a run, or in one sentence what to do with it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if lacks := set(needed) - set(found):
            raise ValueError(f"it lacks {', '.join(sorted(lacks))}")
        return found
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} was cut short ({error}): {advice}") from error


def _refuse_gaps(splits, labels, genres, watched):
    for fold, split in enumerate(splits):
        if not len(getattr(split, watched)):
            raise ValueError(f"the {watched} part of split {fold} is empty; this protocol needs one")
    parts = {f"training part of split {fold}": split.training for fold, split in enumerate(splits)}
    parts["test part of any split"] = np.concatenate([split.test for split in splits])
    for name, rows in parts.items():
        if lacks := [genre for k, genre in enumerate(genres) if k not in labels[rows]]:
            raise ValueError(f"the {name} has no clip of {', '.join(lacks)}: fewer folds, or more clips?")


def _claim(folder, about, n_splits):
    """Take a folder for a run; versions are told and may change while it goes on, all else makes it another run."""
    path = folder / "run.json"
    run = {"layout": LAYOUT} | {name: value for name, value in about.items() if name != "versions"}
    if path.exists():
        found = _read(path, ("layout",), "name another folder, or delete this one")
        refuse_another_run(folder, found, run)
    else:
        write_atomically(path, json.dumps(run, indent=1))
    return [folder / f"fold_{k:02d}.json" for k in range(n_splits)]
