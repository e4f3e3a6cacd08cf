"""One clip: decode, mix to mono, resample, check, crop or pad. Explained in notebook 01."""

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXTENSIONS = (".wav", ".au", ".flac", ".mp3", ".ogg")
MIN_SECONDS = 2.0
LOWEST, HIGHEST = 4_000, 384_000  # sample rates in Hz
# An mp3 frame may lean on those before it, in streams of few bits on a dozen of them: so much earlier is begun.
RUN_UP = 0.3


class AudioError(ValueError):
    """A clip that cannot be used; the message says why."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file held before it was made mono and resampled.

    Attributes
    ----------
    seconds : float
        Length in seconds.
    sr : int
        Sample rate of the file in Hz.
    channels : int
        Number of channels.
    notes : tuple of str
        What was done to it, in words; empty when nothing was.
    """

    seconds: float
    sr: int
    channels: int
    notes: tuple[str, ...] = ()


def load(path, sr=22_050, min_seconds=MIN_SECONDS, max_seconds=600.0):
    """Read a sound file as mono float samples at a given rate.

    Parameters
    ----------
    path : str or Path
        A file that libsndfile decodes: wav, au, flac, mp3 or ogg, of any rate and any number of channels.
    sr : int
        Sample rate wanted, in Hz.
    min_seconds : float
        A shorter file is refused. Two seconds also keeps out the broken tracks of fma_small (0.5 to 1.6 s).
    max_seconds : float
        At most this much is read from the start of the file.

    Returns
    -------
    y : np.ndarray [shape=(n_samples,)], float32
        Samples, nominally within -1 and 1.
    info : AudioInfo

    Raises
    ------
    AudioError
        If the file is missing, may not be read, is no audio, ends before `min_seconds`, is silent, or holds NaN or
        infinite samples.
    """
    y, original, channels = _decode(path, 0, max_seconds)
    seconds = len(y) / original
    if not np.isfinite(y).all():
        raise AudioError("holds NaN or infinite samples")
    if seconds < min_seconds:
        raise AudioError(f"{seconds:.2f} s of sound, at least {min_seconds:g} s are needed")
    notes = []
    if channels > 1:
        notes.append(f"{channels} channels mixed to mono")
    if np.abs(y).max() < 1e-5:
        raise AudioError("silent (never above -100 dB of full scale)")
    if original != sr:
        y = resample(y, original, sr, "soxr_hq")
        notes.append(f"resampled from {original:,} Hz")
    return np.ascontiguousarray(y, dtype=np.float32), AudioInfo(seconds, original, channels, tuple(notes))


def load_segment(path, start, seconds, sr=22_050):
    """Read a stretch of a sound file, and nothing else of it, as mono float samples at a given rate.

    Parameters
    ----------
    path : str or Path
    start : float
        Where it begins, in seconds.
    seconds : float
        Its length; less is returned where the file ends before.
    sr : int
        Sample rate wanted, in Hz.

    Returns
    -------
    np.ndarray [shape=(n_samples,)], float32
        Silence is returned as it is: a quiet stretch is no fault of the file.

    Raises
    ------
    AudioError
        If the file cannot be read, has nothing there, or holds NaN or infinite samples.
    """
    y, original, _ = _decode(path, start, seconds)
    if not len(y) or not np.isfinite(y).all():
        raise AudioError("holds NaN or infinite samples" if len(y) else f"nothing at {start:g} s")
    return np.ascontiguousarray(resample(y, original, sr), dtype=np.float32)


def resample(y, orig_sr, target_sr, quality="soxr_mq"):
    """Samples at another rate; nothing happens where the rates are the same.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    orig_sr, target_sr : float
        Sample rates in Hz.
    quality : str
        As librosa's `res_type`; medium by default.

    Returns
    -------
    np.ndarray [shape=(ceil(n * target_sr / orig_sr),)]
    """
    if orig_sr == target_sr:
        return y
    import librosa

    return librosa.resample(y, orig_sr=orig_sr, target_sr=target_sr, res_type=quality)


def duration(path):
    """Length that a sound file's header declares, in seconds.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    float

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _open(path) as file:
        return file.frames / file.samplerate


def _decode(path, start, max_seconds):
    with _open(path) as file:
        begin = min(int(start * file.samplerate), file.frames)
        early = min(begin, int(RUN_UP * file.samplerate))
        if begin:
            file.seek(begin - early)
        y = _read(file, early + int(max_seconds * file.samplerate))[early:]
        return y, file.samplerate, file.channels


@contextmanager
def _open(path):
    import soundfile

    path = Path(path)
    _refuse_no_file(path)
    name = path if os.name == "nt" else os.fsencode(path)  # soundfile refuses names that are no UTF-8
    try:
        with soundfile.SoundFile(name) as file:
            if not LOWEST <= file.samplerate <= HIGHEST:
                raise AudioError(f"sample rate of {file.samplerate:,} Hz, expected {LOWEST:,} to {HIGHEST:,}")
            yield file
    except AudioError:
        raise
    except (soundfile.SoundFileRuntimeError, RuntimeError, OSError, ValueError, TypeError) as error:
        reason = str(error).rsplit(": ", 1)[-1].strip()
        if "not a regular file" in reason:  # what libsndfile says of an mp3 without sound
            reason = "no sound in it"
        raise AudioError(f"cannot be decoded as audio ({reason})") from error


def _refuse_no_file(path):
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise AudioError("is a link to nothing" if path.is_symlink() else "no such file") from error
    except OSError as error:
        raise AudioError(f"cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise AudioError("is a folder" if stat.S_ISDIR(found.st_mode) else "is no regular file")
    if found.st_size == 0:
        raise AudioError("empty file")
    if not os.access(path, os.R_OK):
        raise AudioError("no permission to read it")


def _read(file, limit):
    # In blocks: a damaged header may declare more samples, or channels, than memory holds.
    blocks, left, block = [np.zeros(0, np.float32)], limit, (1 << 20) // file.channels
    while left > 0:
        part = file.read(min(block, left), dtype="float32", always_2d=True)
        # nine times as fast as part.mean(axis=1)
        blocks.append(part[:, 0] if file.channels == 1 else sum(part.T) / file.channels)
        left = left - len(part) if len(part) == block else 0
    return np.concatenate(blocks)


def fix_length(y, n_samples):
    """Cut a clip, or pad it with zeros, at its end.

    The released code of BBNN does so to 661,794 samples, about 30.01 s at 22,050 Hz.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    n_samples : int

    Returns
    -------
    np.ndarray [shape=(n_samples,)]

    References
    ----------
    Liu et al. (2021), released code; notebook 02.

    Examples
    --------
    >>> from genre_utils import audio
    >>> audio.fix_length(np.ones(3), 5).tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    return y[:n_samples] if len(y) >= n_samples else np.pad(y, (0, n_samples - len(y)))
