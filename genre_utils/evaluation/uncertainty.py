"""Intervals and tests for scores, and for differences between two. Explained in notebooks 10 and 11."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from .metrics import _refuse_unlike


def wilson(successes, n, confidence=0.95):
    """Wilson's interval for a proportion, by scipy.

    Parameters
    ----------
    successes, n : int
        So many of n clips were right.
    confidence : float
        Level of confidence, 0 to 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If the two are not counts, the first not above the second, or there are no clips, or no such level.

    References
    ----------
    Wilson (1927); notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> [round(limit, 3) for limit in evaluation.wilson(941, 1_000)]
    [0.925, 0.954]
    """
    _refuse_confidence(confidence)
    if not (n >= 1 and 0 <= successes <= n and abs(successes - round(successes)) < 0.01):
        raise ValueError(f"{successes} of {n} clips; expected counts, 0 to n of n clips, not a share or per cent")
    interval = stats.binomtest(int(round(successes)), int(n)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


class Accuracy(NamedTuple):
    """Share of clips that are classified right, with its Wilson interval.

    Attributes
    ----------
    right, n : int
        So many of n clips.
    accuracy, low, high : float
        0 to 1.
    """

    right: int
    n: int
    accuracy: float
    low: float
    high: float

    def __str__(self):
        return (
            f"{self.right:,} of {self.n:,} right: {100 * self.accuracy:.1f} % "
            f"(95 % interval {100 * self.low:.1f} to {100 * self.high:.1f})"
        )


def accuracy(y_true, y_pred):
    """Share of clips that are classified right, with its 95 % Wilson interval.

    Parameters
    ----------
    y_true, y_pred : array-like [shape=(n_clips,)]
        Labels.

    Returns
    -------
    Accuracy
        Reads well when it is printed.

    Raises
    ------
    ValueError
        If the two differ in length or are empty.

    References
    ----------
    Wilson (1927); notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> print(evaluation.accuracy([0, 1, 1, 0], [0, 1, 0, 0]))
    3 of 4 right: 75.0 % (95 % interval 30.1 to 95.4)
    """
    _refuse_unlike(y_true, y_pred)
    right, n = int((np.asarray(y_true) == np.asarray(y_pred)).sum()), len(y_true)
    return Accuracy(right, n, right / n, *wilson(right, n))


def bootstrap(statistic, *columns, groups=None, confidence=0.95, n_resamples=2_000, seed=0):
    """Percentile interval of any score, by drawing clips, or whole artists, again with replacement; by scipy.

    Parameters
    ----------
    statistic : callable
        Takes arrays such as the columns and returns a number.
    *columns : array-like [shape=(n_clips, ...)]
        For example true and predicted labels.
    groups : array-like [shape=(n_clips,)], optional
        Clips of one group, an artist, say, are drawn together, since they are not independent.
    confidence : float
        Level of confidence, 0 to 1.
    n_resamples : int
    seed : int

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are no columns, they or the groups differ in length or lack a value, there are fewer than two clips or
        groups, no such confidence, or a drawing for which the statistic is not a number.

    References
    ----------
    Efron (1979); notebooks 10 and 13.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> right = [True] * 90 + [False] * 10
    >>> [round(limit, 2) for limit in evaluation.bootstrap(np.mean, right)]
    [0.84, 0.96]
    """
    _refuse_confidence(confidence)
    if not columns:
        raise ValueError("no columns; expected the statistic and what to take it of: bootstrap(np.mean, right)")
    lengths = [len(column) for column in columns] + ([] if groups is None else [len(groups)])
    if len(set(lengths)) > 1:
        raise ValueError(f"columns and groups of {lengths} clips; expected as many in each")
    for column in (*columns, groups):
        gaps = pd.isna(np.asarray(column, dtype=object)).sum() if column is not None else 0
        if gaps:
            raise ValueError(f"a column or the groups lack {gaps} values; fill them, or leave these clips out")
    columns = [np.asarray(column) for column in columns]
    members = np.arange(lengths[0]) if groups is None else np.asarray(groups)
    rows = list(pd.Series(members).groupby(members).indices.values())
    if len(rows) < 2:
        raise ValueError(f"{len(rows)} clips or groups; two at least are needed to draw from")

    def of_drawn(drawn):
        taken = drawn if groups is None else np.concatenate([rows[k] for k in drawn])
        return statistic(*(column[taken] for column in columns))

    found = stats.bootstrap(
        (np.arange(len(rows)),),
        of_drawn,
        vectorized=False,
        n_resamples=n_resamples,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    if np.isnan([found.low, found.high]).any():
        raise ValueError("the statistic gave something that is not a number; it must take any drawing of the clips")
    return float(found.low), float(found.high)


class McNemar(NamedTuple):
    """What two classifiers do on the same clips.

    Attributes
    ----------
    first_only, second_only : int
        Clips that only the one, or only the other, has right. On all others they agree.
    p_value : float
        Exact and two-sided: the probability of a division at least as uneven, if both were equally good.
    """

    first_only: int
    second_only: int
    p_value: float


def mcnemar(first_right, second_right):
    """McNemar's exact test of two classifiers on the same clips, by scipy's binomial test.

    Parameters
    ----------
    first_right, second_right : array-like of bool [shape=(n_clips,)]
        Whether each has the clip right.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If the two differ in length or are empty, or hold anything but true and false.

    References
    ----------
    McNemar (1947); notebook 11.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> evaluation.mcnemar([True, True, True, True], [False, False, False, True])
    McNemar(first_only=3, second_only=0, p_value=0.25)
    """
    first, second = np.asarray(first_right), np.asarray(second_right)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"{first.shape} and {second.shape} clips; expected the same ones, (n,), and at least one")
    strange = sorted({*first.tolist(), *second.tolist()} - {False, True}, key=str)
    if strange:
        raise ValueError(f"{strange[:5]} among the clips; expected only True and False: pass predicted == label")
    first, second = first.astype(bool), second.astype(bool)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    return McNemar(*only, float(stats.binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0)


class Difference(NamedTuple):
    """A mean difference, with its interval and test.

    Attributes
    ----------
    mean : float
    low, high : float
        Interval of the mean.
    t, p_value : float
        Student's t and its two-sided p-value. Where all differences
        are the same, the interval has no width, and these are 0 and 1 if there is no difference, else infinite and 0.
    """

    mean: float
    low: float
    high: float
    t: float
    p_value: float


def corrected_t_test(differences, n_training, n_test, confidence=0.95):
    """Test of the differences between two classifiers over resampled splits.

    The splits share most of their training clips, so that their differences are not independent, and the ordinary test
    finds differences where there are none. It is corrected by taking ``1 / k + n_test / n_training`` instead of
    ``1 / k`` of the variance, still with k - 1 degrees of freedom. It was made for repeated random splits; its use on
    the folds of a k-fold is a custom without proof.

    Parameters
    ----------
    differences : array-like [shape=(k,)]
        Score of the one minus score of the other, split by split.
    n_training, n_test : int
        Clips in the parts of a split.
    confidence : float
        Level of confidence, 0 to 1.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If there are fewer than two differences, one is not finite, there are no clips, or no such level.

    References
    ----------
    Nadeau and Bengio (2003); notebook 11.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> test = evaluation.corrected_t_test([0.02, 0.01, 0.03, 0.00], n_training=800, n_test=100)
    >>> round(test.mean, 3), round(test.p_value, 3)
    (0.015, 0.154)
    """
    _refuse_confidence(confidence)
    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or len(d) < 2 or not np.isfinite(d).all():
        raise ValueError(f"differences of shape {d.shape}: {differences}; expected two at least in a row, all finite")
    if not (n_training >= 1 and n_test >= 0):
        raise ValueError(f"{n_training} clips for training and {n_test} for the test; expected those of one split")
    error = 0.0 if np.ptp(d) == 0 else np.sqrt((1 / len(d) + n_test / n_training) * d.var(ddof=1))
    half = stats.t.ppf(0.5 + confidence / 2, len(d) - 1) * error
    with np.errstate(divide="ignore"):  # differences that are all the same are infinitely sure
        t = float(np.divide(d.mean(), error)) if d.mean() else 0.0
    p = float(2 * stats.t.sf(abs(t), len(d) - 1))
    return Difference(float(d.mean()), float(d.mean() - half), float(d.mean() + half), t, p)


def _refuse_confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
