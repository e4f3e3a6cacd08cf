"""GTZAN (Tzanetakis and Cook 2002), in any of the layouts of its copies. Explained in notebooks 01 and 13."""

import hashlib
import io
import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from .. import audio
from .._store import cache_dir

HOW_TO_GET = (
    "GTZAN cannot be fetched: its first address is dead, and no licence is stated. Copies are 'GTZAN Dataset - Music "
    "Genre Classification' on Kaggle (genres_original/, wav) and marsyas/gtzan on Hugging Face (genres.tar.gz). "
    "Read one with datasets.load('gtzan', folder or archive; see book/data.md) and compare it with the original by "
    "datasets.gtzan.check(index). datasets.fetch('gtzan-mini', folder) downloads 100 of its clips."
)
SR = 22_050
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
# The fault-filtered partition of Kereliuk, Sturm and Larsen (2015), as its authors publish it.
PARTITION = "https://raw.githubusercontent.com/coreyker/dnn-mgr/master/gtzan/"
_LISTS = {  # part: the list's name and sha256
    "training": ("train_filtered.txt", "2b04966cef1486f1a7767b74271533fa23e220388db804a1937835e1fc4fa3fa"),
    "validation": ("valid_filtered.txt", "f8fbee7c52397a0e0f3a91dc54fedecb2e27f5bdc9a9daeab8cb10d077e26956"),
    "test": ("test_filtered.txt", "09cafa6a89ce0a27f30ed250d56ecb4d03c22fffb5a693f96c7ae655ee02ac72"),
}


def load(root):
    """Files and genres of a folder that holds one folder a genre.

    Parameters
    ----------
    root : Path
        The folder of genre folders, or one above it: `genres/` (.au), `genres_original/` (.wav) or any other name.
        Files of other kinds and hidden ones are passed over; links are followed.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `path`, `genre`.

    Raises
    ------
    ValueError
        If there is no folder of genre folders, or more than one.
    FileNotFoundError
        If the folder is empty.
    PermissionError
        If a folder in it cannot be looked into.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is a file; expected a folder that holds one folder a genre")
    if not any(root.iterdir()):
        raise FileNotFoundError(f"the folder {root} is empty; expected one folder a genre")
    found = {}
    for path in sorted(_walk(root)):
        genre_dir = path.parent
        if path.suffix.lower() in audio.EXTENSIONS and not path.name.startswith(".") and genre_dir != root:
            clip = _text(path.stem), str(path), _text(genre_dir.name).lower()
            found.setdefault(genre_dir.parent, []).append(clip)
    if not found:
        raise ValueError(
            f"no genre folders with sound ({', '.join(audio.EXTENSIONS)}) in {root}; expected for example "
            f"{root.name}/blues/blues.00000.wav"
        )
    if len(found) > 1:
        raise ValueError(
            f"{root} holds {len(found)} collections ({', '.join(str(p.relative_to(root)) for p in found)}); "
            "name one of them as data_dir"
        )
    return pd.DataFrame(*found.values(), columns=["clip_id", "path", "genre"])


def named_as_there(index):
    """Whether the clips bear GTZAN's names, ``genre.00000`` in its ten genres.

    Parameters
    ----------
    index : pd.DataFrame

    Returns
    -------
    bool
    """
    return bool(index["clip_id"].str.fullmatch(f"({'|'.join(GENRES)})\\.0\\d{{4}}").all())


def fetch_mini(root):
    """Download the 100 clips of GTZAN's mini version, through mirdata.

    Parameters
    ----------
    root : Path

    Returns
    -------
    Path
        `root`, which `datasets.load` then reads under the name "gtzan-mini".

    Raises
    ------
    ImportError
        Without mirdata, which the extra "data" installs.
    OSError
        If the download fails or its checksum is not the published one.
    """
    _mirdata("mini", root).download(partial_download=["mini"])
    return root


def check(index):
    """Compare a copy of GTZAN with the original, by mirdata's md5 of each of its 1,000 wav files.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load`.

    Returns
    -------
    pd.DataFrame
        One row a clip: `clip_id`; `status`, which is "original" (the file or its samples are), "re-encoded" (other
        samples: stored with loss, resampled, cut, or other music), "other clip" (the samples of another clip of
        GTZAN), "unreadable", "missing" or "unknown" (GTZAN has no clip of that id); and `note`.

    Raises
    ------
    ImportError
        Without mirdata, which the extra "data" installs.

    References
    ----------
    Sturm (2013); notebook 13.
    """
    originals = md5s()
    owners = {md5: clip_id for clip_id, md5 in originals.items()}
    clips = zip(index["clip_id"], index["path"])
    rows = [(clip_id, *_compare(path, originals.get(clip_id), owners)) for clip_id, path in clips]
    rows += [(clip_id, "missing", "") for clip_id in originals if clip_id not in set(index["clip_id"])]
    return pd.DataFrame(rows, columns=["clip_id", "status", "note"])


def md5s():
    """Hash of each wav file of the original GTZAN, from mirdata's index; no file is needed.

    Returns
    -------
    dict of str to str
        The md5 by clip id. `duplicates.equal_hashes` finds 14 pairs of identical files among them, of the 50 that Sturm
        (2013) found by ear and fingerprint.

    Raises
    ------
    ImportError
        Without mirdata, which the extra "data" installs.

    References
    ----------
    Sturm (2013); notebook 13.
    """
    path = Path(_mirdata("1.0").index_path)
    if not path.is_file():  # from 0.3.9 on the indexes are downloaded, and much else is required
        raise ImportError("this mirdata comes without GTZAN's index: pip install 'genre-utils[data]'")
    return {clip_id: track["audio"][1] for clip_id, track in json.loads(path.read_text())["tracks"].items()}


def partition(index, folder=None):
    """Fill in the fault-filtered partition of Kereliuk, Sturm and Larsen (2015), and the artists.

    Of the 1,000 clips it takes 443 for training, 197 for validation and 290 for testing, with no artist in two parts
    by the name as credited ("Lauryn Hill and Bob Marley" is another than Bob Marley); 70 replicas and faulty clips are
    left out.

    Parameters
    ----------
    index : pd.DataFrame
        A collection with GTZAN's clip ids.
    folder : str or Path, optional
        Where ``train_filtered.txt``, ``valid_filtered.txt`` and ``test_filtered.txt`` lie (lines such as
        ``blues/blues.00029.wav``) and, if at hand, ``artists_titles.txt`` (``blues.00000.wav ::: artist ::: title``).
        By default the lists are downloaded into the user's cache and compared with their sha256.

    Returns
    -------
    pd.DataFrame
        A copy of the index; `split` is "training", "validation", "test" or, for clips in no list, empty.

    Raises
    ------
    FileNotFoundError
        If a list is missing.
    ValueError
        If a clip is in two lists, or the lists name none of the clips.

    References
    ----------
    Kereliuk, Sturm and Larsen (2015); notebook 13.
    """
    parts = {}
    for part, path in _lists(folder).items():
        for line in path.read_text(encoding="utf-8").split("\n"):
            clip_id = Path(line.strip()).stem
            if parts.setdefault(clip_id, part) != part and clip_id:
                raise ValueError(f"{clip_id} is in the lists for {parts[clip_id]} and for {part} in {path.parent}")
    split = index["clip_id"].map(parts).fillna("")
    if split.eq("").all():
        raise ValueError(
            f"the lists name none of the {len(index)} clips; expected ids such as blues.00029, "
            f"found {index['clip_id'].iloc[0]}"
        )
    names = Path(folder) / "artists_titles.txt" if folder else None
    artist = index["clip_id"].map(_artists(names)).fillna("") if names and names.is_file() else index["artist"]
    return index.assign(split=split, artist=artist)


def _walk(root):
    """Everything under a folder, each folder once even if links go round in a circle."""
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_refuse):
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
        else:
            seen.add(real)
            yield from (Path(folder, name) for name in folders + files)


def _refuse(error):
    raise PermissionError(f"cannot look into {error.filename} ({error.strerror}): allow it, or take the folder away")


def _text(name):
    """A file's name in one spelling: accents composed (macOS writes them apart), bytes that are no UTF-8 replaced."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def _mirdata(version, root=None):
    try:
        import mirdata
    except ImportError as error:
        raise ImportError("this needs mirdata: pip install 'genre-utils[data]'") from error
    return mirdata.initialize("gtzan_genre", data_home=root and str(root), version=version)


