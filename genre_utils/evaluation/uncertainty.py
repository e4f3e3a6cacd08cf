"""How sure one may be of a score, and of a difference between two. Explained in notebooks 10 and 11."""

from typing import NamedTuple

import numpy as np


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


def bootstrap(statistic, *columns, groups=None, level=0.95, n_resamples=2_000, seed=0):
    """Percentile interval of any score, by drawing clips, or whole artists, again with replacement; by scipy.

    Parameters
    ----------
    statistic : callable
        Takes arrays such as the columns and returns a number.
    *columns : array-like [shape=(n_clips,)]
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
        If the columns differ in length, or there are fewer than two clips or groups.
    """
    from scipy import stats

    columns = [np.asarray(column) for column in columns]
    clips = np.arange(len(columns[0]))
    members = clips if groups is None else np.unique(groups, return_inverse=True)[1]
    if {len(column) for column in columns} != {len(members)}:
        raise ValueError(f"columns of {[len(c) for c in columns]} and groups of {len(members)} clips; expected as many")
    rows = np.split(np.argsort(members, kind="stable"), np.cumsum(np.bincount(members))[:-1])
    if len(rows) < 2:
        raise ValueError(f"{len(rows)} clips or groups; two at least are needed to draw from")

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
        If the two differ in length or are empty.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if first.shape != second.shape or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} clips; expected the same ones, and at least one")
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
        Student's t, and how often no difference at all would give as large a one, two-sided.
    """

    mean: float
    low: float
    high: float
    t: float
    p_value: float


def corrected_t_test(differences, n_training, n_test, level=0.95):
    """Test of the differences between two classifiers over resampled splits; Nadeau and Bengio (2003).

    The splits share most of their training clips, so that their differences are not independent, and the ordinary test
    is too sure. It is corrected by taking ``1 / k + n_test / n_training`` instead of ``1 / k`` of the variance.

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
        If there are fewer than two differences, or a part is empty.
    """
    from scipy import stats

    d = np.asarray(differences, dtype=float)
    if len(d) < 2 or n_training < 1 or n_test < 0:
        raise ValueError(
            f"{len(d)} differences of splits with {n_training} and {n_test} clips; expected two at least, and clips"
        )
    error = np.sqrt((1 / len(d) + n_test / n_training) * d.var(ddof=1))
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
        If there are fewer than two values.
    """
    v = np.asarray(values, dtype=float)
    if len(v) < 2:
        raise ValueError(f"{len(v)} values; a spread needs two at least")
    interval = corrected_t_test(v, 1, 0, level)  # without shared clips nothing is corrected
    return {"n": len(v), "mean": interval.mean, "std": float(v.std(ddof=1)), "low": interval.low,
            "high": interval.high, "min": float(v.min()), "max": float(v.max())}  # fmt: skip
