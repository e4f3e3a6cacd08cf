"""New crops in every epoch, for the FMA study's networks. Explained in notebook 12."""

import keras
import numpy as np

from . import audio, augment, features

WAVE_SR = 16_000
INPUTS = {
    "baseline_a_1d": ("wave",),
    "baseline_a_2d": ("fma_baseline",),
    "baseline_b": ("fma_baseline",),
    "densenet121": ("fma_densenet",),
    "fusion": ("wave", "fma_densenet"),
}


def input_shape(model, seconds=10.0):
    """Shape that `models.build` needs for what `Crops` feeds.

    Parameters
    ----------
    model : str
        One of the FMA study's networks.
    seconds : float
        Length of a crop.

    Returns
    -------
    tuple
        ``(n_samples, 1)``, ``(n_frames, n_mels, 1)``, or for the fusion both.
    """
    shapes = [
        (round(seconds * WAVE_SR), 1) if kind == "wave" else (*features.preset(kind, seconds).shape, 1)
        for kind in INPUTS[model]
    ]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def survey(index, seconds=10.0, n_jobs=1):
    """Decode each clip once, so that none fails in the middle of training: which can be used, and how loud they are.

    Parameters
    ----------
    index : pd.DataFrame
        A collection of sound files.
    seconds : float
        Length of a crop.
    n_jobs : int
        Processes at work.

    Returns
    -------
    index : pd.DataFrame
        The clips that can be used.
    skipped : dict of str to str
        Reason by `clip_id` of the others.
    wave_stats : tuple of float
        Mean and deviation of the samples of the training part, or of all clips where there is none; FMA study, III.

    Raises
    ------
    ValueError
        If no clip can be used.
    """
    import joblib

    jobs = (joblib.delayed(audio.middle_sums)(path, seconds, WAVE_SR) for path in index["path"])
    found = joblib.Parallel(n_jobs=n_jobs)(jobs)
    usable = np.array([not isinstance(entry, str) for entry in found])
    if not usable.any():
        raise ValueError(f"none of the {len(index)} clips can be used, for example: {found[0]}")
    training = usable & index["split"].isin(["training", ""]).to_numpy()
    n, total, squares = np.sum([found[row] for row in np.flatnonzero(training if training.any() else usable)], axis=0)
    skipped = {index["clip_id"].iloc[row]: found[row] for row in np.flatnonzero(~usable)}
    mean = total / n
    return index[usable].reset_index(drop=True), skipped, (float(mean), float(np.sqrt(squares / n - mean**2)))


def _middle(path, seconds, sr):
    y = audio.load_segment(path, max(audio.duration(path) - seconds, 0) / 2, seconds, sr)
    return audio.fix_length(y, round(seconds * sr))


class Crops(keras.utils.PyDataset):
    """Batches for one of the FMA study's networks, sections III to V; of each file only the crop is read.

    In training, each epoch takes the clips in a new order, and of each a new crop with new noise and speed. All of it
    follows from `seed`, `epoch` and the clip's row, so that neither workers nor a kill make a difference. Otherwise,
    each clip gives its middle, always the same, and nothing is changed.

    Parameters
    ----------
    index : pd.DataFrame
        The clips, all of them usable; see `survey`.
    model : str
        Decides what is fed: samples at 16 kHz, standardised with `wave_stats`; log-mels, each standardised by itself;
        or, for the fusion, both of the same crop.
    batch_size : int
    training : bool
    seconds : float
        Length of a crop.
    seed : int
    wave_stats : tuple of float
        Mean and deviation of the training part's samples, from `survey`.
    **options
        `workers`, `use_multiprocessing` and `max_queue_size` of Keras. Decoding and resampling let other threads run,
        so that threads do; processes that are spawned, as on macOS and Windows, import Keras anew in every epoch.

    Attributes
    ----------
    epoch : int
        From 0; `training.fit` sets it.

    Raises
    ------
    audio.AudioError
        From a batch, if a clip cannot be decoded; names the clip.
    """

    def __init__(self, index, model, batch_size, training, seconds=10.0, seed=0, wave_stats=(0.0, 1.0), **options):
        super().__init__(**options)
        self.clip_ids, self.paths = index["clip_id"].tolist(), index["path"].tolist()
        self.labels = index["label"].to_numpy()
        self.batch_size, self.training, self.seconds = batch_size, training, seconds
        self.seed, self.wave_stats, self.epoch = seed, wave_stats, 0
        self.kinds = INPUTS[model]
        self.sr = WAVE_SR if self.kinds == ("wave",) else features.PRESETS[self.kinds[-1]].sr

    def __len__(self):
        return -(-len(self.paths) // self.batch_size)

    def rows(self, batch):
        """Rows of the index that are in a batch.

        Parameters
        ----------
        batch : int

        Returns
        -------
        np.ndarray [shape=(n_clips,)], int
        """
        order = np.arange(len(self.paths))
        if self.training:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(order)
        return order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def __getitem__(self, batch):
        rows = self.rows(batch)
        clips = [self._inputs(self._crop(row)) for row in rows]
        x = tuple(np.stack(kind) for kind in zip(*clips))
        return x[0] if len(x) == 1 else x, self.labels[rows]

    def _crop(self, row):
        try:
            if not self.training:
                return _middle(self.paths[row], self.seconds, self.sr)
            rng = np.random.default_rng((self.seed, self.epoch, row))
            change, n = augment.draw(rng), round(self.seconds * self.sr)
            length = self.seconds * change.speed
            start = rng.uniform(0, max(audio.duration(self.paths[row]) - length, 0))
            # In one step from the file's rate: played faster by so much, and at the rate that is wanted.
            y = audio.load_segment(self.paths[row], start, length, self.sr / change.speed)
        except audio.AudioError as error:
            raise audio.AudioError(f"{self.clip_ids[row]}: {error}; survey() finds such clips beforehand") from error
        y = audio.fix_length(y, n)
        return augment.add_noise(y, change.noise, rng) if change.noise else y

    def _inputs(self, y):
        for kind in self.kinds:
            if kind == "wave":
                yield self._wave(y)[:, None]
            else:
                yield features.log_mel(y, features.preset(kind, self.seconds))[..., None]

    def _wave(self, y):
        if self.sr != WAVE_SR:
            import librosa

            y = librosa.resample(y, orig_sr=self.sr, target_sr=WAVE_SR, res_type="soxr_mq")
            y = audio.fix_length(y, round(self.seconds * WAVE_SR))
        return augment.zscore(y, *self.wave_stats).astype(np.float32, copy=False)
