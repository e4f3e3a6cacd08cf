"""fma_small (Defferrard et al. 2017): 8,000 free tracks of 30 s, eight equal genres. Explained in notebook 12."""

import zipfile

import pandas as pd

from ..papers import FMA_FAULTY

ADDRESS = "https://os.unil.cloud.switch.ch/fma/"
GENRES = ("Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock")
ARCHIVES = {  # sha1 of each zip, as https://github.com/mdeff/fma prints it
    "fma_small": "ade154f733639d52e35e32f5593efe5be76c6d70",
    "fma_metadata": "f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
}
_FIELDS = {
    ("set", "subset"): "subset",
    ("set", "split"): "split",
    ("artist", "id"): "artist",
    ("track", "genre_top"): "genre",
}


def load(root):
    """Files, genres, artists and parts of fma_small.

    Left out are the six corrupted tracks (`papers.FMA_FAULTY`), and those that ``tracks.csv`` lists and the folder
    lacks, or the other way round.

    Parameters
    ----------
    root : Path
        The folder that holds ``fma_small/000/000002.mp3`` … and ``fma_metadata/tracks.csv``, or its ``fma_small``.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, the track's number in six digits, `path`, `genre`, `artist`, its number, and `split`, the
        published partition, in which no artist is in two parts;
        ``attrs["left_out"]`` tells the reason by `clip_id` of each track that was left out.

    Raises
    ------
    FileNotFoundError
        If ``tracks.csv`` or the sound is missing.
    ValueError
        If ``tracks.csv`` is not FMA's.

    References
    ----------
    Defferrard et al. (2017); FMA study, III; notebook 12.
    """
    home = next((folder for folder in (root, root.parent) if (folder / "fma_metadata" / "tracks.csv").is_file()), None)
    if home is None:
        raise FileNotFoundError(
            f"no fma_metadata/tracks.csv in {root} or beside it; unpack fma_metadata.zip there, "
            "or let datasets.fetch('fma-small', folder) do it; more in book/data.md"
        )
    folder = home / "fma_small"
    files = [(path.stem, str(path)) for path in sorted(folder.rglob("*.mp3")) if path.stem.isdigit()]
    if not files:
        raise FileNotFoundError(f"no sound in {folder}; expected for example {folder}/000/000002.mp3")
    tracks = read_tracks(home / "fma_metadata" / "tracks.csv")
    index = pd.DataFrame(files, columns=["clip_id", "path"]).merge(tracks, on="clip_id")
    index = index[~index["clip_id"].isin(FMA_FAULTY)]
    if index.empty:
        raise ValueError(f"none of the {len(files)} files in {folder} is a usable track of fma_small by tracks.csv")
    index.attrs["left_out"] = _left_out({clip_id for clip_id, _ in files}, set(tracks["clip_id"]))
    return index


def named_as_there(index):
    """Whether the clips bear fma_small's names, six digits in its eight genres.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    bool
    """
    return bool(index["genre"].isin(GENRES).all() and index["clip_id"].str.fullmatch(r"\d{6}").all())


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


def _left_out(found, listed):
    reasons = {clip_id: "tracks.csv lists it, and there is no such file" for clip_id in listed - found}
    reasons |= {clip_id: "tracks.csv does not list it as a track of fma_small" for clip_id in found - listed}
    for clip_id, seconds in FMA_FAULTY.items():
        if clip_id in found | listed:
            reasons[clip_id] = f"one of the six corrupted tracks, with {seconds:g} s of sound"
    return dict(sorted(reasons.items()))
