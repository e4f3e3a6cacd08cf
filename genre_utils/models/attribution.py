"""Which parts of a clip speak for a genre, and how they sound. Explained in notebook 14."""

import numpy as np

from .. import audio


def over_time(model, x, width=1):
    """Probability of each genre over the clip's time.

    A network that ends with global average pooling judges the mean of its last feature map. Here its head judges the
    mean of a stretch of that map.

    Parameters
    ----------
    model : keras.Model
        With global average pooling in front of its head.
    x : np.ndarray [shape=(n_frames, n_mels)]
        One clip.
    width : int
        Columns of the feature map that are averaged around each.

    Returns
    -------
    np.ndarray [shape=(n_columns, n_classes)]

    Raises
    ------
    ValueError
        If the network has no global average pooling.

    References
    ----------
    Notebook 14.
    """
    from scipy.ndimage import uniform_filter1d

    maps, head = _parts(model)
    columns = _array(maps(x[None, :, :, None], training=False))[0].mean(axis=1)
    return _array(head(uniform_filter1d(columns, width, axis=0, mode="nearest"), training=False))


def grad_cam(model, x, label):
    """Grad-CAM of one clip: where the last feature map raises a genre's score.

    A genre's score is what the softmax reads, less the mean of all genres' scores. All places of the map have one
    gradient, as the head reads their mean. So the gradient is taken of the head alone, by central differences, which
    every backend of Keras can do.

    Parameters
    ----------
    model : keras.Model
        With global average pooling in front of its head, which ends with a softmax.
    x : np.ndarray [shape=(n_frames, n_mels)]
        One clip.
    label : int
        The genre.

    Returns
    -------
    np.ndarray [shape=(n_frames, n_mels)]
        Zero or more; without unit.

    Raises
    ------
    ValueError
        If the network has no global average pooling.

    References
    ----------
    Selvaraju et al. (2017); notebook 14.
    """
    from scipy.ndimage import zoom

    maps, head = _parts(model)
    found = _array(maps(x[None, :, :, None], training=False))[0]
    mean = found.mean(axis=(0, 1))
    steps = 0.01 * np.diag(np.abs(mean) + np.abs(mean).mean() + 1e-6)
    scores = np.log(_array(head(mean + np.concatenate([steps, -steps]), training=False)) + 1e-30)
    up, down = np.split(scores[:, label] - scores.mean(axis=1), 2)
    cam = np.maximum(found @ ((up - down) / (2 * steps.diagonal())), 0)
    return zoom(cam, np.divide(x.shape, cam.shape), order=1, mode="nearest", grid_mode=True)


def occlusion(model, x, label, patch=(16, 16)):
    """How much the probability of a genre falls when a patch of the spectrogram is covered.

    Parameters
    ----------
    model : keras.Model
    x : np.ndarray [shape=(n_frames, n_mels)]
        One clip.
    label : int
        The genre.
    patch : tuple of int
        Frames and bands that are set to the clip's mean, patch beside patch.

    Returns
    -------
    np.ndarray [shape=(n_frames, n_mels)]
        Fall of the probability's natural logarithm, the same all over a patch; negative where it rises.

    References
    ----------
    Zeiler and Fergus (2014); notebook 14.
    """
    places = [(t, f) for t in range(0, x.shape[0], patch[0]) for f in range(0, x.shape[1], patch[1])]
    covered = np.repeat(x[None], len(places) + 1, axis=0)
    for clip, (t, f) in zip(covered, places):
        clip[t : t + patch[0], f : f + patch[1]] = x.mean()
    p = np.log(model.predict(covered[..., None], batch_size=16, verbose=0)[:, label] + 1e-9)
    fall = np.empty_like(x)
    for value, (t, f) in zip(p[-1] - p, places):
        fall[t : t + patch[0], f : f + patch[1]] = value
    return fall


def filtered(y, mask, config):
    """A clip with some of its spectrogram's cells kept and the others silenced.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
        Samples at ``config.sr``.
    mask : np.ndarray [shape=(n_frames, n_mels)]
        Gain of each cell, 0 to 1.
    config : features.MelConfig
        How the spectrogram was made.

    Returns
    -------
    np.ndarray [shape=(n_samples,)]
        From the inverse of the masked Fourier transform, with the original phases; what lies in no band, as 0 Hz does,
        is lost.

    References
    ----------
    Notebook 14.
    """
    import librosa

    hop, length = config.n_fft // 4, max(len(y), config.n_fft)
    stft = librosa.stft(audio.fix_length(y, length), n_fft=config.n_fft, hop_length=hop)
    bands = librosa.filters.mel(sr=config.sr, n_fft=config.n_fft, n_mels=config.n_mels)
    frames = np.round(np.arange(stft.shape[1]) * hop / config.hop_length).astype(int)
    gain = mask[np.minimum(frames, len(mask) - 1)] @ (bands / np.maximum(bands.sum(axis=0), 1e-9))
    return librosa.istft(stft * gain.T, n_fft=config.n_fft, hop_length=hop, length=length)[: len(y)]


def _parts(model):
    """The network up to the feature map that is pooled, and its head, which reads the pooled channels."""
    import keras

    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    if len(pools) != 1:
        raise ValueError(f"{model.name} has {len(pools)} layers of global average pooling, expected one")
    return keras.Model(model.input, pools[0].input), keras.Model(pools[0].output, model.output)


def _array(tensor):
    import keras

    return keras.ops.convert_to_numpy(tensor)
