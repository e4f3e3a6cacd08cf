"""BBNN, the bottom-up broadcast neural network of Liu et al. (2021). Explained in notebook 05."""

import keras
import numpy as np
from keras import layers

from .._store import cache_dir
from ._layers import check_input

BRANCHES = ("point", "small_reduce", "small", "large_reduce", "large", "pooled")
AUTHORS_WEIGHTS = (
    "https://raw.githubusercontent.com/CaifengLiu/music-genre-classification/"
    "7c461a3abf33924d51105c459ae4372ea3b709ed/GTZAN_2048_1/model/0_fold_GTZAN_model.hdf5"
)
AUTHORS_SHA256 = "7f4320c5eaeeaecaca33fb37bc1fea047916552c330a304c061bcf4ddb4ab2c4"


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

    Raises
    ------
    ValueError
        If the input is no spectrogram of at least 64 frames and 32 bands.

    References
    ----------
    Liu et al. (2021) and their released code; notebook 05.
    """
    check_input(input_shape, "n_frames", "n_mels")
    inputs = keras.Input(input_shape, name="shallow-input")
    x = layers.Conv2D(filters, (3, 3), padding="same", name="shallow-conv")(inputs)
    x = layers.BatchNormalization(name="shallow-norm")(x)
    x = layers.ReLU(name="shallow-relu")(x)
    x = layers.MaxPooling2D((4, 1), name="shallow-pool")(x)
    for i in range(1, n_blocks + 1):
        x = layers.Concatenate(name=f"block_{i}-broadcast")([x, inception_block(x, filters, f"block_{i}")])
    x = norm_relu_conv(x, filters, (1, 1), "transition-conv")
    x = layers.AveragePooling2D((2, 2), name="transition-pool")(x)
    x = layers.BatchNormalization(name="decision-norm")(x)
    x = layers.ReLU(name="decision-relu")(x)
    x = layers.GlobalAveragePooling2D(name="decision-pool")(x)
    outputs = layers.Dense(n_classes, activation="softmax", name="decision-softmax")(x)
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
    point = norm_relu_conv(x, filters, (1, 1), f"{name}-point")
    small = norm_relu_conv(x, filters, (1, 1), f"{name}-small_reduce")
    small = norm_relu_conv(small, filters, (3, 3), f"{name}-small")
    large = norm_relu_conv(x, filters, (1, 1), f"{name}-large_reduce")
    large = norm_relu_conv(large, filters, (5, 5), f"{name}-large")
    pooled = layers.MaxPooling2D((3, 3), strides=1, padding="same", name=f"{name}-pool")(x)
    pooled = norm_relu_conv(pooled, filters, (1, 1), f"{name}-pooled")
    return layers.Concatenate(name=f"{name}-concat")([point, small, large, pooled])


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


def load_authors_weights(path=None, model=None):
    """BBNN with the weights that its authors released, of one of their ten splits of GTZAN.

    Parameters
    ----------
    path : str or Path, optional
        An hdf5 file of theirs. By default that of split 0 is downloaded and its checksum checked.
    model : keras.Model, optional
        A BBNN of ten classes to load into; left as it is when the file does not fit. By default a new one for
        spectrograms of any length.

    Returns
    -------
    keras.Model
        For log-mels of ``features.PRESETS["bbnn"]``; its classes are GTZAN's genres in alphabetical order.

    Raises
    ------
    ValueError
        If the file is damaged, or of another network: names the first layer that differs, what was expected and found.

    References
    ----------
    Liu et al. (2021), released code; notebook 05.
    """
    if path is None:
        import pooch

        path = pooch.retrieve(AUTHORS_WEIGHTS, AUTHORS_SHA256, fname="bbnn_gtzan_fold0.hdf5", path=cache_dir())
    if model is None:
        model = build((None, 128, 1), 10)
    stored, layer_names = _read_weights(path), _order_of_creation(model)
    for name, (theirs, weights) in zip(layer_names, stored):
        expected, found = [tuple(w.shape) for w in model.get_layer(name).weights], [w.shape for w in weights]
        if expected != found:
            raise ValueError(
                f"{path} is of another network: {name} needs weights {expected}, {theirs} in its place {found}"
            )
    if len(layer_names) != len(stored):
        raise ValueError(f"{path} is of another network: it has {len(stored)} layers, expected {len(layer_names)}")
    for name, (_, weights) in zip(layer_names, stored):
        model.get_layer(name).set_weights(weights)
    return model


def _order_of_creation(model):
    blocks = sorted({layer.name.split("-")[0] for layer in model.layers if layer.name.startswith("block_")})
    convolutions = ["shallow-conv", *(f"{block}-{name}" for block in blocks for name in BRANCHES), "transition-conv"]
    norms = ["shallow-norm", *(f"{name}_norm" for name in convolutions[1:]), "decision-norm"]
    return convolutions + norms + ["decision-softmax"]


def _read_weights(path):
    # Keras 2 numbered the layers of a kind as they were created, counting on from one model to the next.
    import h5py

    kinds = ["conv2d", "batch_normalization", "dense"]
    layer_weights = []
    try:
        with h5py.File(path) as file:
            groups = file.get("model_weights", file)
            for name in groups:
                weights = [np.array(groups[name][w]) for w in groups[name].attrs["weight_names"]]
                kind, _, number = name.rpartition("_")
                if weights:
                    layer_weights.append((kinds.index(kind), int(number), name, weights))
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} holds no weights that Keras 2.1 wrote for a BBNN ({error})") from error
    return [entry[2:] for entry in sorted(layer_weights, key=lambda entry: entry[:2])]
