"""Random changes to a clip that leave its genre alone: crop, noise, speed. Explained in notebook 03.

FMA study, IV: in each iteration a random crop of 10 s, noise with probability 0.5, and another speed
with probability 0.5. Nothing but training clips should ever pass through here.
"""

from typing import NamedTuple

import numpy as np

from . import audio

NOISE = 0.03
SPEED = (0.9, 1.1)


class Change(NamedTuple):
    """A change of one clip.

    Attributes
    ----------
    speed : float
        Factor of the speed, 1 where it is left alone.
    noise : float
        Deviation of the noise as a share of the clip's largest amplitude, 0 for none.
    """

    speed: float = 1.0
    noise: float = 0.0


def draw(rng, p=0.5):
    """What happens to one clip, drawn at random: noise and speed independently of each other.

    Parameters
    ----------
    rng : np.random.Generator
    p : float
        Probability of either, 0 to 1.

    Returns
    -------
    Change
        `speed` is 1, or with probability `p` uniform in `SPEED`; `noise` is 0, or with probability `p` uniform below
        `NOISE`.

    Raises
    ------
    ValueError
        If `p` is no probability.

    References
    ----------
    FMA study, IV; notebook 03.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}, expected a probability from 0 to 1")
    speed = rng.uniform(*SPEED) if rng.random() < p else 1.0
    noise = rng.uniform(0, NOISE) if rng.random() < p else 0.0
    return Change(speed, noise)


def random_crop(y, n_samples, rng):
    """A stretch of a clip, each beginning equally likely.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Padded with zeros at its end when it is shorter than `n_samples`.
    n_samples : int
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n_samples,)]
        No copy, where `y` is long enough.

    References
    ----------
    FMA study, IV; notebook 03.
    """
    start = rng.integers(max(len(y) - n_samples, 0) + 1)
    return audio.fix_length(y[start : start + n_samples], n_samples)


def add_noise(y, relative_std, rng):
    """Add Gaussian noise, equally strong at all frequencies.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
    relative_std : float
        Standard deviation of the noise as a share of the clip's largest amplitude. The paper says "amplitude", which
        for Gaussian noise can only be its deviation: single samples exceed every bound.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n_samples,)], float32

    Raises
    ------
    ValueError
        If `relative_std` is negative.

    References
    ----------
    FMA study, IV; notebook 03.

    Examples
    --------
    >>> from genre_utils import augment
    >>> y = np.zeros(10_000)
    >>> y[0] = 0.5
    >>> noisy = augment.add_noise(y, 0.02, np.random.default_rng(0))
    >>> round(float(noisy[1:].std()), 3)
    0.01
    """
    if relative_std < 0:
        raise ValueError(
            f"the noise's relative_std is {relative_std}, expected a share of the largest amplitude, from 0"
        )
    noise = rng.standard_normal(len(y), dtype=np.float32)
    noise *= np.float32(relative_std * np.abs(y).max(initial=0))
    noise += y
    return noise


def change_speed(y, factor):
    """Play a clip faster or slower, which changes its pitch too, as with a record player.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    factor : float
        1.1 plays in a tenth less time and 1.65 semitones higher (``12 * log2(factor)``), 0.9 slower and lower.

    Returns
    -------
    np.ndarray [shape=(ceil(n / factor),)]

    Raises
    ------
    ValueError
        If `factor` is not positive.

    References
    ----------
    FMA study, IV; notebook 03.
    """
    if not factor > 0:
        raise ValueError(f"the speed factor is {factor}, expected a number above 0, such as 0.9 or 1.1")
    return audio.resample(y, factor, 1.0)


def augment(sound, n_samples, sr, rng, p=0.5):
    """One random version of a clip, for one pass of training: another crop, and perhaps noise and another speed.

    So much more is cut out as a faster version needs; zeros fill the end only where the whole clip is too short.

    Parameters
    ----------
    sound : np.ndarray [shape=(n,)] or str or Path
        Mono samples at `sr`; or a sound file, of which nothing but the crop is read.
    n_samples : int
        Length wanted; 10 s in the paper.
    sr : int
        Sample rate wanted, in Hz.
    rng : np.random.Generator
        Equal states give equal versions. Give each worker its own (``rng.spawn``).
    p : float
        Probability of noise and of another speed.

    Returns
    -------
    np.ndarray [shape=(n_samples,)], float32

    References
    ----------
    FMA study, IV; notebook 03.

    Examples
    --------
    >>> from genre_utils import augment
    >>> y = np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000)
    >>> version = augment.augment(y, 16_000, 16_000, np.random.default_rng(1), p=1)
    >>> version.shape, round(float(np.abs(version).max()), 2)
    ((16000,), 1.09)
    """
    change = draw(rng, p)
    if isinstance(sound, np.ndarray):
        y = change_speed(random_crop(sound, int(np.ceil(n_samples * change.speed)), rng), change.speed)
    else:
        seconds = n_samples / sr * change.speed
        start = rng.uniform(0, max(audio.duration(sound) - seconds, 0))
        # In one step from the file's rate: played faster by so much, and at the rate that is wanted.
        y = audio.load_segment(sound, start, seconds, sr / change.speed)
    y = audio.fix_length(y, n_samples).astype(np.float32, copy=False)
    return add_noise(y, change.noise, rng) if change.noise else y
