"""What a network is made of, by part. Explained in notebooks 04 to 08."""

import math

import keras
import numpy as np
import pandas as pd


def part_of(layer):
    """Name of the part that a layer belongs to: what stands before the first hyphen of its name.

    Parameters
    ----------
    layer : keras.layers.Layer

    Returns
    -------
    str
    """
    return layer.name.split("-" if "-" in layer.name else "_")[0]


def activations(model, name, x):
    """Output of a layer for some clips.

    Parameters
    ----------
    model : keras.Model
    name : str
        The layer's name.
    x : np.ndarray [shape=(n_clips, …)]

    Returns
    -------
    np.ndarray [shape=(n_clips, …)]

    Raises
    ------
    ValueError
        If the network has no such layer.
    """
    part = keras.Model(model.input, model.get_layer(name).output)
    return keras.ops.convert_to_numpy(part(x, training=False))


def graph(model, layer=None):
    """What each operation of a network reads, in the order of flow.

    Parameters
    ----------
    model : keras.Model
    layer : str, optional
        Only what leads to this layer.

    Returns
    -------
    dict of keras.Operation to list of keras.Operation
    """
    makers = {id(tensor): op for op in model.operations for tensor in keras.tree.flatten(op.output)}
    found = {}

    def visit(tensor):
        op = makers[id(tensor)]
        if op not in found:
            found[op] = [visit(tensor) for tensor in keras.tree.flatten(op.input)]
        return op

    for tensor in [model.get_layer(layer).output] if layer else model.outputs:
        visit(tensor)
    return found


def receptive_field(model, layer):
    """How much of the input one cell of a layer's output sees, along the widest way to it.

    Parameters
    ----------
    model : keras.Model
    layer : str

    Returns
    -------
    tuple of int
        Frames and bands, at most the whole input; samples for a waveform.

    Raises
    ------
    ValueError
        If the network has no such layer, or the layer sees two inputs.

    References
    ----------
    Notebooks 04 to 07.

    Examples
    --------
    >>> from genre_utils import models
    >>> models.receptive_field(models.build("bbnn"), "block_1-concat")
    (22, 7)
    """
    above, seen = graph(model, layer), {}
    inputs = [op for op, parents in above.items() if not parents]
    if len(inputs) > 1:
        raise ValueError(f"{layer} sees {len(inputs)} inputs; a receptive field is of one")
    whole = [n or np.inf for n in inputs[0].output.shape[1:-1]]
    for op, parents in above.items():
        # Cells of the input that one cell sees, and how far apart those of neighbouring cells are.
        sees, step = np.max([seen[a] for a in parents] or [np.ones((2, len(whole)))], axis=0)
        kernel = np.array(getattr(op, "kernel_size", getattr(op, "pool_size", 1)))
        if parents and len(op.output.shape) < len(parents[0].output.shape):
            kernel = np.inf
        sees = sees + (kernel - 1) * np.array(getattr(op, "dilation_rate", 1)) * step
        seen[op] = sees, step * getattr(op, "strides", 1)
    return tuple(int(n) for n in np.minimum(sees, whole))


def macs(layer):
    """Multiply-accumulate operations of a layer for one clip, biases and normalisation left out.

    Parameters
    ----------
    layer : keras.layers.Layer
        A built layer with a fixed input size.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the layer's output has no fixed size.
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    # A kernel is used once at each place of the output, whatever the layer's kind.
    places = [n for n in layer.output.shape[1:-1]]
    if None in places:
        raise ValueError(
            f"{layer.name} has no fixed size {layer.output.shape}; build the network with a number of frames"
        )
    return math.prod(places) * math.prod(kernel.shape)


def describe(model):
    """Layers, parameters and cost of a network by part.

    Parameters
    ----------
    model : keras.Model
        A network from `build`.

    Returns
    -------
    pd.DataFrame
        Indexed by part, in the order of the network: `layers`, `trainable`, `non_trainable` and `parameters` (counts),
        `share` of all parameters (0 to 1), `macs` (multiply-accumulates for one clip) and `output` (shape of the
        part's output).

    Raises
    ------
    ValueError
        If the network takes spectrograms of any length, for which the cost is not defined.

    References
    ----------
    Notebooks 04 to 08.

    Examples
    --------
    >>> from genre_utils import models
    >>> parts = models.describe(models.build("bbnn"))
    >>> int(parts["parameters"].sum()), int(parts["trainable"].sum())
    (190826, 185642)
    """
    rows = {}
    for layer in model.layers:
        row = rows.setdefault(part_of(layer), dict.fromkeys(("layers", "trainable", "non_trainable", "macs"), 0))
        row["layers"] += 1
        row["trainable"] += sum(math.prod(w.shape) for w in layer.trainable_weights)
        row["non_trainable"] += sum(math.prod(w.shape) for w in layer.non_trainable_weights)
        row["macs"] += macs(layer)
        row["output"] = tuple(layer.output.shape[1:])
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")
    table.insert(3, "parameters", table["trainable"] + table["non_trainable"])
    table.insert(4, "share", table["parameters"] / table["parameters"].sum())
    return table
