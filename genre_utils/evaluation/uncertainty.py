"""How sure one may be of a score, and of a difference between two. Explained in notebooks 10 and 11."""


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
