"""What follows from printed scores by a formula. Explained in notebook 10."""


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
