"""Who is trained on, and who is asked. Explained in notebooks 10 and 13."""

import numpy as np


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
