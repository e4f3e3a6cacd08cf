"""Features of a whole collection, computed once and kept. Explained in notebook 02."""

import os
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from .. import _store, audio, datasets
from .._store import cache_dir, digest, parallel
from .config import MelConfig
from .mel import log_mel, standardise

EXTRACTOR = 1  # raise it when the same clip and configuration give other features
NOTE_BYTES = 256


class Features(NamedTuple):
    """What the networks read of a collection.

    Attributes
    ----------
    x : np.ndarray [shape=(n_used, n_frames, n_mels)] or [shape=(n_used, n_samples)], float32
        For a network of several inputs a tuple of such arrays. Not yet standardised where the configuration says
        "training".
    index : pd.DataFrame
        The rows of the index that were used, in the order of `x`.
    report : pd.DataFrame
        Every clip of the collection: `clip_id`, `status` ("used" or "skipped") and `note`, what was found.
    config : MelConfig or WaveformConfig
        For a network of several inputs a tuple of them, in the order of `x`.
    """

    x: np.ndarray | tuple
    index: pd.DataFrame
    report: pd.DataFrame
    config: object


def extract(index, config, store=None, n_jobs=1):
    """Features of every usable clip of a collection, computed once and kept.

    Log-mels go into a Zarr array with one chunk a clip. A chunk that is there is finished, so a killed run goes on
    where it was, and several processes may fill one store. A clip that was skipped is tried again each time. The work
    is handed to joblib, so that ``joblib.parallel_config(backend="dask")`` sends it to a cluster. Waveforms are read
    anew each time.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load`. Of precomputed log-mels, frames and bands stay as they are, whatever the configuration
        says; its `ref`, `top_db` and `standardise` are applied, and the report tells of another size.
    config : MelConfig or WaveformConfig or tuple of them
        A tuple for a network of several inputs, such as ``models.input_configs("fusion")``; each has a store below.
    store : str or Path, optional
        Where the Zarr store lies, on a disk or, as a URL, in an object store. By default in the user's cache, under a
        name made from the clips, the configuration and the version of the extractor.
    n_jobs : int
        Processes at work.

    Returns
    -------
    Features

    Raises
    ------
    ValueError
        If no clip is usable, the collection holds log-mels and waveforms are wanted, or the store was made from other
        clips or with another configuration or extractor.

    References
    ----------
    Notebook 02.

    Examples
    --------
    >>> from genre_utils import datasets, features
    >>> index = datasets.load("synthetic", clips_per_genre=2, seconds=3)
    >>> found = features.extract(index, features.preset("bbnn", seconds=3))
    >>> found.x.shape, found.report["status"].value_counts().to_dict()
    ((20, 65, 128), {'used': 20})
    """
    if isinstance(config, tuple):
        return _extract_several(index, config, store, n_jobs)
    if index["dataset"].eq("precomputed").any():
        return _precomputed(index, config)
    if not isinstance(config, MelConfig):
        return _waveforms(index, config, n_jobs)
    stored = replace(config, standardise="none") if config.standardise == "training" else config
    key = store_key(index, stored)
    group, *arrays = _open(store or cache_dir() / "features" / f"{key}.zarr", key, (len(index), *config.shape))
    tried = group.attrs.get("notes")  # all in one place once all are tried, for one chunk a clip is slow to read
    notes = tried or [bytes(row).rstrip(b"\0").decode() for row in arrays[1][...]]
    x = arrays[0][...] if tried else None
    if missing := [row for row, note in enumerate(notes) if not note or tried and np.isnan(x[row, 0, 0])]:
        calls = [(*arrays, row, index["path"].iloc[row], stored) for row in missing]
        for row, note in zip(missing, parallel(_extract_one, calls, n_jobs, "log-mels")):
            notes[row] = note
        group.attrs["notes"] = [note * note.startswith("used") for note in notes]
    x = arrays[0][...] if missing or x is None else x
    report, used = _report(index, notes)
    return Features(x if used.all() else x[used], index[used].reset_index(drop=True), report, config)


def _extract_several(index, configs, store, n_jobs):
    parts = [extract(index, config, store and f"{store}/{k}", n_jobs) for k, config in enumerate(configs)]
    in_all = set.intersection(*(set(part.index["clip_id"]) for part in parts))
    kept = [part.index["clip_id"].isin(in_all).to_numpy() for part in parts]
    x = tuple(part.x[rows] for part, rows in zip(parts, kept))
    return Features(x, parts[0].index[kept[0]].reset_index(drop=True), parts[0].report, configs)


