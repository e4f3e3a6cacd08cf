"""Which parts of a clip speak for a genre. Explained in notebook 14."""

import keras
import numpy as np
from scipy.ndimage import uniform_filter1d, zoom

from .inspection import activations


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
    found, head = _parts(model, x)
    return head(uniform_filter1d(found.mean(axis=1), width, axis=0, mode="nearest"))


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
    found, head = _parts(model, x)
    mean = found.mean(axis=(0, 1))
    steps = 0.01 * np.diag(np.abs(mean) + np.abs(mean).mean() + 1e-6)
    scores = np.log(head(mean + np.concatenate([steps, -steps])) + 1e-30)
    up, down = np.split(scores[:, label] - scores.mean(axis=1), 2)
    cam = np.maximum(found @ ((up - down) / (2 * steps.diagonal())), 0)
    return zoom(cam, np.divide(x.shape, cam.shape), order=1, mode="nearest", grid_mode=True)


def _parts(model, x):
    """The last feature map of a clip, and the head as a function of the mean of its channels."""
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    if len(pools) != 1:
        raise ValueError(f"{model.name} has {len(pools)} layers of global average pooling, expected one")
    before = pools[0].input._keras_history.operation.name
    head = keras.Model(pools[0].output, model.output)
    found = activations(model, before, x[None, :, :, None])[0]
    return found, lambda means: keras.ops.convert_to_numpy(head(means, training=False))
