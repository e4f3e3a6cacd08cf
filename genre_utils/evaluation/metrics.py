"""What a network got right, counted in several ways. Explained in notebook 10."""

import numpy as np
import pandas as pd
from sklearn import metrics


def scores(y_true, y_pred):
    """Accuracy and macro-averaged precision, recall and F1, by scikit-learn.

    A genre that is never predicted counts with a precision of 0.

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

    References
    ----------
    Inception-ResNet paper, 5.2; notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> found = evaluation.scores([0, 0, 1, 1], [0, 1, 1, 1])
    >>> {name: round(value, 2) for name, value in found.items()}
    {'accuracy': 0.75, 'precision': 0.83, 'recall': 0.75, 'f1': 0.73}
    """
    _refuse_unlike(y_true, y_pred)
    found = metrics.precision_recall_fscore_support(y_true, y_pred, average="macro", zero_division=0)[:3]
    found = metrics.accuracy_score(y_true, y_pred), *found
    return dict(zip(("accuracy", "precision", "recall", "f1"), map(float, found)))


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

    Raises
    ------
    ValueError
        If the two differ in length or are empty, or a label has no name.

    References
    ----------
    Inception-ResNet paper, Table 2; notebook 10.
    """
    _refuse_unlike(y_true, y_pred, len(genres))
    columns = metrics.precision_recall_fscore_support(y_true, y_pred, labels=range(len(genres)), zero_division=0)
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

    Raises
    ------
    ValueError
        If the two differ in length or are empty, or a label is none of 0 to ``n_classes - 1``.

    References
    ----------
    Inception-ResNet paper, Figure 8; notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> evaluation.confusion([0, 0, 1, 2], [0, 1, 1, 1], n_classes=3).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    """
    _refuse_unlike(y_true, y_pred, n_classes)
    return metrics.confusion_matrix(y_true, y_pred, labels=range(n_classes))


def accuracy_with_negatives(y_true, y_pred, n_classes):
    """Accuracy as the FMA study defines it: the mean over genres of (TP + TN) / N.

    With an ordinary accuracy `a` this is ``1 - 2 (1 - a) / n_classes``, however large the genres are;
    `papers.ordinary_accuracy` is the way back.

    Parameters
    ----------
    y_true, y_pred : array-like [shape=(n_clips,)]
        Labels.
    n_classes : int

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        As `confusion` does.

    References
    ----------
    FMA study, VI; notebooks 10 and 12.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> evaluation.accuracy_with_negatives([0, 0, 1, 1], [0, 0, 0, 1], n_classes=4)
    0.875
    """
    counts = confusion(y_true, y_pred, n_classes)
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return float(1 - wrong.mean() / counts.sum())


def _refuse_unlike(y_true, y_pred, n_classes=None):
    if len(y_true) != len(y_pred) or not len(y_true):
        raise ValueError(
            f"{len(y_true)} true and {len(y_pred)} predicted labels; expected as many of each, and at least one"
        )
    if n_classes is not None:
        held = {label for y in (y_true, y_pred) for label in np.asarray(y).tolist()}
        strange = sorted(held - set(range(n_classes)), key=str)
        if strange:
            raise ValueError(f"labels {strange[:5]}; expected whole numbers from 0 to {n_classes - 1}, one a genre")
