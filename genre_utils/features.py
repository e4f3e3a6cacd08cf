"""Log-mel spectrograms, and a store that keeps them. Explained in notebook 02."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import audio, datasets
from ._store import progress

NOTE_BYTES = 256


@dataclass(frozen=True)
class MelConfig:
    """How a clip becomes a log-mel spectrogram.

    Attributes
    ----------
    sr : int
        Sample rate in Hz.
    n_samples : int
        The clip is cut or zero-padded to so many samples.
    n_fft : int
        Points of the Fourier transform.
    hop_length : int
        Samples between frames.
    n_mels : int
        Mel bands between 0 Hz and sr / 2 (Slaney's scale and area normalisation, as librosa's default).
    win_length : int or None
        Samples under the Hann window, centred in `n_fft`; None means `n_fft`.
    ref : {"one", "max"}
        What 0 dB means: a power of one, or the clip's own maximum.
    top_db : float
        Levels more than this far below the clip's maximum are raised to that floor (librosa's default, 80 dB).
    zscore : bool
        Subtract the clip's mean and divide by its deviation, in which case the values are no longer dB.
    """

    sr: int = 22_050
    n_samples: int = 661_794
    n_fft: int = 2_048
    hop_length: int = 1_024
    n_mels: int = 128
    win_length: int | None = None
    ref: str = "one"
    top_db: float = 80.0
    zscore: bool = False

    def __post_init__(self):
        window = self.n_fft if self.win_length is None else self.win_length
        if min(self.sr, self.n_samples, self.n_fft, self.hop_length, self.n_mels, window) < 1:
            raise ValueError(f"{self} has a size below 1; sizes are counts of samples, points or bands")
        if window > self.n_fft:
            raise ValueError(f"a window of {window} samples does not fit into an FFT of {self.n_fft} points")
        if self.ref not in ("one", "max"):
            raise ValueError(f"ref is 'one' or 'max', not {self.ref!r}")

    @property
    def n_frames(self):
        """Frames of a centred transform: 1 + n_samples // hop_length."""
        return 1 + self.n_samples // self.hop_length

    @property
    def shape(self):
        """Shape of the log-mel spectrogram, (n_frames, n_mels)."""
        return self.n_frames, self.n_mels

    @property
    def seconds(self):
        """Length of the clip in seconds."""
        return self.n_samples / self.sr


PRESETS = {
    # Liu et al. 2021, released code: 647 x 128.
    "bbnn": MelConfig(),
    # Inception-ResNet paper, 4.2: a window of 512 samples and a hop of 1,024. The FFT keeps librosa's 2,048 points;
    # with 512, the lowest bands would share bins, and not all 128 be independent (notebook 02 counts them).
    "inception_resnet": MelConfig(win_length=512),
    # DenseNet/FMA paper, IV: windows of 3,472 and 1,976 samples with half overlap. The printed sizes, 513 x 128 and
    # 224 x 224, follow from 10 s at 22,050 Hz, not at the 16,000 Hz of the 1-D input.
    "fma_baseline": MelConfig(n_samples=220_500, n_fft=3_472, hop_length=1_736, n_mels=513, ref="max", zscore=True),
    "fma_densenet": MelConfig(n_samples=220_500, n_fft=1_976, hop_length=988, n_mels=224, ref="max", zscore=True),
}


def preset(name, seconds=0):
    """The preset of that name, on request for shorter clips.

    Parameters
    ----------
    name : str
    seconds : float
        Length to which clips are cut or padded; 0 keeps the preset's own.

    Returns
    -------
    MelConfig

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    config = PRESETS[name]
    return replace(config, n_samples=round(seconds * config.sr)) if seconds else config


def log_mel(y, config):
    """Log-mel spectrogram of one clip, by librosa.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
        Mono samples at `config.sr`; cut or zero-padded to `config.n_samples` first.
    config : MelConfig

    Returns
    -------
    np.ndarray [shape=(n_frames, n_mels)], float32
        Levels in dB, time first as both papers' networks read it; without unit when `config.zscore`.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional, empty, or holds NaN or infinite samples.
    """
    import librosa

    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(
            f"expected mono samples of shape (n_samples,), found {y.shape}; mix stereo with y.mean(axis=0)"
        )
    if not np.isfinite(y).all():
        raise ValueError("the clip holds NaN or infinite samples")
    stft = librosa.stft(
        audio.fix_length(y.astype(np.float32, copy=False), config.n_samples),
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        win_length=config.win_length,
    )
    power = _mel_filters(config.sr, config.n_fft, config.n_mels) @ np.square(np.abs(stft))
    level = librosa.power_to_db(power, ref=np.max if config.ref == "max" else 1.0, top_db=config.top_db).T
    if config.zscore:
        level = (level - level.mean()) / max(level.std(), 1e-6)
    return np.ascontiguousarray(level, dtype=np.float32)


@lru_cache
def _mel_filters(sr, n_fft, n_mels):
    """librosa's mel filters, which are nearly all zeros: so stored, they take a tenth of the time."""
    import librosa
    from scipy.sparse import csr_array

    return csr_array(librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels))


