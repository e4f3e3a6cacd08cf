"""New crops of sound files in every epoch, of which only what is needed is read. Explained in notebook 12."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import audio, augment
from .._store import parallel
from .config import MelConfig
from .mel import log_mel, standardise
from .store import _report


class Recordings(NamedTuple):
    """A collection of sound files that is cropped anew in each epoch; from `scan`.

    Attributes
    ----------
    index : pd.DataFrame
        The clips that can be used.
    report : pd.DataFrame
        Every clip of the collection: `clip_id`, `status` ("used" or "skipped") and `note`, the reason.
    config : MelConfig or WaveformConfig or tuple of them
        What the network reads of a crop, both of one length in seconds.
    moments : np.ndarray [shape=(n_used, 3)]
        Number, sum and sum of squares of the samples in the middle of each clip, for `statistics`.
    """

    index: pd.DataFrame
    report: pd.DataFrame
    config: object
    moments: np.ndarray

    def statistics(self, rows):
        """Mean and standard deviation of the samples of some clips, the training part's and no others.

        Parameters
        ----------
        rows : np.ndarray [shape=(n_training,)], int

        Returns
        -------
        mean, std : float
        """
        n, total, squares = self.moments[rows].sum(axis=0)
        mean = total / n
        return float(mean), float(np.sqrt(squares / n - mean**2))


def scan(index, config, n_jobs=1):
    """Decode each file once, so that none fails in the middle of training.

    Parameters
    ----------
    index : pd.DataFrame
        A collection of sound files.
    config : MelConfig or WaveformConfig or tuple of them
        What the network reads, such as ``models.input_configs(name, seconds)``.
    n_jobs : int
        Processes at work.

    Returns
    -------
    Recordings
        A file is left out if `audio.load` refuses it, or if it is cut short and its header promises sound that is not
        there.

    Raises
    ------
    ValueError
        If no clip can be used, the collection holds log-mels only, or the configurations differ in length.

    References
    ----------
    FMA study, III to V; notebook 12.
    """
    configs = several(config)
    if index["dataset"].eq("precomputed").any():
        raise ValueError("precomputed log-mels hold no sound to crop; use a collection of sound files")
    seconds = {round(one.seconds, 3) for one in configs}
    if len(seconds) > 1:
        raise ValueError(
            f"the inputs are {' and '.join(f'{s:g}' for s in sorted(seconds))} s long, expected one length"
        )
    if any(isinstance(one, MelConfig) and one.standardise == "training" for one in configs):
        raise ValueError("log-mels of crops are standardised by 'clip' or 'none'; 'training' is for waveforms")
    calls = [(path, configs[0].seconds, configs[0].sr) for path in index["path"]]
    moments, notes = zip(*parallel(_moments, calls, n_jobs, "clips"))
    report, used = _report(index, notes)
    moments = np.stack([entry for entry in moments if entry is not None])
    return Recordings(index[used].reset_index(drop=True), report, config, moments)


class Crops:
    """Batches of crops for one of the networks; of each file only the crop is read.

    With `augmented`, each epoch takes the clips in a new order, and of each a new crop with new noise and speed. All
    of it follows from `seed`, `epoch` and the clip's row, so that neither workers nor a kill make a difference.
    Otherwise, each clip gives its middle, always the same, and nothing is changed.

    Parameters
    ----------
    recordings : Recordings
    rows : np.ndarray [shape=(n_clips,)], int
        Which of the recordings.
    batch_size : int
    augmented : bool
        For training, and nothing else.
    seed : int
    statistics : tuple of float
        Mean and deviation for inputs that are standardised by those of the training part; `Recordings.statistics`.

    Attributes
    ----------
    epoch : int
        From 0; `training.fit` sets it.

    Raises
    ------
    audio.AudioError
        From a batch, if a clip cannot be decoded; names the clip.

    References
    ----------
    FMA study, III to V; notebook 12.
    """

    def __init__(self, recordings, rows, batch_size, augmented=False, seed=0, statistics=(0.0, 1.0)):
        some = recordings.index.iloc[rows]
        self.clip_ids, self.paths = some["clip_id"].tolist(), some["path"].tolist()
        self.labels = some["label"].to_numpy()
        self.configs = several(recordings.config)
        self.batch_size, self.augmented, self.seed, self.statistics = batch_size, augmented, seed, statistics
        self.epoch = 0
        self.sr = max(config.sr for config in self.configs)

    def __len__(self):
        return -(-len(self.paths) // self.batch_size)

    def rows(self, batch):
        """Which of the clips are in a batch.

        Parameters
        ----------
        batch : int

        Returns
        -------
        np.ndarray [shape=(n_clips,)], int
        """
        order = np.arange(len(self.paths))
        if self.augmented:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(order)
        return order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def __getitem__(self, batch):
        rows = self.rows(batch)
        inputs = zip(*(self._inputs(self._crop(row)) for row in rows))
        x = tuple(np.stack(clips)[..., None] for clips in inputs)
        return x[0] if len(x) == 1 else x, self.labels[rows]

    def _crop(self, row):
        n_samples = round(self.configs[0].seconds * self.sr)
        try:
            if self.augmented:
                rng = np.random.default_rng((self.seed, self.epoch, row))
                return augment.augment(self.paths[row], n_samples, self.sr, rng)
            seconds = n_samples / self.sr
            start = max(audio.duration(self.paths[row]) - seconds, 0) / 2
            return audio.fix_length(audio.load_segment(self.paths[row], start, seconds, self.sr), n_samples)
        except audio.AudioError as error:
            raise audio.AudioError(f"{self.clip_ids[row]}: {error}; scan() finds such clips beforehand") from error

    def _inputs(self, y):
        for config in self.configs:
            if isinstance(config, MelConfig):
                x = log_mel(y, config)
            else:
                x = audio.fix_length(audio.resample(y, self.sr, config.sr), config.n_samples)
                x = standardise(x) if config.standardise == "clip" else x
            if config.standardise == "training":
                x = standardise(x, *self.statistics)
            yield x.astype(np.float32, copy=False)


def several(inputs):
    """What there is one of for each input of a network, always as a tuple.

    Parameters
    ----------
    inputs : object or tuple of object
        Configurations or arrays.

    Returns
    -------
    tuple
    """
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _moments(path, seconds, sr):
    """Number, sum and sum of squares of a clip's middle, or None, and whether it can be used."""
    try:
        declared = audio.duration(path)
        y, info = audio.load(path, sr, max_seconds=declared)
        if info.seconds < declared - 0.1:
            return None, f"skipped: cut short: {info.seconds:.2f} s of sound, its header declares {declared:.2f} s"
    except audio.AudioError as error:
        return None, f"skipped: {error}"
    n = round(seconds * sr)
    y = y[max(len(y) - n, 0) // 2 :][:n].astype(np.float64)
    return np.array([n, y.sum(), y @ y]), "used: "
