"""What several networks share."""

import keras
from keras import layers

LEAST = {"n_frames": 64, "n_mels": 32, "n_samples": 16_384}


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


def check_input(input_shape, *sizes):
    """Refuse the shape of an input that is no mono clip of a sufficient size.

    Parameters
    ----------
    input_shape : tuple of int
        With the channel at the end.
    *sizes : str
        Names of the axes before it, as in `LEAST`. Only a number of frames may be left open, as None.

    Raises
    ------
    ValueError
        If it has other axes, more than one channel, or is too small.
    """
    if len(input_shape) != len(sizes) + 1:
        raise ValueError(
            f"input_shape is {input_shape}, expected ({', '.join(sizes)}, 1); give a batch its channel by x[..., None]"
        )
    if input_shape[-1] != 1:
        raise ValueError(f"input_shape {input_shape} has {input_shape[-1]} channels; a log-mel or mono sound has 1")
    for size, n in zip(sizes, input_shape):
        if n is None and size != "n_frames" or n is not None and n < LEAST[size]:
            kind = "at least" if size == "n_frames" else "a fixed number of at least"
            raise ValueError(f"input_shape {input_shape} has {size} {n}; {kind} {LEAST[size]:,} is needed")
