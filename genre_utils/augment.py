"""Random changes to a clip that leave its genre alone: crop, noise, speed. Explained in notebook 03.

DenseNet/FMA paper, section IV: in each iteration a random crop of 10 s, noise with probability 0.5, and another speed
with probability 0.5. Nothing but training clips should ever pass through here.
"""

from typing import NamedTuple

import numpy as np

from . import audio

NOISE = 0.03
SPEED = (0.9, 1.1)


class Change(NamedTuple):
    """What happens to one clip, as `draw` decides.

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
    """Throw the dice for one clip: noise and speed independently of each other.

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
    """
    start = rng.integers(max(len(y) - n_samples, 0) + 1)
    return audio.fix_length(y[start : start + n_samples], n_samples)


def add_noise(y, level, rng):
    """Add Gaussian noise, equally strong at all frequencies.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
    level : float
        Standard deviation of the noise as a share of the clip's largest amplitude. The paper says "amplitude", which
        for Gaussian noise can only be its deviation: single samples exceed every bound.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n_samples,)], float32

    Raises
    ------
    ValueError
        If `level` is negative.
    """
    if level < 0:
        raise ValueError(f"the noise level is {level}, expected a share of the largest amplitude, from 0")
    noise = rng.standard_normal(len(y), dtype=np.float32)
    noise *= np.float32(level * np.abs(y).max(initial=0))
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
    """
    import librosa

    if not factor > 0:
        raise ValueError(f"the speed factor is {factor}, expected a number above 0, such as 0.9 or 1.1")
    return librosa.resample(y, orig_sr=factor, target_sr=1.0, res_type="soxr_mq")


def augment(y, n_samples, rng, p=0.5):
    """One random version of a clip, for one pass of training.

    So much more is cut out as a faster version needs; zeros fill the end only where the whole clip is too short.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Mono samples, longer than `n_samples` by a tenth at least for the crop to have a choice.
    n_samples : int
        Length wanted, 10 s in the paper.
    rng : np.random.Generator
        Equal states give equal clips. Give each worker its own (``rng.spawn``).
    p : float
        Probability of noise and of another speed.

    Returns
    -------
    np.ndarray [shape=(n_samples,)]
    """
    change = draw(rng, p)
    clip = random_crop(y, int(np.ceil(n_samples * change.speed)), rng)
    if change.speed != 1:
        clip = audio.fix_length(change_speed(clip, change.speed), n_samples)
    return add_noise(clip, change.noise, rng) if change.noise else clip


def zscore(x, mean=None, std=None):
    """Shift and scale to mean 0 and deviation 1.

    DenseNet/FMA paper, section III: spectrograms by their own mean and deviation, waveforms by those of the training
    clips.

    Parameters
    ----------
    x : np.ndarray
    mean, std : float, optional
        Those of the training clips; by default, of `x` itself.

    Returns
    -------
    np.ndarray
        Of the shape of `x`; zeros where `x` is constant.
    """
    mean, std = (x.mean() if mean is None else mean), (x.std() if std is None else std)
    return (x - mean) / max(std, 1e-6)
