"""The Inception-ResNet of Valdera and Arifin (2025). Explained in notebook 06.

The paper's section 3 gives the layers of each module and the kernels, its Table 3 three parameter counts. The filters
were in its figures, and its figures are lost to us. Two completions that meet every published count are kept here.
"""

from dataclasses import dataclass

import keras
from keras import layers

from ._layers import ScaledAdd, check_input


@dataclass(frozen=True)
class Completion:
    """What the paper's text leaves open, and its parameter counts narrow down.

    Attributes
    ----------
    stem : tuple of int
        Filters of the stem's two convolutions.
    filters : tuple of int
        Filters of every convolution in the branches of the modules A, B and C and of the reduction.
    reduction_after : int
        Modules before the reduction, 0 to 3.
    conv_bias : bool
        Whether convolutions that batch normalisation follows have a bias.
    plain_bias : bool
        Whether the others (the stem's, and each residual's last) have one.
    norm_scale : bool
        Whether batch normalisation learns a scale, gamma, besides its shift.
    head : tuple
        Layers between global average pooling and the softmax: the units of a dense layer, "norm" or "dropout".
    """

    stem: tuple[int, int] = (64, 32)
    filters: tuple[int, int, int, int] = (32, 32, 32, 32)
    reduction_after: int = 3
    conv_bias: bool = False
    plain_bias: bool = True
    norm_scale: bool = False
    head: tuple = ("norm", 128, "dropout", 64, "dropout")


VARIANTS = {
    # As keras.applications writes InceptionResNetV2.
    "keras_applications": Completion(),
    # 32 filters everywhere, no convolution with a bias, batch normalisation with gamma.
    "uniform": Completion(
        stem=(32, 32), plain_bias=False, norm_scale=True, head=("norm", 128, "dropout", 128, "dropout")
    ),
}
SCALES = (0.17, 0.1, 0.2)
# Kernels of each branch, by module; in the reduction, the last of each branch has a stride of two.
KERNELS = {
    "module_a": [[(1, 1)], [(1, 1), (3, 3)], [(1, 1), (3, 3), (3, 3)]],
    "module_b": [[(1, 1)], [(1, 1), (1, 7), (7, 1)]],
    "module_c": [[(1, 1)], [(1, 1), (1, 3), (3, 1)]],
    "reduction": [[(1, 1), (3, 3)], [(1, 1), (3, 3)], [(1, 1), (3, 3), (3, 3)]],
}


def build(input_shape=(647, 128, 1), n_classes=10, variant="keras_applications", scales=SCALES, dropout=0.2):
    """Inception-ResNet: 149,418 parameters in 89 layers.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``.
    n_classes : int
    variant : str or Completion or dict
        One of `VARIANTS`, or a completion of one's own, or its attributes.
    scales : tuple of float
        Factor of the residual in the modules A, B and C: by default those of keras.applications, which the paper's
        "activation scale" leaves open.
    dropout : float
        Rate in the head; open in the paper.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        For an unknown variant, or a spectrogram below 64 frames or 32 bands.

    References
    ----------
    Inception-ResNet paper, 3; notebook 06.
    """
    check_input(input_shape, "n_frames", "n_mels")
    if isinstance(variant, dict):
        variant = Completion(**variant)
    if not isinstance(variant, Completion) and variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
    c = variant if isinstance(variant, Completion) else VARIANTS[variant]
    inputs = keras.Input(input_shape, name="stem-input")
    x = stem(inputs, c)
    modules = list(zip(("module_a", "module_b", "module_c"), c.filters, scales))
    for name, filters, scale in modules[: c.reduction_after]:
        x = residual(x, name, filters, c, scale)
    x = reduction(x, c)
    for name, filters, scale in modules[c.reduction_after :]:
        x = residual(x, name, filters, c, scale)
    return keras.Model(inputs, head(x, n_classes, c, dropout), name="inception_resnet")


