"""The Inception-ResNet of Valdera and Arifin (2025). Explained in notebook 06.

The paper's text gives the layers of each module, the kernels and the three parameter counts of its Table 3. The filters
were in its figures, and its figures are lost to us. Two completions that meet every published count are kept here.
"""

from dataclasses import dataclass

import keras
from keras import layers

from ._layers import ScaledAdd, check_spectrogram


@dataclass(frozen=True)
class Completion:
    """What the paper's text leaves open, and its parameter counts settle.

    Attributes
    ----------
    stem : tuple of int
        Filters of the stem's two convolutions.
    filters : int
        Filters of every convolution in the modules and the reduction.
    dense : tuple of int
        Units of the head's two hidden layers.
    plain_bias : bool
        Whether convolutions that no batch normalisation follows (the stem's, and each residual's last) have a bias.
    norm_scale : bool
        Whether batch normalisation learns a scale, gamma, besides its shift.
    """

    stem: tuple[int, int] = (64, 32)
    filters: int = 32
    dense: tuple[int, int] = (128, 64)
    plain_bias: bool = True
    norm_scale: bool = False


VARIANTS = {
    # As keras.applications writes InceptionResNetV2.
    "keras_applications": Completion(),
    # 32 filters everywhere, no convolution with a bias, batch normalisation with gamma.
    "uniform": Completion(stem=(32, 32), dense=(128, 128), plain_bias=False, norm_scale=True),
}
SCALES = (0.17, 0.1, 0.2)


def build(input_shape=(647, 128, 1), n_classes=10, variant="keras_applications", scales=SCALES, dropout=(0.2, 0.2)):
    """Inception-ResNet: 149,418 parameters in 89 layers.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``.
    n_classes : int
    variant : str
        One of `VARIANTS`.
    scales : tuple of float
        Factor of the residual in the modules A, B and C: by default those of keras.applications, which the paper's
        "activation scale" leaves open.
    dropout : tuple of float
        Rates after the two hidden layers of the head; open in the paper.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        For an unknown variant, or a spectrogram below 64 frames or 32 bands.
    """
    check_spectrogram(input_shape)
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
    c = VARIANTS[variant]
    inputs = keras.Input(input_shape, name="stem.input")
    x = stem(inputs, c)
    x = module_a(x, c, scales[0])
    x = module_b(x, c, scales[1])
    x = module_c(x, c, scales[2])
    x = reduction(x, c)
    return keras.Model(inputs, head(x, n_classes, c, dropout), name="inception_resnet")


def stem(x, c):
    """Two convolutions 3x3, each halving the number of frames by max-pooling: five layers with the input."""
    for i, filters in enumerate(c.stem, start=1):
        name = f"stem.conv_{i}"
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", use_bias=c.plain_bias, name=name)(x)
        x = layers.MaxPooling2D((2, 1), name=f"stem.pool_{i}")(x)
    return x


def module_a(x, c, scale):
    """Three branches of 1x1 and 3x3 convolutions: 22 layers."""
    return residual(x, [[1], [1, 3], [1, 3, 3]], c, scale, "module_a")


def module_b(x, c, scale):
    """Two branches; 1x7 and 7x1 stand for 7x7: 16 layers."""
    return residual(x, [[1], [1, (1, 7), (7, 1)]], c, scale, "module_b")


def module_c(x, c, scale):
    """Two branches; 1x3 and 3x1 stand for 3x3: 16 layers."""
    return residual(x, [[1], [1, (1, 3), (3, 1)]], c, scale, "module_c")


def residual(x, kernels, c, scale, name):
    """Branches of convolutions, joined by a linear 1x1 convolution and added to their own input.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    kernels : list of list
        For each branch its kernels in order.
    c : Completion
    scale : float
        Factor of the residual.
    name : str
        The part's name.

    Returns
    -------
    KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    """
    ends = [branch(x, sizes, c, f"{name}.branch_{i}") for i, sizes in enumerate(kernels)]
    joined = layers.Concatenate(name=f"{name}.concat")(ends)
    linear = layers.Conv2D(x.shape[-1], 1, use_bias=c.plain_bias, name=f"{name}.linear")(joined)
    return layers.ReLU(name=f"{name}.relu")(ScaledAdd(scale, name=f"{name}.add")([x, linear]))


def reduction(x, c):
    """Three branches and a max-pool, each ending with a stride of two: 23 layers."""
    branches = [[1, 3], [1, 3], [1, 3, 3]]
    ends = [branch(x, sizes, c, f"reduction.branch_{i}", halve=True) for i, sizes in enumerate(branches)]
    ends.append(layers.MaxPooling2D(3, strides=2, name="reduction.pool")(x))
    return layers.Concatenate(name="reduction.concat")(ends)


def branch(x, kernels, c, name, halve=False):
    """Convolution, batch normalisation and ReLU for each kernel; with `halve`, the last has a stride of two."""
    for i, kernel in enumerate(kernels):
        last = halve and i == len(kernels) - 1
        how = {"strides": 2, "padding": "valid"} if last else {"padding": "same"}
        x = layers.Conv2D(c.filters, kernel, use_bias=False, name=f"{name}_conv_{i}", **how)(x)
        x = layers.BatchNormalization(scale=c.norm_scale, name=f"{name}_norm_{i}")(x)
        x = layers.ReLU(name=f"{name}_relu_{i}")(x)
    return x


def head(x, n_classes, c, dropout):
    """The fully connected module: seven layers. Counts cannot tell where its normalisation and dropout sit."""
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    x = layers.BatchNormalization(scale=c.norm_scale, name="head.norm")(x)
    for i, (units, rate) in enumerate(zip(c.dense, dropout), start=1):
        x = layers.Dense(units, activation="relu", name=f"head.dense_{i}")(x)
        x = layers.Dropout(rate, name=f"head.dropout_{i}")(x)
    return layers.Dense(n_classes, activation="softmax", name="head.softmax")(x)
