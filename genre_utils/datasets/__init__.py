"""Collections of clips, all read into the same index. Explained in notebook 01.

An index is a DataFrame with one row a clip and the columns `clip_id`, `path`, `genre`, `label` (the genre's place in
alphabetical order), `artist` and `split` (empty where unknown) and `dataset`. Its ``attrs["left_out"]`` tells what the
collection holds, or lists, and the index does not: the reason by `clip_id`.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from .._store import cache_dir, digest, only_writer, progress
from . import duplicates, fma, gtzan, precomputed, synthetic  # noqa: F401

_MODULES = {
    "fma-small": fma,
    "gtzan": gtzan,
    "gtzan-mini": gtzan,
    "precomputed": precomputed,
    "synthetic": synthetic,
}
WHERE = "the book's page 'Getting the music' (book/data.md) says where to get it and how to lay it out"
ARCHIVES, TAR = (".zip", ".tar", ".tar.gz", ".tgz"), {"format": "tar", "filter": "data"}
COLUMNS = ["clip_id", "path", "genre", "label", "artist", "split", "dataset"]


def names():
    """Names that `load` takes.

    Returns
    -------
    list of str
    """
    return sorted(_MODULES)


def load(name, root=None, clips_per_genre=None, seconds=None, **options):
    """Index of a collection.

    Parameters
    ----------
    name : {"fma-small", "gtzan", "gtzan-mini", "precomputed", "synthetic"}
    root : str or Path, optional
        Folder of the collection, an archive of it or a folder with its archives, or the npz file of "precomputed";
        ``~`` is the home folder. "synthetic" needs none: its clips are made in the user's cache when they are not
        there.
    clips_per_genre : int, optional
        Take at most so many clips of each genre, the first by `clip_id`. By default, and for 0, all; of "synthetic",
        which can make any number, 10.
    seconds : float, optional
        Length of the clips that "synthetic" makes; by default, and for 0, 30 s. Clips of other collections have the
        length that they have, so that nothing is done with it there.
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
        For an unknown name, a folder without genres, fewer than two genres, two files with one `clip_id`, clips
        that are named for another genre than their folder's, or an archive that cannot be unpacked.
    FileNotFoundError
        If `root` is missing or empty.

    Examples
    --------
    >>> from genre_utils import datasets
    >>> index = datasets.load("synthetic", clips_per_genre=2, seconds=3)
    >>> index["clip_id"].tolist()[:3], len(index)
    (['blues.00000', 'blues.00001', 'classical.00000'], 20)
    """
    if name not in _MODULES:
        raise ValueError(f"unknown dataset {name!r}; known: {', '.join(names())}")
    if clips_per_genre and clips_per_genre < 0:
        raise ValueError(f"clips_per_genre is {clips_per_genre}, expected at least 1, or 0 for all")
    root = Path(os.path.expanduser(root)) if root else None
    if name == "synthetic":
        index = synthetic.load(root or cache_dir() / "synthetic", clips_per_genre, seconds, **options)
    elif not root:
        raise FileNotFoundError(f"the dataset {name!r} needs its data_dir, the folder or file where it lies: {WHERE}")
    elif not root.exists():
        raise FileNotFoundError(f"no such data_dir: {root}; {WHERE}")
    else:
        index = _MODULES[name].load(_unpacked(root.resolve()), **options)
    left_out = index.attrs.get("left_out", {})
    index = index.sort_values(["genre", "clip_id"], kind="stable").reset_index(drop=True)
    twice = index["clip_id"][index["clip_id"].duplicated()].unique()
    if len(twice):
        example = ", ".join(twice[:3])
        raise ValueError(f"{len(twice)} clip ids stand for two files each, for example {example}, in {root}")
    if index["genre"].nunique() < 2:
        raise ValueError(f"{root} holds the genre {index['genre'].iloc[0]!r} only; a classifier needs two or more")
    _refuse_misplaced(index)
    if clips_per_genre:
        index = index.groupby("genre", sort=False).head(clips_per_genre).reset_index(drop=True)
    index["label"] = index["genre"].map({genre: i for i, genre in enumerate(sorted(index["genre"].unique()))})
    index = index.assign(dataset="synthetic" if _is_synthetic(index) else name)
    index = index.reindex(columns=COLUMNS, fill_value="")
    index.attrs["left_out"] = left_out
    return index


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
    root = Path(os.path.expanduser(root)).resolve()
    root.mkdir(parents=True, exist_ok=True)
    return fetchers[name](root)


def genres(index):
    """Genre names in the order of their labels.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    list of str

    Examples
    --------
    >>> from genre_utils import datasets
    >>> index = datasets.load("synthetic", clips_per_genre=2, seconds=3)
    >>> datasets.genres(index)[:3]
    ['blues', 'classical', 'country']
    """
    return index.drop_duplicates("label").sort_values("label")["genre"].tolist()


def choose(index, genre, number=0):
    """One clip of a genre.

    Parameters
    ----------
    index : pd.DataFrame
    genre : str
        Empty takes the first of the collection.
    number : int
        Its place among the clips of that genre, from 0.

    Returns
    -------
    pd.Series
        Its row of the index.

    Raises
    ------
    ValueError
        If the collection has no such genre, or not so many clips of it.

    References
    ----------
    Notebooks 02 and 03.
    """
    genre = genre or genres(index)[0]
    clips = index[index["genre"] == genre]
    if not 0 <= number < len(clips):
        known = ", ".join(genres(index))
        raise ValueError(f"no clip {number} among the {len(clips)} of {genre!r}; the genres are {known}")
    return clips.iloc[number]


def source(index):
    """Where the clips come from, in words, for figures and tables.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    str

    Examples
    --------
    >>> from genre_utils import datasets
    >>> index = datasets.load("synthetic", clips_per_genre=2, seconds=3)
    >>> datasets.source(index)
    'synthetic sound (20 clips, 10 genres): shows the method, says nothing about music'
    """
    count = f"{len(index):,} clips, {index['label'].nunique()} genres"
    kind = index["dataset"].iloc[0]
    if kind == "synthetic":
        return f"synthetic sound ({count}): shows the method, says nothing about music"
    words = {"gtzan": "GTZAN", "gtzan-mini": "GTZAN mini", "fma-small": "fma_small"}
    if kind == "gtzan" and not gtzan.named_as_there(index):
        return f"clips from a folder of genres ({count})"
    if kind == "precomputed":
        of = " of GTZAN" if gtzan.named_as_there(index) else " of fma_small" if fma.named_as_there(index) else ""
        return f"precomputed log-mels{of} ({count})"
    return f"{words.get(kind, kind)} ({count})"


def fingerprint(index):
    """Short hash of what a collection holds, the same on every machine that holds the same files.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    str
        Twelve hexadecimal digits over clip ids, genres and sizes of the files; of precomputed log-mels, of the npz
        file's.
    """
    digest = hashlib.sha256()
    for clip_id, genre, path in zip(index["clip_id"], index["genre"], index["path"]):
        file = path if os.path.exists(path) else path.rpartition("#")[0]
        size = os.path.getsize(file) if os.path.exists(file) else 0
        digest.update(f"{clip_id}|{genre}|{size}\n".encode())
    return digest.hexdigest()[:12]


def _unpacked(root):
    """Where the content of an archive lies, or of all archives in a folder without folders: on the local disk.

    It is complete when its marker is there; otherwise it is unpacked again. All files get one time, for the folder's
    name tells which archives they are from, so that features that are kept elsewhere are found again.
    """
    files = [root] if root.is_file() else [*root.glob("*")]
    archives = sorted(path for path in files if path.name.lower().endswith(ARCHIVES))
    if not archives or any(path.is_dir() for path in files):
        return root
    import pooch

    known = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in archives]
    folder = Path(pooch.os_cache("genre_utils"), "unpacked", digest(known))
    with only_writer(folder, timeout=3_600):  # another process may be unpacking it
        if not (folder / ".complete").exists():
            for archive in progress(archives, desc="unpacking"):
                zipped = archive.suffix.lower() == ".zip"
                try:
                    shutil.unpack_archive(archive, folder, **({"format": "zip"} if zipped else TAR))
                except Exception as error:
                    shutil.rmtree(folder, ignore_errors=True)
                    advice = "is it whole, and has that disk room for it?"
                    raise ValueError(f"{archive.name} cannot be unpacked into {folder} ({error}): {advice}") from error
            for path in filter(Path.exists, folder.rglob("*")):
                os.utime(path, (0, 0))
            (folder / ".complete").touch()
    return folder


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
