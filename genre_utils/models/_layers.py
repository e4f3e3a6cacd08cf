"""What several networks share."""

import keras
from keras import layers

MIN_FRAMES, MIN_MELS = 64, 32


@keras.saving.register_keras_serializable("genre_utils")
class ScaledAdd(layers.Layer):
    """Shortcut plus scaled residual: ``x + scale * residual`` (Szegedy et al. 2017, 3.3).

    Parameters
    ----------
    scale : float
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        x, residual = inputs
        return x + self.scale * residual

    def get_config(self):
        return super().get_config() | {"scale": self.scale}


def check_spectrogram(input_shape):
    """Refuse an input that is no one-channel spectrogram of a sufficient size.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``.

    Raises
    ------
    ValueError
        If it has not three axes, more than one channel, or fewer frames or bands.
    """
    if len(input_shape) != 3:
        raise ValueError(
            f"input_shape is {input_shape}, expected (n_frames, n_mels, 1); give a batch its channel by x[..., None]"
        )
    n_frames, n_mels, n_channels = input_shape
    if n_channels != 1:
        raise ValueError(f"input_shape {input_shape} has {n_channels} channels; a log-mel spectrogram has 1")
    if n_frames is not None and n_frames < MIN_FRAMES:
        raise ValueError(f"input_shape {input_shape} has {n_frames} frames; at least {MIN_FRAMES} are needed")
    if n_mels is None or n_mels < MIN_MELS:
        raise ValueError(
            f"input_shape {input_shape} has {n_mels} mel bands; a fixed number from {MIN_MELS} up is needed"
        )