def stem(x, c):
    """Two convolutions 3x3, each halving the number of frames by max-pooling: five layers with the input.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    c : Completion

    Returns
    -------
    KerasTensor [shape=(None, n_frames // 4, n_mels, c.stem[1])]
    """
    for i, filters in enumerate(c.stem, start=1):
        name = f"stem-conv_{i}"
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", use_bias=c.plain_bias, name=name)(x)
        x = layers.MaxPooling2D((2, 1), name=f"stem-pool_{i}")(x)
    return x


def residual(x, name, filters, c, scale):
    """Branches of convolutions, joined by a linear 1x1 convolution and added to their own input: module A, B or C.

    A has three branches of 1x1 and 3x3 convolutions, 22 layers. B and C have two and 16 layers: 1x7 and 7x1 stand for
    7x7 in the one, 1x3 and 3x1 for 3x3 in the other.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    name : str
        The module, whose kernels stand in `KERNELS`.
    filters : int
        Of every convolution in the branches.
    c : Completion
    scale : float
        Factor of the residual.

    Returns
    -------
    KerasTensor [shape=(None, n_frames, n_mels, n_channels)]

    References
    ----------
    Inception-ResNet paper, 3; Szegedy et al. (2017), 3.3; notebook 06.
    """
    ends = [branch(x, kernels, filters, c, f"{name}-branch_{i}") for i, kernels in enumerate(KERNELS[name])]
    joined = layers.Concatenate(name=f"{name}-concat")(ends)
    linear = layers.Conv2D(x.shape[-1], 1, use_bias=c.plain_bias, name=f"{name}-linear")(joined)
    return layers.ReLU(name=f"{name}-relu")(ScaledAdd(scale, name=f"{name}-add")([x, linear]))


def reduction(x, c):
    """Three branches and a max-pool, each ending with a stride of two: 23 layers.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    c : Completion

    Returns
    -------
    KerasTensor [shape=(None, (n_frames - 1) // 2, (n_mels - 1) // 2, n_channels + 3 * c.filters[3])]
    """
    ends = [
        branch(x, kernels, c.filters[3], c, f"reduction-branch_{i}", halve=True)
        for i, kernels in enumerate(KERNELS["reduction"])
    ]
    ends.append(layers.MaxPooling2D(3, strides=2, name="reduction-pool")(x))
    return layers.Concatenate(name="reduction-concat")(ends)


def branch(x, kernels, filters, c, name, halve=False):
    """Convolution, batch normalisation and ReLU for each kernel; with `halve`, the last has a stride of two.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    kernels : tuple
        Size of each, a number or (frames, bands).
    filters : int
    c : Completion
    name : str
        Of the branch, with which its layers' names begin.
    halve : bool

    Returns
    -------
    KerasTensor [shape=(None, n_frames, n_mels, filters)]
    """
    for i, kernel in enumerate(kernels):
        last = halve and i == len(kernels) - 1
        how = {"strides": 2, "padding": "valid"} if last else {"padding": "same"}
        x = layers.Conv2D(filters, kernel, use_bias=c.conv_bias, name=f"{name}_conv_{i}", **how)(x)
        x = layers.BatchNormalization(scale=c.norm_scale, name=f"{name}_norm_{i}")(x)
        x = layers.ReLU(name=f"{name}_relu_{i}")(x)
    return x


def head(x, n_classes, c, dropout):
    """The fully connected module: seven layers.

    Counts cannot tell where its normalisation and dropout sit.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_frames, n_mels, n_channels)]
    n_classes : int
    c : Completion
    dropout : float
        Rate of the dropout layers.

    Returns
    -------
    KerasTensor [shape=(None, n_classes)]
    """
    x = layers.GlobalAveragePooling2D(name="head-pool")(x)
    for i, kind in enumerate(c.head, start=1):
        if kind == "norm":
            x = layers.BatchNormalization(scale=c.norm_scale, name=f"head-norm_{i}")(x)
        elif kind == "dropout":
            x = layers.Dropout(dropout, name=f"head-dropout_{i}")(x)
        else:
            x = layers.Dense(kind, activation="relu", name=f"head-dense_{i}")(x)
    return layers.Dense(n_classes, activation="softmax", name="head-softmax")(x)
