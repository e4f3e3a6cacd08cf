"""Cross-validation that can be killed, and goes on. Explained in notebook 10."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._files import write_atomically
from .._progress import progress
from .splits import stratified_folds


class Result(NamedTuple):
    """What a cross-validation found.

    Attributes
    ----------
    predictions : pd.DataFrame
        A row a clip: `clip_id`, `fold`, `label`, `predicted`, and the probabilities `p_0` to `p_k`, all given by the
        network that had not seen the clip.
    history : pd.DataFrame
        A row a fold and epoch, as `training.fit` returns it.
    """

    predictions: pd.DataFrame
    history: pd.DataFrame


def cross_validate(model, x, index, recipe, n_folds=10, out_dir=None, seed=0, n_jobs=1, **options):
    """Stratified k-fold cross-validation: each clip is classified once, by a network that has not seen it.

    The Inception-ResNet paper, 4.3. The weights after the last epoch are taken; the held-out fold chooses nothing.
    Folds are handed to joblib, and a finished fold is not trained again.

    Parameters
    ----------
    model : str
        A name that `models.build` takes.
    x : np.ndarray [shape=(n_clips, n_frames, n_mels, 1)]
    index : pd.DataFrame
        The clips' index, in the order of `x`.
    recipe : training.Recipe
    n_folds : int
    out_dir : str or Path, optional
        Keeps each finished fold as a JSON file, from which a killed run goes on.
    seed : int
        Draws the folds, the weights and the order of the clips.
    n_jobs : int
        Folds side by side.
    **options
        Passed to `models.build`.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If `n_folds` does not fit the genres, or `out_dir` holds the folds of another run.
    """
    import joblib

    if len(x) != len(index):
        raise ValueError(
            f"{len(x)} inputs and {len(index)} rows in the index; expected the index that features.extract returned"
        )
    labels = index["label"].to_numpy()
    folds = stratified_folds(labels, n_folds, seed)
    paths = [None] * n_folds
    if out_dir is not None:
        settings = {"model": model, "options": options, "recipe": asdict(recipe), "n_folds": n_folds, "seed": seed}
        paths = _claim(Path(out_dir), settings | {"data": _data_key(x, index)}, n_folds)
    jobs = (
        joblib.delayed(_run_fold)(model, options, x, labels, folds, fold, recipe, seed, paths[fold])
        for fold in range(n_folds)
    )
    done = list(progress(joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs), total=n_folds, desc="folds"))
    columns = [f"p_{k}" for k in range(labels.max() + 1)]
    parts = []
    for fold, result in enumerate(done):
        rows = np.flatnonzero(folds == fold)
        part = pd.DataFrame(result["probabilities"], columns=columns, index=rows)
        part.insert(0, "clip_id", index["clip_id"].to_numpy()[rows])
        part.insert(1, "fold", fold)
        part.insert(2, "label", labels[rows])
        part.insert(3, "predicted", part[columns].to_numpy().argmax(axis=1))
        parts.append(part)
    history = pd.concat(
        [pd.DataFrame(result["history"]).assign(fold=k) for k, result in enumerate(done)], ignore_index=True
    )
    return Result(pd.concat(parts).sort_index().reset_index(drop=True), history)


def _run_fold(model, options, x, labels, folds, fold, recipe, seed, path):
    if path is not None and path.exists():
        return json.loads(path.read_text())
    import keras

    from .. import models, training

    keras.utils.set_random_seed(seed + fold)
    network = models.build(model, x.shape[1:], int(labels.max()) + 1, **options)
    held_out = folds == fold
    history = training.fit(
        network, (x[~held_out], labels[~held_out]), recipe, (x[held_out], labels[held_out]), seed=seed + fold
    )
    probabilities = network.predict(x[held_out], batch_size=recipe.batch_size, verbose=0)
    result = {"fold": fold, "probabilities": probabilities.tolist(), "history": history}
    if path is not None:
        write_atomically(path, json.dumps(result))
    keras.backend.clear_session()
    return result


def _data_key(x, index):
    digest = hashlib.sha256("|".join(index["clip_id"]).encode())
    digest.update(index["label"].to_numpy(dtype=np.int64).tobytes())
    digest.update(np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()[:16]


def _claim(out_dir, settings, n_folds):
    settings = json.loads(json.dumps(settings))
    path = out_dir / "run.json"
    if path.exists():
        found = json.loads(path.read_text())
        if found != settings:
            differ = [name for name in settings if found.get(name) != settings[name]]
            told = "; ".join(f"{name} was {found.get(name)}, now {settings[name]}" for name in differ)
            raise ValueError(f"{out_dir} holds the folds of another run ({told}): name another folder")
    else:
        write_atomically(path, json.dumps(settings, indent=1))
    return [out_dir / f"fold_{k:02d}.json" for k in range(n_folds)]
