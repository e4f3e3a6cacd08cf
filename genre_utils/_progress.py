"""The progress bar, which TQDM_DISABLE=1 turns off everywhere; tqdm's own bar for notebooks does not look at it."""

import os


def progress(iterable=None, **options):
    """tqdm's bar, gone when it is finished.

    Parameters
    ----------
    iterable : iterable, optional
    **options
        `total`, `desc`, … of tqdm.

    Returns
    -------
    tqdm.tqdm
    """
    from tqdm.auto import tqdm

    return tqdm(iterable, leave=False, disable=bool(os.environ.get("TQDM_DISABLE")), **options)
