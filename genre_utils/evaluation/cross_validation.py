"""Cross-validation that can be killed, and goes on. Explained in notebook 10."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import datasets
from .._store import progress, refuse_another_run, write_atomically
from . import splits as _splits

# Which weights are judged, and which part watches the training.
PROTOCOLS = {
    "last_weights": ("last", "test"),
    "chosen_on_validation": ("best", "validation"),
    "chosen_on_test": ("best", "test"),
}


class Result(NamedTuple):
    """What a cross-validation found.

    Attributes
    ----------
    predictions : pd.DataFrame
        A row a clip and test: `clip_id`, `fold`, `label`, `predicted`, and the probabilities `p_0` to `p_k`, all given
        by a network that was not trained on the clip.
    history : pd.DataFrame
        A row a fold and epoch, as `training.fit` returns it, without the times. `val_loss` and `val_accuracy` are of
        the part that watched: of the test part itself, unless the weights were chosen on a validation part.
    about : dict
        Model, recipe, protocol, seed, fingerprint of the data, genres, and versions of what calculated.
    """

    predictions: pd.DataFrame
    history: pd.DataFrame
    about: dict


def cross_validate(
    model,
    x,
    index,
    recipe,
    n_folds=10,
    out_dir=None,
    seed=0,
    n_jobs=1,
    protocol="last_weights",
    splits=None,
    **options,
):
    """Train a new network for each split, and let it classify clips that it was not trained on.

    The Inception-ResNet paper, 4.3: stratified k-fold. Folds are handed to joblib, so that
    ``joblib.parallel_config(backend="dask")`` sends them to a cluster. With `out_dir`, a run that was killed goes on
    when it is called again: finished folds are read, begun ones go on after their last finished epoch, and the files
    become those of an undisturbed run.

    Parameters
    ----------
    model : str
        A name that `models.build` takes.
    x : np.ndarray [shape=(n_clips, n_frames, n_mels, 1)]
    index : pd.DataFrame
        The clips' index, in the order of `x`.
    recipe : training.Recipe
        Its `weights` are set by the protocol.
    n_folds : int
        Of a stratified k-fold, where `splits` are not given.
    out_dir : str or Path, optional
        Keeps ``run.json``, what the run is; ``fold_00.json`` … as they finish; and ``result.json``, which `load` reads.
    seed : int
        Draws the folds, the weights and the order of the clips.
    n_jobs : int
        Folds side by side.
    protocol : {"last_weights", "chosen_on_validation", "chosen_on_test"}
        Which weights are judged: those of the last epoch; those with the lowest loss on a validation part, which is
        taken from the training clips; or those with the lowest loss on the *test* part, which flatters and is here to
        show by how much.
    splits : list of Split, optional
        From `k_fold`, `published` or `random_splits`.
    **options
        Passed to `models.build`.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the folds do not fit the genres, a genre is missing from a part, a validation part is needed and empty, or
        `out_dir` holds another run.
    """
    import joblib

    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
    if len(x) != len(index):
        raise ValueError(
            f"{len(x)} inputs and {len(index)} rows in the index; expected the index that features.extract returned"
        )
    labels = index["label"].to_numpy()
    if splits is None:
        splits = _splits.k_fold(labels, n_folds, seed, validation=protocol == "chosen_on_validation")
    genres = datasets.genres(index)
    _refuse_gaps(splits, labels, genres, PROTOCOLS[protocol][1])
    recipe = replace(recipe, weights=PROTOCOLS[protocol][0])
    about = {"model": model, "options": options, "recipe": asdict(recipe), "protocol": protocol, "seed": seed}
    about |= {"n_splits": len(splits), "splits": _fingerprint_of(splits), "data": _data_key(x, index)}
    paths = [None] * len(splits) if out_dir is None else _claim(Path(out_dir), about, len(splits))
    jobs = (
        joblib.delayed(_run_fold)(model, options, x, labels, split, fold, recipe, protocol, seed, paths[fold])
        for fold, split in enumerate(splits)
    )
    done = progress(joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs), total=len(splits), desc="folds")
    result = _gather(list(done), splits, index, about | {"genres": genres, "versions": _versions()})
    if out_dir is not None:
        save(result, Path(out_dir, "result.json"))
    return result


def save(result, path):
    """Write a result as one JSON file.

    Parameters
    ----------
    result : Result
    path : str or Path
    """
    tables = {"predictions": result.predictions, "history": result.history}
    content = {"about": result.about} | {name: table.to_dict("list") for name, table in tables.items()}
    write_atomically(Path(path), json.dumps(content))


def load(path):
    """Read a result again.

    Parameters
    ----------
    path : str or Path
        The ``result.json`` that `cross_validate` wrote, or the folder that holds it.

    Returns
    -------
    Result

    Raises
    ------
    FileNotFoundError
        If there is none: the run has not finished, or went elsewhere.
    ValueError
        If the file is none of those.
    """
    path = Path(path)
    path = path / "result.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: give the results_dir of a cross-validation that has finished")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Result(pd.DataFrame(content["predictions"]), pd.DataFrame(content["history"]), content["about"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no result of a cross-validation ({error})") from error


def _gather(done, splits, index, about):
    columns = [f"p_{k}" for k in range(len(about["genres"]))]
    parts, histories = [], []
    for fold, (result, split) in enumerate(zip(done, splits)):
        part = pd.DataFrame(result["probabilities"], columns=columns, index=split.test)
        part.insert(0, "clip_id", index["clip_id"].to_numpy()[split.test])
        part.insert(1, "fold", fold)
        part.insert(2, "label", index["label"].to_numpy()[split.test])
        part.insert(3, "predicted", part[columns].to_numpy().argmax(axis=1))
        parts.append(part)
        histories.append(pd.DataFrame(result["history"]).assign(fold=fold))
    predictions = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    return Result(predictions, pd.concat(histories, ignore_index=True), about)


def _run_fold(model, options, x, labels, split, fold, recipe, protocol, seed, path):
    folder = path and path.with_suffix("")
    if path is not None and path.exists():
        shutil.rmtree(folder, ignore_errors=True)  # a kill may have come in between
        return _read_fold(path)
    import keras

    from .. import models, training

    network = models.build(model, x.shape[1:], int(labels.max()) + 1, seed=seed + fold, **options)
    watching = getattr(split, PROTOCOLS[protocol][1])
    history = training.fit(
        network,
        (x[split.training], labels[split.training]),
        recipe,
        (x[watching], labels[watching]),
        folder,
        seed + fold,
    )
    del history["seconds"]
    probabilities = network.predict(x[split.test], batch_size=recipe.batch_size, verbose=0)
    result = {"fold": fold, "probabilities": probabilities.tolist(), "history": history}
    if path is not None:
        write_atomically(path, json.dumps(result))
        shutil.rmtree(folder)
    keras.backend.clear_session()
    return result


def _read_fold(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} was cut short ({error}): delete it to train that fold again") from error


def _refuse_gaps(splits, labels, genres, watching):
    for fold, split in enumerate(splits):
        if not len(getattr(split, watching)):
            raise ValueError(f"the {watching} part of split {fold} is empty; this protocol needs one")
        for name in ("training", "test"):
            lacks = [genre for k, genre in enumerate(genres) if k not in labels[getattr(split, name)]]
            if lacks:
                raise ValueError(
                    f"the {name} part of split {fold} has no clip of {', '.join(lacks)}: fewer folds, or more clips?"
                )


def _fingerprint_of(splits):
    digest = hashlib.sha256()
    for split in splits:
        for part in split:
            digest.update(np.asarray(part, dtype=np.int64).tobytes() + b"|")
    return digest.hexdigest()[:16]


def _data_key(x, index):
    from .. import training

    names = "|".join(index["clip_id"])
    return training.fingerprint((x, index["label"])) + hashlib.sha256(names.encode()).hexdigest()[:8]


def _versions():
    import keras

    versions = {"genre-utils": metadata.version("genre-utils"), "keras": keras.__version__}
    backend = keras.backend.backend()
    return versions | {backend: metadata.version(backend)}


def _claim(out_dir, about, n_splits):
    path = out_dir / "run.json"
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} was cut short ({error}): name another folder, or delete this one") from error
        refuse_another_run(out_dir, found, about)
        for left_over in out_dir.rglob(".*.part"):
            left_over.unlink(missing_ok=True)
    else:
        write_atomically(path, json.dumps(about, indent=1))
    return [out_dir / f"fold_{k:02d}.json" for k in range(n_splits)]