def _compare(path, original, owners):
    if original is None:
        return "unknown", "GTZAN has no clip of that id"
    try:
        content = Path(path).read_bytes()
        y, info = audio.load(path, SR)
    except (audio.AudioError, OSError) as error:
        return "unreadable", str(error)
    found, samples = (hashlib.md5(held).hexdigest() for held in (content, _wav(y)))
    if original in (found, samples):
        return "original", "" if found == original else f"the same samples as {Path(path).suffix}"
    if owner := owners.get(found) or owners.get(samples):
        return "other clip", f"the samples of {owner}"
    return "re-encoded", ", ".join((f"{info.seconds:.2f} s", *info.notes))


def _wav(y):
    """The file of 16 bits a sample that the original GTZAN would hold for these samples."""
    from scipy.io import wavfile

    file = io.BytesIO()
    wavfile.write(file, SR, np.clip(np.round(y * 32768), -32768, 32767).astype(np.int16))
    return file.getvalue()


def _lists(folder):
    if folder is None:
        import pooch

        return {
            part: Path(pooch.retrieve(PARTITION + name, f"sha256:{sha256}", fname=name, path=cache_dir() / "gtzan"))
            for part, (name, sha256) in _LISTS.items()
        }
    lists = {part: Path(folder) / name for part, (name, _) in _LISTS.items()}
    missing = [path.name for path in lists.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no {', '.join(missing)} in {folder}; without a folder they are downloaded")
    return lists


def _artists(path):
    spelt = {}  # one artist, however it is capitalised
    rows = (line.split(":::") for line in path.read_text(encoding="utf-8").split("\n") if ":::" in line)
    return {Path(clip).stem: spelt.setdefault(name.strip().casefold(), name.strip()) for clip, name, *_ in rows}
