"""Collections of clips, all read into the same index. Explained in notebook 01.

An index is a DataFrame with one row a clip and the columns `clip_id`, `path`, `genre`, `label` (the genre's place in
alphabetical order), `artist` and `split` (empty where unknown) and `dataset`.
"""

import hashlib
import os
from pathlib import Path

from . import gtzan, precomputed, synthetic

_MODULES = {"gtzan": gtzan, "precomputed": precomputed, "synthetic": synthetic}
COLUMNS = ["clip_id", "path", "genre", "label", "artist", "split", "dataset"]


def names():
    """Names that `load` takes.

    Returns
    -------
    list of str
    """
    return sorted(_MODULES)


def load(name, root=None, clips_per_genre=None, **options):
    """Index of a collection.

    Parameters
    ----------
    name : {"gtzan", "precomputed", "synthetic"}
    root : str or Path, optional
        Folder of the collection, or the npz file of "precomputed". "synthetic" needs none: its clips are made in the
        user's cache when they are not there.
    clips_per_genre : int, optional
        Take at most so many clips of each genre, the first by `clip_id`.
    **options
        Passed to the collection's own loader.

    Returns
    -------
    pd.DataFrame
        The index, sorted by genre and `clip_id`.

    Raises
    ------
    ValueError
        For an unknown name, a folder without genres, fewer than two genres, or two files with one `clip_id`.
    FileNotFoundError
        If `root` is missing or empty.
    """
    if name not in _MODULES:
        raise ValueError(f"unknown dataset {name!r}; known: {', '.join(names())}")
    if clips_per_genre is not None and clips_per_genre < 1:
        raise ValueError(f"clips_per_genre is {clips_per_genre}, expected at least 1")
    if name == "synthetic":
        if clips_per_genre is not None:
            options["clips_per_genre"] = clips_per_genre
        index = synthetic.load(Path(root) if root else cache_dir() / "synthetic", **options)
    else:
        if not root:
            raise FileNotFoundError(f"the dataset {name!r} needs its data_dir: the folder or file where it lies")
        if not Path(root).exists():
            raise FileNotFoundError(f"no such data_dir: {root}")
        index = _MODULES[name].load(Path(root).resolve(), **options)
    index = index.sort_values(["genre", "clip_id"], kind="stable").reset_index(drop=True)
    twice = index["clip_id"][index["clip_id"].duplicated()].unique()
    if len(twice):
        raise ValueError(f"{len(twice)} clip ids stand for two files each, for example {', '.join(twice[:3])}")
    if index["genre"].nunique() < 2:
        raise ValueError(f"{root} holds the genre {index['genre'].iloc[0]!r} only; a classifier needs two or more")
    if clips_per_genre is not None:
        index = index.groupby("genre", sort=False).head(clips_per_genre).reset_index(drop=True)
    index["label"] = index["genre"].map({genre: i for i, genre in enumerate(sorted(index["genre"].unique()))})
    for column in ("artist", "split"):
        if column not in index:
            index[column] = ""
    return index.assign(dataset=name)[COLUMNS]


def genres(index):
    """Genre names in the order of their labels.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    list of str
    """
    return index.drop_duplicates("label").sort_values("label")["genre"].tolist()


def source(index):
    """Where the clips come from, in words, for figures and tables.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    str
    """
    count = f"{len(index):,} clips, {index['label'].nunique()} genres"
    kind = index["dataset"].iloc[0]
    if kind == "synthetic":
        return f"synthetic sound ({count}): shows the method, says nothing about music"
    return f"{'GTZAN' if kind == 'gtzan' else 'precomputed log-mels'} ({count})"


def fingerprint(index):
    """Short hash of what a collection holds, the same on every machine that holds the same files.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    str
        Twelve hexadecimal digits over clip ids, genres and sizes of the files.
    """
    digest = hashlib.sha256()
    for clip_id, genre, path in zip(index["clip_id"], index["genre"], index["path"]):
        size = os.path.getsize(path) if os.path.exists(path) else 0
        digest.update(f"{clip_id}|{genre}|{size}\n".encode())
    return digest.hexdigest()[:12]


def cache_dir():
    """Folder for what can be computed again; set GENRE_UTILS_CACHE to move it.

    Returns
    -------
    Path
    """
    import pooch

    return Path(os.environ.get("GENRE_UTILS_CACHE") or pooch.os_cache("genre_utils"))
