"""Index of a synthetic collection. Explained in notebook 01."""

from pathlib import Path

import pandas as pd


def load(root, clips_per_genre=None, seconds=None, seed=0, n_jobs=1, faults=True):
    """Index of a collection, which is written first if it is missing.

    Parameters
    ----------
    root : str or Path
        A folder that `synthesis.write` has made, or one that shall hold such folders, one for each choice of settings.
    clips_per_genre : int, optional
        10 by default, and for 0.
    seconds : float, optional
        Length of the clips; 30 by default, and for 0.
    seed : int
    n_jobs : int
        Processes at work.
    faults : bool
        Plant GTZAN's faults, as `synthesis.write` does.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `path`, `genre` (the folder's, so wrong for mislabelled clips) and `artist`.
    """
    from .. import synthesis  # which takes SciPy's signal processing a second to import

    root, clips_per_genre, seconds = Path(root), clips_per_genre or 10, seconds or 30.0
    if not (root / "settings.json").exists():
        name = f"{clips_per_genre}x{seconds:g}s-seed{seed}{'' if faults else '-faultless'}-v{synthesis.VERSION}"
        root = root / name
    root = synthesis.write(root, clips_per_genre, seconds, seed, n_jobs, faults)
    truth = pd.read_csv(root / "ground_truth.csv", keep_default_na=False)
    truth["path"] = [str(root / "genres" / row.genre / f"{row.clip_id}.wav") for row in truth.itertuples()]
    return truth[["clip_id", "path", "genre", "artist"]]