def _precomputed(index, config):
    if not isinstance(config, MelConfig):
        raise ValueError("precomputed log-mels hold no waveforms; use a collection of sound files")
    x = datasets.precomputed.read(index)
    if config.ref == "max":
        x -= x.max(axis=(1, 2), keepdims=True)
    x = np.maximum(x, x.max(axis=(1, 2), keepdims=True) - np.float32(config.top_db))
    x = standardise(x, axis=(1, 2)).astype(np.float32, copy=False) if config.standardise == "clip" else x
    found, wanted = (f"{frames} x {bands}" for frames, bands in (x.shape[1:], config.shape))
    note = "read as log-mels" + (f" of {found}, not {wanted}" if found != wanted else "")
    return Features(x, index, index[["clip_id"]].assign(status="used", note=note), config)


def _waveforms(index, config, n_jobs):
    calls = [(path, config.sr, config.n_samples) for path in index["path"]]
    clips, notes = zip(*parallel(_load_one, calls, n_jobs, "waveforms"))
    report, used = _report(index, notes)
    x = np.stack([y for y in clips if y is not None])
    x = standardise(x, axis=1) if config.standardise == "clip" else x
    return Features(x, index[used].reset_index(drop=True), report, config)


def version():
    """What computes the features: the number of this package's extractor, and librosa's version.

    Returns
    -------
    str
    """
    return f"{EXTRACTOR}, librosa {_store.version('librosa') or 'absent'}"


def store_key(index, config):
    """Name of the store that holds these files' features.

    It changes with any file, their order, the configuration, and the version of what extracts.

    Parameters
    ----------
    index : pd.DataFrame
    config : MelConfig

    Returns
    -------
    str
    """
    files = [_state(path) for path in index["path"]]
    return digest(asdict(config), version(), index["clip_id"].tolist(), index["path"].tolist(), files)


def _state(path):
    """Size and time of a file, and what stands in its middle; None where there is none to be read."""
    if os.path.isfile(path):
        with suppress(OSError), open(path, "rb") as file:
            found = os.fstat(file.fileno())
            file.seek(found.st_size // 2)
            return found.st_size, found.st_mtime_ns, crc32(file.read(4096))


def _report(index, notes):
    report = pd.DataFrame([note.partition(": ")[::2] for note in notes], columns=["status", "note"])
    report.insert(0, "clip_id", index["clip_id"].to_numpy())
    used = report["status"].eq("used").to_numpy()
    if not used.any():
        raise ValueError(f"none of the {len(index)} clips can be used:\n{report.head(10).to_string(index=False)}")
    return report, used


def _open(store, key, shape):
    import zarr

    group = zarr.open_group(str(store), mode="a")
    if group.attrs.setdefault("key", key) != key:
        raise ValueError(
            f"the store {store} holds features of other clips or settings, or of another extractor (its key is "
            f"{group.attrs['key']}, these clips' is {key}): name another store or delete this one"
        )
    # Not compressed: of levels in dB that saves a tenth of the room, and costs more time than reading them.
    array = partial(group.require_array, compressors=None)
    log_mel = array("log_mel", shape=shape, chunks=(1, *shape[1:]), dtype="float32", fill_value=np.nan)
    note = array("note", shape=(shape[0], NOTE_BYTES), chunks=(1, NOTE_BYTES), dtype="uint8", fill_value=0)
    return group, log_mel, note


def _extract_one(log_mels, notes, row, path, config):
    y, note = _load_one(path, config.sr, config.n_samples)
    if y is None:
        return note
    log_mels[row] = log_mel(y, config)
    # Written last: a row with a note is a finished row.
    notes[row] = np.frombuffer(note.encode()[:NOTE_BYTES].ljust(NOTE_BYTES, b"\0"), dtype="uint8")
    return note


def _load_one(path, sr, n_samples):
    try:
        y, info = audio.load(path, sr)
    except audio.AudioError as error:
        return None, f"skipped: {error}"
    notes = list(info.notes)
    if len(y) < n_samples:
        notes.append(f"padded by {(n_samples - len(y)) / sr:.1f} s")
    return audio.fix_length(y, n_samples), f"used: {', '.join(notes)}"
