"""Training, validation and test parts. Explained in notebooks 10 and 13."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """One way to divide a collection: rows of its index, none of them in two parts.

    Attributes
    ----------
    training : np.ndarray [shape=(n_training,)], int
    validation : np.ndarray [shape=(n_validation,)], int
        May choose weights or settings; empty where nothing is chosen.
    test : np.ndarray [shape=(n_test,)], int
        Judges at the end, and chooses nothing.
    """

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def stratified_folds(labels, n_folds, seed=0, groups=None):
    """Fold of each clip, every fold with the same share of each genre, by scikit-learn.

    Parameters
    ----------
    labels : array-like [shape=(n_clips,)]
    n_folds : int
    seed : int
    groups : array-like [shape=(n_clips,)], optional
        Artists, say: no group is in two folds. The shares are then only about equal.

    Returns
    -------
    np.ndarray [shape=(n_clips,)], int
        From 0 to n_folds - 1.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or more than the smallest genre has clips or groups.

    References
    ----------
    Notebook 10.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(labels)
    groups = None if groups is None else _known(groups, seed)
    what = "clips" if groups is None else "groups"
    smallest = _smallest(labels, groups)
    if smallest < 2:
        raise ValueError(
            f"the smallest genre has {smallest} of the {what}; two are needed, one to train on and one to test"
        )
    if not 2 <= n_folds <= smallest:
        raise ValueError(f"n_folds is {n_folds}; expected 2 to {smallest}, as many as the smallest genre has {what}")
    # Groups are shuffled by number beforehand: scikit-learn 1.6 shuffles their sizes and not their members.
    shuffled = {"shuffle": True, "random_state": seed} if groups is None else {}
    splitter = (StratifiedKFold if groups is None else StratifiedGroupKFold)(n_folds, **shuffled)
    folds = np.empty(len(labels), dtype=int)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
        folds[held_out] = fold
    return folds


def k_fold(labels, n_folds=10, seed=0, groups=None, validation=False):
    """Stratified k-fold: each clip is tested once.

    Parameters
    ----------
    labels : array-like [shape=(n_clips,)]
    n_folds : int
    seed : int
    groups : array-like [shape=(n_clips,)], optional
        Artists, say: no group is in two folds.
    validation : bool
        Set a tenth of the training clips aside, stratified (and grouped) likewise; a fifth, a third or half where the
        smallest genre is too small for a tenth.

    Returns
    -------
    list of Split

    Raises
    ------
    ValueError
        As `stratified_folds` does.

    References
    ----------
    Inception-ResNet paper, 4.3; notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> splits = evaluation.k_fold([0] * 10 + [1] * 10, n_folds=5)
    >>> [len(split.test) for split in splits]
    [4, 4, 4, 4, 4]
    """
    folds = stratified_folds(labels, n_folds, seed, groups)
    splits = []
    for fold in range(n_folds):
        training, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        chosen = np.zeros(len(training), dtype=bool)
        if validation:
            some = None if groups is None else np.asarray(groups)[training]
            chosen = _tenth(np.asarray(labels)[training], seed + fold, some)
        splits.append(Split(training[~chosen], training[chosen], test))
    return splits


def holdout(labels, seed=0, n_parts=5, groups=None, validation=False):
    """One stratified split: one part in five is tested.

    Parameters
    ----------
    labels : array-like [shape=(n_clips,)]
    seed : int
    n_parts : int
        One part in so many is tested; of fewer, where the smallest genre has fewer clips or groups.
    groups : array-like [shape=(n_clips,)], optional
        Recordings or artists, say: no group is in two parts.
    validation : bool
        Set a part of the training clips aside, as `k_fold` does.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        As `stratified_folds` does.

    References
    ----------
    Notebooks 04 to 08.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> split = evaluation.holdout([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> len(split.training), len(split.test)
    (8, 2)
    """
    n_parts = min(n_parts, _smallest(np.asarray(labels), groups))
    return k_fold(labels, max(n_parts, 2), seed, groups, validation)[0]


def predefined_split(index):
    """The split that a collection comes with: its column `split`.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load` for fma_small, or from `datasets.gtzan.partition`. Clips whose `split` is empty are in no
        part.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the training or the test part is empty.

    References
    ----------
    Kereliuk, Sturm and Larsen (2015) for GTZAN, Defferrard et al. (2017) for fma_small; notebooks 12 and 13.

    Examples
    --------
    >>> import pandas as pd
    >>> from genre_utils import evaluation
    >>> index = pd.DataFrame({"split": ["training", "test", "training", ""]})
    >>> split = evaluation.predefined_split(index)
    >>> split.training.tolist(), split.test.tolist()
    ([0, 2], [1])
    """
    split = Split(*(np.flatnonzero(index["split"] == part) for part in Split._fields))
    if not len(split.training) or not len(split.test):
        raise ValueError(
            f"the index has {len(split.training)} clips for training and {len(split.test)} for testing in its column "
            "'split'; datasets.gtzan.partition fills it for GTZAN, and fma_small brings its own"
        )
    return split


def random_splits(labels, n_splits=10, seed=0):
    """Repeated random splits, 80/10/10 % within each genre.

    Parameters
    ----------
    labels : array-like [shape=(n_clips,)]
    n_splits : int
        A clip may be tested in several of them, or in none.
    seed : int

    Returns
    -------
    list of Split
        Of each genre, a tenth is in the validation and in the test part, and one clip at least.

    Raises
    ------
    ValueError
        If there are fewer than one split, or a genre has fewer than three clips.

    References
    ----------
    Liu et al. (2021), released code; FMA study, IV; notebooks 10 and 12.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> [split] = evaluation.random_splits([0] * 10 + [1] * 10, n_splits=1)
    >>> len(split.training), len(split.validation), len(split.test)
    (16, 2, 2)
    """
    labels = np.asarray(labels)
    smallest = int(np.unique(labels, return_counts=True)[1].min())
    if n_splits < 1 or smallest < 3:
        raise ValueError(
            f"{n_splits} splits of genres with {smallest} clips and more; expected one split at least, and three clips"
        )
    return [_random_split(labels, np.random.default_rng((seed, number))) for number in range(n_splits)]


def _random_split(labels, rng):
    parts = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        tenth = max(round(len(rows) / 10), 1)
        parts.append((rows[2 * tenth :], rows[:tenth], rows[tenth : 2 * tenth]))
    return Split(*(np.sort(np.concatenate(part)) for part in zip(*parts)))


def _smallest(labels, groups=None):
    """Clips, or groups, of the smallest genre."""
    members = np.arange(len(labels)) if groups is None else _known(groups)
    return min(len(np.unique(members[labels == label])) for label in np.unique(labels))


def _known(groups, seed=0):
    """Numbers of the groups, shuffled."""
    groups = np.asarray(groups, dtype=str)
    if (groups == "").any():
        raise ValueError(f"{(groups == '').sum()} of {len(groups)} clips are in no group: their artists are not known")
    number = np.unique(groups, return_inverse=True)[1]
    return np.random.default_rng(seed).permutation(number.max() + 1)[number]


def _tenth(labels, seed, groups):
    smallest = max(_smallest(labels, groups), 2)
    n_parts = max(n for n in (2, 3, 5, 10) if n <= smallest)
    try:
        return stratified_folds(labels, n_parts, seed, groups) == 0
    except ValueError as error:
        raise ValueError(f"no validation part can be set aside: {error}") from error
