"""Scores, how sure one may be of them, and cross-validation. Explained in notebook 10."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ._progress import progress


def scores(y_true, y_pred):
    """Accuracy and macro-averaged precision, recall and F1, by scikit-learn.

    The Inception-ResNet paper, 5.2. A genre that is never predicted counts with a precision of 0.

    Parameters
    ----------
    y_true, y_pred : array-like [shape=(n_clips,)]
        Labels.

    Returns
    -------
    dict of str to float
        `accuracy`, `precision`, `recall` and `f1`, from 0 to 1.

    Raises
    ------
    ValueError
        If the two differ in length or are empty.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    if len(y_true) != len(y_pred) or not len(y_true):
        raise ValueError(
            f"{len(y_true)} true and {len(y_pred)} predicted labels; expected as many of each, and at least one"
        )
    macro = precision_recall_fscore_support(y_true, y_pred, average="macro", zero_division=0)[:3]
    return dict(zip(("accuracy", "precision", "recall", "f1"), map(float, (accuracy_score(y_true, y_pred), *macro))))


def scores_by_genre(y_true, y_pred, genres):
    """Precision, recall and F1 of each genre, by scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array-like [shape=(n_clips,)]
        Labels.
    genres : list of str
        Names in the order of the labels.

    Returns
    -------
    pd.DataFrame
        Indexed by genre: `precision`, `recall`, `f1` (0 to 1) and `clips`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(y_true, y_pred, labels=range(len(genres)), zero_division=0)
    return pd.DataFrame(
        dict(zip(("precision", "recall", "f1", "clips"), columns)), index=pd.Index(genres, name="genre")
    )


def confusion(y_true, y_pred, n_classes):
    """Counts of clips by true genre (rows) and predicted genre (columns), by scikit-learn.

    Parameters
    ----------
    y_true, y_pred : array-like [shape=(n_clips,)]
        Labels.
    n_classes : int

    Returns
    -------
    np.ndarray [shape=(n_classes, n_classes)], int
    """
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(y_true, y_pred, labels=range(n_classes))


def wilson(successes, n, level=0.95):
    """Wilson's interval for a proportion, by scipy.

    Parameters
    ----------
    successes, n : int
        So many of n clips were right.
    level : float
        Confidence, 0 to 1.

    Returns
    -------
    low, high : float
    """
    from scipy.stats import binomtest

    interval = binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


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


def stratified_folds(labels, n_folds, seed=0):
    """Fold of each clip, every fold with the same share of each genre, by scikit-learn.

    Parameters
    ----------
    labels : array-like [shape=(n_clips,)]
    n_folds : int
    seed : int

    Returns
    -------
    np.ndarray [shape=(n_clips,)], int
        From 0 to n_folds - 1.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or more than the smallest genre has clips.
    """
    from sklearn.model_selection import StratifiedKFold

    smallest = int(np.bincount(labels).min())
    if not 2 <= n_folds <= smallest:
        raise ValueError(f"n_folds is {n_folds}; expected 2 to {smallest}, as many as the smallest genre has clips")
    folds = np.empty(len(labels), dtype=int)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels)):
        folds[held_out] = fold
    return folds


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

    from . import models, training

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


def write_atomically(path, text):
    """Write a text file so that it is there whole or not at all.

    Parameters
    ----------
    path : Path
    text : str
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


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
