"""What an epoch takes at least on a GPU: operations and bytes, beside what devices can do (a roofline)."""

import math

from genre_utils import models

from . import hours

# Peak rates of the makers' data sheets: operations on 32-bit numbers, and bytes of memory, a second.
DEVICES = {"T4": (8.1e12, 0.32e12), "A100": (19.5e12, 1.555e12), "H200": (67e12, 4.8e12)}
NETWORKS = {"inception_resnet": "Inception-ResNet", "bbnn": "BBNN"}
TRAINED, EVALUATED = 900, 100  # clips of GTZAN in one of ten folds
PASSES = 3  # forward, and backward, which does the work of two


def work(network):
    """Operations and bytes of each layer's forward pass for one clip, by the layer.

    A layer reads its inputs and writes its output; normalisation reads its input once more, for mean and variance.
    """
    found = {}
    for layer in models.build(network, models.input_shape_of(models.input_configs(network)), 10).layers:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        read, written = sum(map(_size, inputs)), _size(layer.output)
        again = read * (type(layer).__name__ == "BatchNormalization")
        found[layer] = 2 * models.macs(layer), 4 * (read + again + written)
    return found


def _size(tensor):
    return math.prod(tensor.shape[1:])


def epoch_seconds(layers, operations, bandwidth):
    """Least seconds of an epoch: each layer waits for its operations or its bytes, whichever take longer."""
    clips = PASSES * TRAINED + EVALUATED
    return clips * sum(max(done / operations, moved / bandwidth) for done, moved in layers.values())


def waiting(layers, operations, bandwidth):
    """Share of the least time in which layers wait for memory."""
    times = [(done / operations, moved / bandwidth) for done, moved in layers.values()]
    return sum(moved for done, moved in times if moved > done) / sum(map(max, times))


def convolutions_share(layers):
    """Share of the bytes that layers with a kernel move."""
    convolutions = sum(moved for layer, (_, moved) in layers.items() if hasattr(layer, "kernel"))
    return convolutions / sum(moved for _, moved in layers.values())


def block():
    """The table, and how its numbers are made, in MyST Markdown."""
    columns = [
        "Network",
        "Operations (billions)",
        "Bytes (GB)",
        *(f"{name} (s)" for name in DEVICES),
        "Folds (minutes)",
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" + "|--:" * (len(columns) - 1) + "|"]
    shares, waits = [], []
    for network, title in NETWORKS.items():
        layers = work(network)
        done, moved = (PASSES * sum(column) / 1e9 for column in zip(*layers.values()))
        seconds = [epoch_seconds(layers, *rates) for rates in DEVICES.values()]
        folds = 10 * models.network(network).recipe.epochs * seconds[-1] / 60
        told = [f"{done:.1f}", f"{moved:.1f}", *(f"{s:.1f}" for s in seconds), f"{folds:.0f}"]
        lines.append(f"| {' | '.join([title, *told])} |")
        shares.append(f"{100 * convolutions_share(layers):.0f} % in {title}")
        waited = [100 * waiting(layers, *rates) for rates in DEVICES.values()]
        waits.append(f"{min(waited):.0f} to {max(waited):.0f} % in {title}")
    measured = hours.MEASURED
    about = (
        "Operations and bytes are those of a training clip of 30 s, in 32-bit numbers. Of the bytes the convolutions "
        f"move {' and '.join(shares)}. Waiting for memory takes {' and '.join(waits)}, by device. Seconds are the "
        f"least of an epoch of {TRAINED} training and {EVALUATED} test clips, minutes those of ten folds of all epochs "
        f"on the {list(DEVICES)[-1]}. The backward pass counts as two forward ones. A layer reads its inputs from "
        "memory and writes its output there: this holds where no two layers are joined, and XLA joins many. All is "
        "counted or taken from data sheets; nobody has measured these epochs. BBNN's authors logged "
        f"{measured['seconds']} s for {measured['trained']} training and {measured['evaluated']} other clips on a GPU "
        "that they do not name."
    )
    return "\n".join([*lines, "", about])
