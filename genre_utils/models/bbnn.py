"""BBNN, the bottom-up broadcast neural network of Liu et al. (2021), doi 10.1007/s11042-020-09643-6. Notebook 05."""

import keras
from keras import layers

from ._layers import check_spectrogram


def build(input_shape=(647, 128, 1), n_classes=10, filters=32, n_blocks=3):
    """BBNN as in its authors' released code: 190,826 parameters, 185,642 of them trainable.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``.
    n_classes : int
    filters : int
        Filters of every convolution.
    n_blocks : int
        Inception blocks of the broadcast module.

    Returns
    -------
    keras.Model
    """
    check_spectrogram(input_shape)
    inputs = keras.Input(input_shape, name="shallow.input")
    x = layers.Conv2D(filters, (3, 3), padding="same", name="shallow.conv")(inputs)
    x = layers.BatchNormalization(name="shallow.norm")(x)
    x = layers.ReLU(name="shallow.relu")(x)
    x = layers.MaxPooling2D((4, 1), name="shallow.pool")(x)
    for i in range(1, n_blocks + 1):
        x = layers.Concatenate(name=f"block_{i}.broadcast")([x, inception_block(x, filters, f"block_{i}")])
    x = norm_relu_conv(x, filters, (1, 1), "transition.conv")
    x = layers.AveragePooling2D((2, 2), name="transition.pool")(x)
    x = layers.BatchNormalization(name="decision.norm")(x)
    x = layers.ReLU(name="decision.relu")(x)
    x = layers.GlobalAveragePooling2D(name="decision.pool")(x)
    outputs = layers.Dense(n_classes, activation="softmax", name="decision.softmax")(x)
    return keras.Model(inputs, outputs, name="bbnn")


def inception_block(x, filters, name):
    """Four views of the same features side by side: 1x1, 1x1 → 3x3, 1x1 → 5x5, max-pool → 1x1.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    filters : int
    name : str
        The part's name.

    Returns
    -------
    KerasTensor [shape=(None, n_frames, n_mels, 4 * filters)]
    """
    point = norm_relu_conv(x, filters, (1, 1), f"{name}.point")
    small = norm_relu_conv(x, filters, (1, 1), f"{name}.small_reduce")
    small = norm_relu_conv(small, filters, (3, 3), f"{name}.small")
    large = norm_relu_conv(x, filters, (1, 1), f"{name}.large_reduce")
    large = norm_relu_conv(large, filters, (5, 5), f"{name}.large")
    pooled = layers.MaxPooling2D((3, 3), strides=1, padding="same", name=f"{name}.pool")(x)
    pooled = norm_relu_conv(pooled, filters, (1, 1), f"{name}.pooled")
    return layers.Concatenate(name=f"{name}.concat")([point, small, large, pooled])


def norm_relu_conv(x, filters, kernel_size, name):
    """Batch normalisation, ReLU and convolution, in this order.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    filters : int
    kernel_size : tuple of int
    name : str

    Returns
    -------
    KerasTensor [shape=(None, n_frames, n_mels, filters)]
    """
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.Conv2D(filters, kernel_size, padding="same", name=name)(x)