class Features(NamedTuple):
    """The log-mels of a collection.

    Attributes
    ----------
    x : np.ndarray [shape=(n_used, n_frames, n_mels)], float32
    index : pd.DataFrame
        The rows of the index that were used, in the order of `x`.
    report : pd.DataFrame
        Every clip of the collection: `clip_id`, `status` ("used" or "skipped") and `note`, what was found.
    """

    x: np.ndarray
    index: pd.DataFrame
    report: pd.DataFrame


def extract(index, config, store=None, n_jobs=1):
    """Log-mels of every usable clip of a collection, computed once and kept.

    They go into a Zarr array with one chunk a clip. A chunk that is there is finished, so a killed run goes on where
    it was, and several processes may fill one store. The work is handed to joblib, so that
    ``joblib.parallel_config(backend="dask")`` sends it to a cluster.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load`.
    config : MelConfig
    store : str or Path, optional
        Where the Zarr store lies, on a disk or, as a URL, in an object store. By default in the user's cache, under a
        name made from the clips and the configuration.
    n_jobs : int
        Processes at work.

    Returns
    -------
    Features

    Raises
    ------
    ValueError
        If no clip is usable, or the store was made from other clips or with another configuration.
    """
    if index["dataset"].eq("precomputed").all():
        x = datasets.precomputed.read(index)
        return Features(x, index, index[["clip_id"]].assign(status="used", note="read as log-mels"))
    import joblib

    key = store_key(index, config)
    group = _open(store or datasets.cache_dir() / "features" / f"{key}.zarr", key, (len(index), *config.shape))
    notes = [bytes(row).rstrip(b"\0").decode() for row in group["note"][...]]
    missing = [row for row, note in enumerate(notes) if not note]
    jobs = (joblib.delayed(_extract_one)(group, row, index["path"].iloc[row], config) for row in missing)
    done = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    # The results first: zip then asks them for one more, and joblib learns that all have been fetched.
    for note, row in zip(progress(done, total=len(missing), desc="log-mels"), missing):
        notes[row] = note
    report = _report(index, notes)
    used = _used(report)
    x = np.stack([group["log_mel"][row] for row in np.flatnonzero(used)])
    return Features(x, index[used].reset_index(drop=True), report)


def waveforms(index, sr=16_000, seconds=10.0, n_jobs=1):
    """The first seconds of every usable clip of a collection, as the FMA study's 1-D networks read them.

    Parameters
    ----------
    index : pd.DataFrame
        From `datasets.load`; a collection of sound, not of log-mels.
    sr : int
        Sample rate in Hz.
    seconds : float
        Clips are cut or zero-padded to this length.
    n_jobs : int
        Processes at work.

    Returns
    -------
    Features
        With samples in place of log-mels: `x` has the shape (n_used, n_samples).

    Raises
    ------
    ValueError
        If the collection holds log-mels only, or no clip is usable.
    """
    import joblib

    if index["dataset"].eq("precomputed").any():
        raise ValueError("precomputed log-mels hold no waveforms; use a collection of sound files")
    jobs = (joblib.delayed(_load_one)(path, sr, round(sr * seconds)) for path in index["path"])
    done = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    clips, notes = zip(*progress(done, total=len(index), desc="waveforms"))
    report = _report(index, notes)
    return Features(np.stack([y for y in clips if y is not None]), index[_used(report)].reset_index(drop=True), report)


def store_key(index, config):
    """Name of the store that holds these files' features: changes with any file, the order or the configuration.

    Parameters
    ----------
    index : pd.DataFrame
    config : MelConfig

    Returns
    -------
    str
    """
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for clip_id, path in zip(index["clip_id"], index["path"]):
        try:
            stat = Path(path).stat()
            digest.update(f"{clip_id}|{path}|{stat.st_size}|{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
        except OSError:
            digest.update(f"{clip_id}|{path}|missing\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:20]


def _report(index, notes):
    report = pd.DataFrame([note.partition(": ")[::2] for note in notes], columns=["status", "note"])
    report.insert(0, "clip_id", index["clip_id"].to_numpy())
    if not _used(report).any():
        raise ValueError(f"none of the {len(index)} clips can be used:\n{report.head(10).to_string(index=False)}")
    return report


def _used(report):
    return report["status"].eq("used").to_numpy()


def _open(store, key, shape):
    import zarr

    if isinstance(store, Path):
        store.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.open_group(str(store), mode="a")
    if group.attrs.setdefault("key", key) != key:
        raise ValueError(
            f"the store {store} holds features of other clips or settings (its key is {group.attrs['key']}, "
            f"these clips' is {key}): name another store or delete this one"
        )
    group.require_array("log_mel", shape=shape, chunks=(1, *shape[1:]), dtype="float32", fill_value=np.nan)
    group.require_array("note", shape=(shape[0], NOTE_BYTES), chunks=(1, NOTE_BYTES), dtype="uint8", fill_value=0)
    return group


def _extract_one(group, row, path, config):
    from threadpoolctl import threadpool_limits

    y, note = _load_one(path, config.sr, config.n_samples)
    if y is None:
        return note
    # In one thread, so that the last digit does not depend on how many processes share the work.
    with threadpool_limits(1):
        group["log_mel"][row] = log_mel(y, config)
    # Written last: a row with a note is a finished row.
    group["note"][row] = np.frombuffer(note.encode()[:NOTE_BYTES].ljust(NOTE_BYTES, b"\0"), dtype="uint8")
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
