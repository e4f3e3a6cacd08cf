"""Results of real runs, kept as files, from which the book's tables are computed. Explained in notebook 10."""

import re
import tomllib

from .._store import results_folder
from .result import load


def kept(name, folder=None):
    """Results of the runs of one name, in the order of their seeds.

    Parameters
    ----------
    name : str
        As in ``book/results/runs.toml``.
    folder : Path, optional
        That holds ``runs.toml`` and the results; by default the book's, which the package brings along.

    Returns
    -------
    list of Result
        Of the seeds that are kept; one at least.

    Raises
    ------
    FileNotFoundError
        If none is kept.
    ValueError
        If a file is damaged, or of other clips than the list says.

    References
    ----------
    Notebook 10.

    Examples
    --------
    >>> from genre_utils import evaluation
    >>> evaluation.kept("fma_official_baseline_b")[0].source
    'precomputed log-mels of fma_small (7,993 clips, 8 genres)'
    """
    folder = folder or results_folder()
    seeds = {path: re.fullmatch(rf"{re.escape(name)}_(\d+)\.json", path.name) for path in folder.glob("*.json")}
    paths = sorted((path for path, seed in seeds.items() if seed), key=lambda path: int(seeds[path][1]))
    if not paths:
        raise FileNotFoundError(f"{name} has not been run yet; `make results` computes what runs.toml lists")
    known = {data["fingerprint"] for data in tomllib.loads((folder / "runs.toml").read_text())["data"].values()}
    results = []
    for path in paths:
        try:
            results.append(load(path))
        except ValueError as error:  # a page names the file, and not the machine's folders
            raise ValueError(str(error).replace(str(path), path.name)) from error
        if (found := results[-1].about["data"]["fingerprint"]) not in known:
            raise ValueError(f"{path.name} is of other clips than the list says: fingerprint {found}")
    return results
