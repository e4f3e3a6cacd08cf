"""What a network got right, counted in several ways. Explained in notebook 10."""

import pandas as pd


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
