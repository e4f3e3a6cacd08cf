"""The networks, one file a family. Explained in notebooks 04 to 08.

Every layer's name is ``part-layer``, so that `describe` can group the layers by the parts a paper names. (A dot would
read better, but PyTorch allows none.)
"""

import keras

from . import bbnn, fma, inception_resnet
from .bbnn import load_authors_weights as load_bbnn_authors_weights
from .inspection import activations, describe, layer_table, macs, part_of
from .records import NETWORKS, Network, Recipe, input_configs, input_shape_of, network
from .trained import load_trained


def build(name, input_shape=None, n_classes=None, precision="float32", seed=None, **options):
    """A new network with random weights.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    input_shape : tuple of int, optional
        ``(n_frames, n_mels, 1)``, for the waveform's network ``(n_samples, 1)``, for the fusion both. By default the
        paper's. BBNN, Inception-ResNet and the 2-D baselines also take None for a number of frames that varies.
    n_classes : int, optional
        Number of genres, two or more. By default the paper's: 10 of GTZAN or 8 of fma_small.
    precision : {"float32", "mixed_float16", "mixed_bfloat16"}
        In what the layers calculate, the last one excepted; weights are always kept in float32.
    seed : int, optional
        Draws the weights and the dropout from this alone. Otherwise they come from the random state of the process, as
        `keras.utils.set_random_seed` sets it, in which other threads, such as those of a Dask worker, may draw too.
    **options
        What a paper leaves open, as arguments of the network's own `build`.

    Returns
    -------
    keras.Model
        Its output is the probability of each genre, of shape (n_clips, n_classes). Not compiled.

    Raises
    ------
    ValueError
        For an unknown name, or an input or a number of classes that the network cannot have.

    References
    ----------
    Notebooks 04 to 08.

    Examples
    --------
    >>> from genre_utils import models
    >>> models.build("bbnn", input_shape=(216, 128, 1), n_classes=8).output_shape
    (None, 8)
    """
    record = network(name)
    if n_classes is not None:
        if n_classes < 2:
            raise ValueError(f"n_classes is {n_classes}; a classifier needs two or more")
        options["n_classes"] = n_classes
    if input_shape is not None:
        options["input_shape"] = tuple(input_shape)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = record.build(**options)
    finally:
        keras.config.set_dtype_policy(before)
    model.layers[-1].dtype_policy = "float32"
    if seed is not None:
        _draw(model, seed)
    return model


def _draw(model, seed):
    for number, layer in enumerate(model.layers, start=1_000 * seed):
        if hasattr(layer, "kernel"):
            initializer = type(layer.kernel_initializer).from_config(
                layer.kernel_initializer.get_config() | {"seed": number}
            )
            layer.kernel.assign(initializer(layer.kernel.shape))
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign(keras.random.SeedGenerator(number).state)
