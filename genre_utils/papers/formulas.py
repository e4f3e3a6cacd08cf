"""What follows from printed scores by a formula. Explained in notebook 10."""

from . import tables


def f1(precision, recall):
    """Harmonic mean of precision and recall, elementwise.

    Parameters
    ----------
    precision, recall : float or np.ndarray or pd.Series

    Returns
    -------
    float or np.ndarray or pd.Series
        In the unit of the arguments.

    References
    ----------
    FMA study, VI; notebook 10.

    Examples
    --------
    >>> from genre_utils import papers
    >>> round(papers.f1(92.4, 98.0), 1)
    95.1
    """
    return 2 * precision * recall / (precision + recall)


def f1_misprints(table=tables.IRN_TABLE_2, decimals=1):
    """Rows whose F1 does not follow from their own precision and recall, however these were rounded.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `precision`, `recall` and `f1`.
    decimals : int
        So many were printed.

    Returns
    -------
    pd.DataFrame
        The rows at fault, with `recomputed`.

    References
    ----------
    Inception-ResNet paper, Table 2; notebook 10.

    Examples
    --------
    >>> from genre_utils import papers
    >>> papers.f1_misprints().index.tolist()
    ['hiphop', 'jazz', 'metal']
    """
    half = 0.5 * 10.0**-decimals + 1e-9
    lowest, highest = (f1(table["precision"] + d, table["recall"] + d) for d in (-half, half))
    recomputed = f1(table["precision"], table["recall"]).round(decimals)
    wrong = (table["f1"] < lowest - half) | (table["f1"] > highest + half)
    return table.assign(recomputed=recomputed)[wrong]


def ordinary_accuracy(accuracy, n_classes):
    """Share of clips classified right, from an accuracy that counts true negatives as well.

    The FMA study averages (TP + TN) / N over its eight classes. Each clip classified wrong is a false negative of one
    class and a false positive of another, so that this average is 1 - 2 (1 - a) / n_classes.

    Parameters
    ----------
    accuracy : float or pd.Series
        With true negatives, 0 to 1.
    n_classes : int

    Returns
    -------
    float or pd.Series
        0 to 1.

    References
    ----------
    FMA study, VI; notebooks 08, 10 and 12.

    Examples
    --------
    >>> from genre_utils import papers
    >>> round(papers.ordinary_accuracy(0.892, n_classes=8), 3)
    0.568
    """
    return 1 - (1 - accuracy) * n_classes / 2
