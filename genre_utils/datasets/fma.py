"""fma_small (Defferrard et al. 2017): 8,000 tracks of 30 s under free licences, eight genres of equal size."""

import warnings
import zipfile

import numpy as np
import pandas as pd

ADDRESS = "https://os.unil.cloud.switch.ch/fma/"
ARCHIVES = {  # sha1 of each zip, as https://github.com/mdeff/fma prints it
    "fma_small": "ade154f733639d52e35e32f5593efe5be76c6d70",
    "fma_metadata": "f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
}
# The six corrupted files that the FMA paper removes too: seconds of sound in each.
FAULTY = {"098565": 1.6, "098567": 0.5, "098569": 1.5, "099134": 0.0, "108925": 0.0, "133297": 0.0}
_FIELDS = {
    ("set", "subset"): "subset",
    ("set", "split"): "split",
    ("artist", "id"): "artist",
    ("track", "genre_top"): "genre",
}


def load(root, split="official", seed=0):
    """Files, genres, artists and parts of fma_small.

    The six known faulty tracks (`FAULTY`) are left out. A track that ``tracks.csv`` lists and the folder lacks, or the
    other way round, is left out with a warning.

    Parameters
    ----------
    root : Path
        The folder that holds ``fma_small/000/000002.mp3`` … and ``fma_metadata/tracks.csv``, or its ``fma_small``.
    split : {"official", "random"}
        What the column `split` tells ("training", "validation" or "test"): the published partition, in which no artist
        is in two parts; or 80/10/10 within each genre after a shuffle, as in the FMA paper.
    seed : int
        Of the shuffle.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, the track's number in six digits, `path`, `genre`, `artist`, its number, and `split`.

    Raises
    ------
    FileNotFoundError
        If ``tracks.csv`` or the sound is missing.
    ValueError
        If ``tracks.csv`` is not FMA's, or the kind of split is unknown.
    """
    if split not in ("official", "random"):
        raise ValueError(f"split is {split!r}, expected 'official' or 'random'")
    home = next((folder for folder in (root, root.parent) if (folder / "fma_metadata" / "tracks.csv").is_file()), None)
    if home is None:
        raise FileNotFoundError(
            f"no fma_metadata/tracks.csv in {root} or beside it; unpack fma_metadata.zip there, "
            "or let datasets.fetch('fma-small', folder) do it"
        )
    folder = home / "fma_small"
    files = [(path.stem, str(path)) for path in sorted(folder.rglob("*.mp3")) if path.stem.isdigit()]
    if not files:
        raise FileNotFoundError(f"no sound in {folder}; expected for example {folder}/000/000002.mp3")
    tracks = read_tracks(home / "fma_metadata" / "tracks.csv")
    index = pd.DataFrame(files, columns=["clip_id", "path"]).merge(tracks, on="clip_id")
    _warn(tracks["clip_id"], [clip_id for clip_id, _ in files], folder)
    index = index[~index["clip_id"].isin(FAULTY)]
    if index.empty:
        raise ValueError(f"none of the {len(files)} files in {folder} is a usable track of fma_small by tracks.csv")
    return index.assign(split=_shuffled(index["genre"], seed)) if split == "random" else index


def read_tracks(path):
    """What ``tracks.csv`` tells of the tracks of fma_small.

    Parameters
    ----------
    path : Path

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `genre`, `artist`, `split`; 8,000 rows in the published file.

    Raises
    ------
    ValueError
        If the file cannot be read, has not FMA's two header rows, or lists no track of fma_small.
    """
    try:
        header = pd.read_csv(path, header=None, nrows=2, dtype=str, keep_default_na=False)
        places = {field: i for i, field in enumerate(zip(*header.to_numpy()))}
        lacks = [".".join(field) for field in _FIELDS if field not in places]
        if lacks:
            raise ValueError(f"its two header rows lack {', '.join(lacks)}")
        columns = {0: "clip_id"} | {places[field]: name for field, name in _FIELDS.items()}
        table = pd.read_csv(path, header=None, skiprows=2, usecols=list(columns), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not FMA's tracks.csv ({error}); fetch fma_metadata.zip again") from error
    table = table.rename(columns=columns)
    table = table[(table["subset"] == "small") & (table["genre"] != "") & table["clip_id"].str.isdigit()]
    if table.empty:
        raise ValueError(f"{path} lists no track of fma_small")
    return table.assign(clip_id=table["clip_id"].str.zfill(6))[["clip_id", "genre", "artist", "split"]]


def fetch(root):
    """Download and unpack fma_small (7.2 GiB) and its metadata (342 MiB).

    Called again, it goes on with what is missing. The archives stay beside what was unpacked from them; a folder that
    bears its final name is complete.

    Parameters
    ----------
    root : Path

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    ValueError
        If an archive's sha1 is not the published one.
    OSError
        If the download fails, or the disk is full.
    """
    import pooch

    for name, sha1 in ARCHIVES.items():
        if not (root / name).exists():
            zipped = f"{name}.zip"
            archive = pooch.retrieve(ADDRESS + zipped, f"sha1:{sha1}", fname=zipped, path=root, progressbar=True)
            _unpack(archive, root, name)
    return root


def _unpack(archive, root, name):
    part = root / f".{name}.part"
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            path = part / member.filename
            if not path.is_file() or path.stat().st_size != member.file_size:
                file.extract(member, part)
    (part / name).rename(root / name)
    part.rmdir()


def _warn(listed, found, folder):
    for what, ids in (
        ("tracks of fma_small have no file", set(listed) - set(found) - set(FAULTY)),
        ("files are no tracks of fma_small", set(found) - set(listed)),
    ):
        if ids:
            some = ", ".join(sorted(ids)[:3])
            warnings.warn(f"{len(ids):,} {what} in {folder} by tracks.csv, left out ({some} …)", stacklevel=3)


def _shuffled(genre, seed):
    rng = np.random.default_rng(seed)
    part = pd.Series("training", index=genre.index)
    for rows in genre.groupby(genre).groups.values():
        rows, tenth = rng.permutation(rows), round(len(rows) / 10)
        part[rows[:tenth]], part[rows[tenth : 2 * tenth]] = "validation", "test"
    return part
