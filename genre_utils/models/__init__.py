"""The networks, one file a family. Explained in notebooks 04 to 08.

Every layer's name is ``part-layer``, so that `describe` can group the layers by the parts a paper names. (A dot would
read better, but PyTorch allows none.)
"""

import json

import keras
import numpy as np

from .._store import read_npz, results_folder
from . import bbnn, fma, inception_resnet
from .attribution import grad_cam, over_time
from .bbnn import load_authors_weights as load_bbnn_authors_weights
from .inspection import activations, describe, macs, part_of, receptive_field
from .records import NETWORKS, Network, Recipe, input_configs, input_shape_of, network

TRAINED = 1  # raise it when trained weights are kept in another layout


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


def load_trained(name, folder=None):
    """A network with the weights that one kept run found.

    Parameters
    ----------
    name : str
        "inception_resnet" or "bbnn".
    folder : Path, optional
        That holds ``NAME.npz``; by default the kept results, which the package brings along.

    Returns
    -------
    model : keras.Model
    about : dict
        `genres` in the order of the outputs, `features` that the network was trained on, and `run`, the name and seed
        of the kept result that tells its scores.

    Raises
    ------
    FileNotFoundError
        If there are no such weights.
    ValueError
        If the file is damaged, of another layout, or the network gives other probabilities than when it was kept.

    References
    ----------
    Notebooks 05 and 06.
    """
    path = (folder or results_folder()) / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"no trained weights of {name}: {path} is not there")
    try:
        arrays = read_npz(path)
        about = json.loads(str(arrays["about"]))
        weights, expected = [arrays[f"w_{i}"] for i in range(about["n_weights"])], arrays["probabilities"]
        if about["layout"] != TRAINED:
            raise ValueError(f"layout {about['layout']}, expected {TRAINED}")
        model = build(about["network"], tuple(about["input_shape"]), len(about["genres"]), **about["options"])
        model.set_weights(weights)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} holds no weights for this version's {name} ({error})") from error
    if not np.allclose(keras.ops.convert_to_numpy(model(probe(model), training=False)), expected, atol=0.05):
        raise ValueError(f"{path.name}: the network does not give the probabilities that it gave when it was kept")
    return model, about


def probe(model):
    """An input that is the same everywhere, to see whether a network still is what it was.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    np.ndarray [shape=(1, n_frames, n_mels, 1)], float32
    """
    shape = model.input_shape[1:]
    return np.sin(np.arange(np.prod(shape), dtype="float32")).reshape(1, *shape)
