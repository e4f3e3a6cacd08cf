"""How sure one may be of a score, and of a difference between two. Explained in notebooks 10 and 11."""

from typing import NamedTuple

import numpy as np
import pandas as pd


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

    Raises
    ------
    ValueError
        If the two are not counts, the first not above the second, or there are no clips, or no such level.
    """
    from scipy.stats import binomtest

    _refuse_level(level)
    if not (n >= 1 and 0 <= successes <= n and abs(successes - round(successes)) < 0.01):
        raise ValueError(f"{successes} of {n} clips; expected counts, 0 to n of n clips, not a share or per cent")
    interval = binomtest(int(round(successes)), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(statistic, *columns, groups=None, level=0.95, n_resamples=2_000, seed=0):
    """Percentile interval of any score, by drawing clips, or whole artists, again with replacement; by scipy.

    Parameters
    ----------
    statistic : callable
        Takes arrays such as the columns and returns a number.
    *columns : array-like [shape=(n_clips, ...)]
        For example true and predicted labels.
    groups : array-like [shape=(n_clips,)], optional
        Clips of one group, an artist, say, are drawn together, since they are not independent.
    level : float
        Confidence, 0 to 1.
    n_resamples : int
    seed : int

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are no columns, they or the groups differ in length or lack a value, there are fewer than two clips or
        groups, no such level, or a drawing for which the statistic is not a number.
    """
    from scipy import stats

    _refuse_level(level)
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
    members = np.arange(lengths[0]) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(members)
    if len(sizes) < 2:
        raise ValueError(f"{len(sizes)} clips or groups; two at least are needed to draw from")
    rows = np.split(np.argsort(members, kind="stable"), np.cumsum(sizes)[:-1])

    def of_drawn(drawn):
        taken = np.concatenate([rows[k] for k in drawn]) if groups is not None else drawn
        return statistic(*(column[taken] for column in columns))

    found = stats.bootstrap(
        (np.arange(len(rows)),),
        of_drawn,
        vectorized=False,
        n_resamples=n_resamples,
        confidence_level=level,
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
        How often coins would part these clips as unevenly, exact and two-sided.
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
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right), np.asarray(second_right)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"{first.shape} and {second.shape} clips; expected the same ones, (n,), and at least one")
    strange = sorted({*first.tolist(), *second.tolist()} - {False, True}, key=str)
    if strange:
        raise ValueError(f"{strange[:5]} among the clips; expected only True and False: pass predicted == label")
    first, second = first.astype(bool), second.astype(bool)
    only = int((first & ~second).sum()), int((second & ~first).sum())
    return McNemar(*only, float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0)


class Difference(NamedTuple):
    """A mean difference and what it can bear.

    Attributes
    ----------
    mean : float
    low, high : float
        Interval of the mean.
    t, p_value : float
        Student's t, and how often no difference at all would give as large a one, two-sided. Where all differences
        are the same, the interval has no width, and these are 0 and 1 if there is no difference, else infinite and 0.
    """

    mean: float
    low: float
    high: float
    t: float
    p_value: float


def corrected_t_test(differences, n_training, n_test, level=0.95):
    """Test of the differences between two classifiers over resampled splits; Nadeau and Bengio (2003).

    The splits share most of their training clips, so that their differences are not independent, and the ordinary test
    is too sure. It is corrected by taking ``1 / k + n_test / n_training`` instead of ``1 / k`` of the variance, still
    with k - 1 degrees of freedom. It was made for repeated random splits; folds use it too, by custom.

    Parameters
    ----------
    differences : array-like [shape=(k,)]
        Score of the one minus score of the other, split by split.
    n_training, n_test : int
        Clips in the parts of a split.
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If there are fewer than two differences, one is not finite, there are no clips, or no such level.
    """
    from scipy import stats

    _refuse_level(level)
    d = _numbers(differences, "differences")
    if not (n_training >= 1 and n_test >= 0):
        raise ValueError(f"{n_training} clips for training and {n_test} for the test; expected those of one split")
    error = 0.0 if np.ptp(d) == 0 else np.sqrt((1 / len(d) + n_test / n_training) * d.var(ddof=1))
    half = stats.t.ppf(0.5 + level / 2, len(d) - 1) * error
    if error == 0:
        t, p = (0.0, 1.0) if d.mean() == 0 else (float(np.copysign(np.inf, d.mean())), 0.0)
    else:
        t = float(d.mean() / error)
        p = float(2 * stats.t.sf(abs(t), len(d) - 1))
    return Difference(float(d.mean()), float(d.mean() - half), float(d.mean() + half), t, p)


def spread(values, level=0.95):
    """How far a score moves from seed to seed.

    Parameters
    ----------
    values : array-like [shape=(n,)]
        The score of each of n independent runs, two or more.
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    dict of str to float
        `n`, `mean`, `std` (of single runs), `low` and `high` (Student's interval of the mean), `min` and `max`.

    Raises
    ------
    ValueError
        If there are fewer than two values, one is not finite, or there is no such level.
    """
    v = _numbers(values, "values")
    interval = corrected_t_test(v, 1, 0, level)  # without shared clips nothing is corrected
    return {"n": len(v), "mean": interval.mean, "std": float(v.std(ddof=1)), "low": interval.low,
            "high": interval.high, "min": float(v.min()), "max": float(v.max())}  # fmt: skip


def _refuse_level(level):
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.95")


def _numbers(values, what):
    found = np.asarray(values, dtype=float)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise ValueError(f"{what} of shape {found.shape}: {values}; expected two at least in a row, all finite")
    return found
