"""Log-mel spectrogram of one clip, and standardisation. Explained in notebook 02."""

from functools import lru_cache

import numpy as np

from .. import audio

BLOCK = 64  # frames at once: so few stay in the processor's cache, which halves the time of librosa.stft


def log_mel(y, config):
    """Log-mel spectrogram of one clip: levels as librosa gives them, to a hundred-thousandth of a dB.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
        Mono samples at `config.sr`; cut or zero-padded to `config.n_samples` first.
    config : MelConfig

    Returns
    -------
    np.ndarray [shape=(n_frames, n_mels)], float32
        Levels in dB, time first as both papers' networks read it; without unit when standardised by clip.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional, empty, or holds NaN or infinite samples.

    References
    ----------
    Inception-ResNet paper, 4.2; FMA study, IV; notebook 02.

    Examples
    --------
    >>> from genre_utils import features
    >>> y = np.sin(2 * np.pi * 440 * np.arange(661_794) / 22_050)
    >>> level = features.log_mel(y, features.preset("bbnn"))
    >>> level.shape, int(level[300].argmax()), round(float(level[300].max()))
    ((647, 128), 16, 41)
    """
    import librosa
    from scipy import fft

    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"expected mono samples of shape (n,), found {y.shape}; mix stereo with y.mean(axis=0)")
    if not np.isfinite(y).all():
        raise ValueError("the clip holds NaN or infinite samples")
    y = np.pad(audio.fix_length(y.astype(np.float32, copy=False), config.n_samples), config.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(y, config.n_fft)[:: config.hop_length]
    window, filters = _window(config.n_fft, config.win_length), _mel_filters(config.sr, config.n_fft, config.n_mels)
    spectra = (fft.rfft(frames[i : i + BLOCK] * window) for i in range(0, len(frames), BLOCK))
    power = np.concatenate([filters @ np.square(np.abs(spectrum)).T for spectrum in spectra], axis=1)
    level = librosa.power_to_db(power, ref=np.max if config.ref == "max" else 1.0, top_db=config.top_db).T
    level = standardise(level) if config.standardise == "clip" else level
    return np.ascontiguousarray(level, dtype=np.float32)


def standardise(x, mean=None, std=None, axis=None):
    """Shift and scale to mean 0 and standard deviation 1.

    The FMA study standardises spectrograms by their own mean and deviation, waveforms by those of the training part.

    Parameters
    ----------
    x : np.ndarray [shape=(…)]
    mean, std : float, optional
        Those of the training part, from `training_statistics`; by default those of `x` itself.
    axis : int or tuple of int, optional
        Over which mean and deviation of `x` are taken: ``(1, 2)`` treats each of many spectrograms by itself.

    Returns
    -------
    np.ndarray [shape=(…)]
        As `x`; zeros where `x` is constant.

    References
    ----------
    FMA study, III; notebook 02.

    Examples
    --------
    >>> from genre_utils import features
    >>> features.standardise(np.array([1.0, 2.0, 3.0])).round(2).tolist()
    [-1.22, 0.0, 1.22]
    """
    mean = x.mean(axis=axis, keepdims=True) if mean is None else mean
    std = x.std(axis=axis, keepdims=True) if std is None else std
    return (x - mean) / np.maximum(std, np.float32(1e-6))


def training_statistics(x):
    """Mean and standard deviation over the clips of a training part.

    Parameters
    ----------
    x : np.ndarray [shape=(n_training, …)]
        The training clips, and no others.

    Returns
    -------
    mean, std : float

    Examples
    --------
    >>> from genre_utils import features
    >>> features.training_statistics(np.array([[1.0, 3.0], [1.0, 3.0]]))
    (2.0, 1.0)
    """
    return float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64))


@lru_cache
def _mel_filters(sr, n_fft, n_mels):
    """Mel filters of librosa, which are nearly all zeros: stored sparsely, they take a tenth of the time."""
    import librosa
    from scipy.sparse import csr_array

    # Freed at once, after which glibc keeps memory of a clip's size instead of asking the system for it clip by clip.
    np.empty(30 << 20, np.uint8)
    return csr_array(librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels))


@lru_cache
def _window(n_fft, win_length):
    import librosa

    return librosa.util.pad_center(librosa.filters.get_window("hann", win_length or n_fft), size=n_fft).astype("f4")
