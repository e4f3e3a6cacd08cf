"""Recovering an architecture from its parameter counts: ``python -m book.evidence.search``. Told in notebook 06.

The counts of the Inception-ResNet paper's Table 3 do not name its filters. But they can be held against every plausible
choice: no network needs to be built, the counts follow from products. What is found is kept as ``completions.json``.
"""

import json
import sys
from dataclasses import asdict
from itertools import product

import numpy as np

from genre_utils._store import write_atomically
from genre_utils.models.inception_resnet import KERNELS, Completion

from . import RESULTS

FILTERS = (16, 24, 32, 48, 64)
_UNITS = (32, 64, 128, 256)
# Seven layers with global pooling and the softmax: two hidden layers that do not grow, with one normalisation before,
# between or after them, or one hidden layer with two normalisations.
HEADS = tuple(
    head
    for first, second in product(_UNITS, _UNITS)
    if first >= second
    for head in (
        ("norm", first, "dropout", second, "dropout"),
        (first, "norm", "dropout", second, "dropout"),
        (first, "dropout", second, "norm", "dropout"),
    )
) + tuple(("norm", "dropout", units, "norm", "dropout") for units in _UNITS)


def count(completion, n_classes=10):
    """Parameters of Inception-ResNet, by arithmetic.

    Parameters
    ----------
    completion : Completion
        Its filters may also be arrays of equal shape: then so are the counts.
    n_classes : int

    Returns
    -------
    trainable, non_trainable : int or np.ndarray
    """
    c = completion
    norms = 0  # channels under batch normalisation

    def conv(places, channels, filters, bias):
        return places * channels * filters + bias * filters

    def branches(name, channels, filters):
        nonlocal norms
        total = 0
        for kernels in KERNELS[name]:
            inputs = channels
            for height, width in kernels:
                total = total + conv(height * width, inputs, filters, c.conv_bias)
                norms = norms + filters
                inputs = filters
        return total

    first, channels = c.stem
    total = conv(9, 1, first, c.plain_bias) + conv(9, first, channels, c.plain_bias)
    for i, name in enumerate(("module_a", "module_b", "module_c", "end")):
        if i == c.reduction_after:
            total = total + branches("reduction", channels, c.filters[3])
            channels = channels + len(KERNELS["reduction"]) * c.filters[3]
        if name != "end":
            total = total + branches(name, channels, c.filters[i])
            total = total + conv(1, len(KERNELS[name]) * c.filters[i], channels, c.plain_bias)
    for kind in c.head:
        if kind == "norm":
            norms = norms + channels
        elif kind != "dropout":
            total, channels = total + conv(1, channels, kind, True), kind
    total = total + conv(1, channels, n_classes, True)
    return total + norms * (1 + c.norm_scale), 2 * norms


def survivors(trainable=147_818, non_trainable=1_600, filters=FILTERS, heads=HEADS):
    """Completions whose counts are the published ones, among all combinations.

    Parameters
    ----------
    trainable, non_trainable : int
        Counts to meet; by default those of the Inception-ResNet paper's Table 3.
    filters : tuple of int
        Choices for each of the stem's two convolutions, the three modules and the reduction.
    heads : tuple of tuple
        Choices for the head.

    Returns
    -------
    found : list of Completion
    tried : int
        Number of combinations.
    norms_fit : int
        Those among them that meet the non-trainable count.

    References
    ----------
    Inception-ResNet paper, 3 and Table 3; notebook 06.
    """
    grid = np.stack(np.meshgrid(*[np.array(filters)] * 6, indexing="ij")).reshape(6, -1)
    found, tried, norms_fit = [], 0, 0
    for after, *conventions, head in product(range(4), (False, True), (False, True), (False, True), heads):
        got = count(Completion(tuple(grid[:2]), tuple(grid[2:]), after, *conventions, head))
        fits = got[1] == non_trainable
        tried, norms_fit = tried + grid.shape[1], norms_fit + int(fits.sum())
        for s1, s2, *widths in grid[:, fits & (got[0] == trainable)].T.tolist():
            found.append(Completion((s1, s2), tuple(widths), after, *conventions, head))
    return found, tried, norms_fit


def main() -> int:
    found, tried, norms_fit = survivors()
    kept = {"tried": tried, "norms_fit": norms_fit, "survivors": [asdict(completion) for completion in found]}
    write_atomically(RESULTS / "completions.json", json.dumps(kept, separators=(",", ":")))
    print(f"{tried:,} networks tried, {len(found)} meet every count")
    return 0


if __name__ == "__main__":
    sys.exit(main())
