"""Collections of clips, all read into the same index. Explained in notebook 01.

An index is a DataFrame with one row a clip and the columns `clip_id`, `path`, `genre`, `label` (the genre's place in
alphabetical order), `artist` and `split` (empty where unknown) and `dataset`.
"""

import hashlib
import json
import os
from pathlib import Path

from .._store import cache_dir
from . import fma, gtzan, precomputed, synthetic

_MODULES = {
    "fma-small": fma,
    "gtzan": gtzan,
    "gtzan-mini": gtzan,
    "precomputed": precomputed,
    "synthetic": synthetic,
}
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
    name : {"fma-small", "gtzan", "gtzan-mini", "precomputed", "synthetic"}
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
        The index, sorted by genre and `clip_id`. The `dataset` of a folder that `synthetic` has written is "synthetic",
        by whichever name it was read.

    Raises
    ------
    ValueError
        For an unknown name, a folder without genres, fewer than two genres, two files with one `clip_id`, or clips
        that are named for another genre than their folder's.
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
    _refuse_misplaced(index)
    if clips_per_genre is not None:
        index = index.groupby("genre", sort=False).head(clips_per_genre).reset_index(drop=True)
    index["label"] = index["genre"].map({genre: i for i, genre in enumerate(sorted(index["genre"].unique()))})
    for column in ("artist", "split"):
        if column not in index:
            index[column] = ""
    return index.assign(dataset="synthetic" if _is_synthetic(index) else name)[COLUMNS]


def fetch(name, root):
    """Download a collection, unless it is there already.

    Parameters
    ----------
    name : {"gtzan-mini", "fma-small"}
    root : str or Path
        Folder for it, made when missing; `load` reads it afterwards.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    ValueError
        For a collection that cannot be downloaded, the whole GTZAN among them; the message says where to get it.
    ImportError
        For "gtzan-mini" without mirdata, which the extra "data" installs.
    OSError
        If the download fails.
    """
    if name == "gtzan":
        raise ValueError(gtzan.HOW_TO_GET)
    fetchers = {"fma-small": fma.fetch, "gtzan-mini": gtzan.fetch_mini}
    if name not in fetchers:
        raise ValueError(f"{name!r} cannot be downloaded; {' and '.join(sorted(fetchers))} can")
    root = Path(root).resolve()
    root.mkdir(parents=True, exist_ok=True)
    return fetchers[name](root)


def exact_replicas(index):
    """Pairs of clips whose files hold the same bytes.

    Parameters
    ----------
    index : pd.DataFrame
        A collection of sound files.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id` and `replica`. What is the same sound in other bytes, `genre_utils.replicas` finds.
    """
    sizes = index.set_index("clip_id")["path"].map(lambda path: os.path.getsize(path) if os.path.isfile(path) else -1)
    alike = sizes[sizes.duplicated(keep=False) & (sizes > 0)].index
    paths = index.set_index("clip_id")["path"][alike]
    return gtzan.equal_pairs(paths.map(_digest).astype(object))


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
    words = {"gtzan": "GTZAN", "gtzan-mini": "GTZAN mini", "fma-small": "fma_small"}
    if kind == "gtzan" and not gtzan.named_as_there(index):
        return f"clips from a folder of genres ({count})"
    if kind == "precomputed":
        return f"precomputed log-mels{' of GTZAN' if gtzan.named_as_there(index) else ''} ({count})"
    return f"{words[kind]} ({count})"


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


def _refuse_misplaced(index):
    """In a collection whose ids begin with the genre, no id may begin with another one."""
    named = index["clip_id"].str.rpartition(".")[0].str.lower()
    wrong = index[named.isin(set(index["genre"])) & (named != index["genre"])]
    if len(wrong):
        some = ", ".join(f"{clip_id} in {genre}" for clip_id, genre in zip(wrong["clip_id"][:3], wrong["genre"]))
        raise ValueError(f"{len(wrong)} clips lie in another genre's folder than their name's ({some}): move or rename")


def _is_synthetic(index):
    try:
        settings = json.loads((Path(index["path"].iloc[0]).parents[2] / "settings.json").read_text(encoding="utf-8"))
        return {"version", "seconds", "seed"} <= set(settings)
    except (OSError, ValueError, IndexError, TypeError):
        return False


def _digest(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return float("nan")
