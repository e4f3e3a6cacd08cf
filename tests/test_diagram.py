"""A diagram shows the boxes and the ways that a network has, and none covers another."""

import re
from xml.etree import ElementTree

import keras
import matplotlib
import numpy as np
import pytest

from genre_utils import models, plots
from genre_utils.features import MelConfig

pytestmark = pytest.mark.quick

matplotlib.use("Agg")
SHAPES = {"bbnn": (64, 32, 1), "inception_resnet": (64, 32, 1), "baseline_a_2d": (64, 32, 1), "baseline_b": (64, 32, 1)}
SHAPES |= {"baseline_a_1d": (16_384, 1), "densenet121": (64, 32, 1), "fusion": ((65_536, 1), (224, 224, 1))}
NETWORKS = {}


def network(name):
    if name not in NETWORKS:
        NETWORKS[name] = models.build(name, SHAPES[name])
    return NETWORKS[name]


def drawing(model, part=None, **options):
    figure = ElementTree.fromstring(plots.diagram(model, part, **options).data)
    return figure.find("svg")


def boxes(svg):
    """Left, top, right, bottom and text of each box."""
    paths = [path for path in svg.findall("path") if path.get("fill-opacity")]
    for path, text in zip(paths, svg.findall("text"), strict=True):
        left, top, wide, bottom = map(int, re.match(r"M(-?\d+) (\d+)h(\d+)V(\d+)", path.get("d")).groups())
        yield left, top, left + wide, bottom, [" ".join("".join(line.itertext()).split()) for line in text]


def steps(svg):
    """Text of each box, and the boxes before it, as they are read aloud."""
    found = {}
    for entry in svg.get("aria-label").split(": ", 1)[1].split("; "):
        number, text, before = re.fullmatch(r"(\d+)\. +(.*?)(?: after ([\d and]+))?", entry).groups()
        found[int(number)] = " ".join(text.split()), [int(k) for k in (before or "").split(" and ") if k]
    return found


def test_a_block_of_bbnn_has_four_branches_and_a_shortcut():
    said = list(steps(drawing(network("bbnn"), "block_1")).values())
    assert said == [
        ("from shallow, 16 × 32 × 32", []),
        ("BN, ReLU, conv 1 × 1, 32 filters", [1]),
        ("BN, ReLU, conv 1 × 1, 32 filters", [1]),
        ("BN, ReLU, conv 3 × 3, 32 filters", [3]),
        ("BN, ReLU, conv 1 × 1, 32 filters", [1]),
        ("BN, ReLU, conv 5 × 5, 32 filters", [5]),
        ("max-pool, 3 × 3", [1]),
        ("BN, ReLU, conv 1 × 1, 32 filters", [7]),
        ("concatenate, 128 channels", [2, 4, 6, 8]),
        ("concatenate, 160 channels", [1, 9]),
        ("output, 16 × 32 × 160", [10]),
    ]


def test_activation_goes_with_the_convolution_before_it_too():
    said = [text for text, _ in steps(drawing(network("inception_resnet"), "module_a")).values()]
    assert said[1] == "conv 1 × 1, 32 filters, BN, ReLU"
    assert said[-3:-1] == ["conv 1 × 1, 32 filters", "shortcut + 0.17 × residual, ReLU"]
    assert "conv 3 × 3, 32 filters, stride 2 × 2, BN, ReLU" in [
        text for text, _ in steps(drawing(network("inception_resnet"), "reduction")).values()
    ]


def test_a_shortcut_across_parts():
    said = steps(drawing(network("baseline_b"), "conv"))
    assert said[5] == ("add, ReLU", [2, 4]) and said[4][0] == "conv 4 × 1, 64 filters, BN"
    parts = steps(drawing(network("baseline_b")))
    assert [text.split()[0].strip(",") for text, _ in parts.values()][:4] == ["input", "conv_1", "conv_2", "conv_3"]
    assert parts[4][1] == [2, 3]


@pytest.mark.parametrize("part, times, channels", [("block_1", 6, 256), ("block_3", 24, 1_024)])
def test_what_repeats_is_drawn_once(part, times, channels):
    said = [text for text, _ in steps(drawing(network("densenet121"), part)).values()]
    assert said[1:-1] == ["BN, ReLU, conv 1 × 1, 128 filters", "BN, ReLU, conv 3 × 3, 32 filters", "concatenate"]
    assert said[-1].startswith(f"all this × {times}: output, ") and said[-1].endswith(f"{channels:,}")


def test_parts_with_their_outputs_and_parameters():
    model = network("fusion")
    table, said = models.describe(model), steps(drawing(model))
    drawn = {text.split(" ", 1)[0]: text for text, _ in said.values()}
    for part, row in table.iterrows():
        size = " × ".join(f"{n:,}" for n in row["output"])
        assert drawn[part] == f"{part} {size}, {row['parameters']:,} parameters"
    names = [text.split(" ", 1)[0] for text, _ in said.values()]
    assert [names[k - 1] for k in said[names.index("join") + 1][1]] == ["wave", "head"]


def test_title_is_the_readers_own_words():
    svg = drawing(network("bbnn"), "decision", title="a < b")
    assert svg.find("title").text == "a < b" and svg.get("aria-label").startswith("a < b: 1. ")
    assert "<figcaption>a &lt; b</figcaption>" in plots.diagram(network("bbnn"), "decision", "a < b").data
    assert drawing(network("bbnn"), "decision").find("title").text == "decision of bbnn"


def test_unknown_parts_are_refused():
    with pytest.raises(ValueError, match="bbnn has no part 'bloc'; its parts: shallow, block_1, block_2"):
        plots.diagram(network("bbnn"), "bloc")


@pytest.mark.parametrize("name", SHAPES)
def test_boxes_hold_their_text_and_cover_no_other(name):
    model = network(name)
    whole = [""] if len(model.layers) < 200 else ["block_1-conv2_block2"]
    for part in [None, *whole, *dict.fromkeys(map(models.part_of, model.layers))]:
        svg = drawing(model, part)
        left_edge, _, width, height = map(float, svg.get("viewBox").split())
        drawn = list(boxes(svg))
        for k, (left, top, right, bottom, lines) in enumerate(drawn):
            assert left_edge <= left and right <= left_edge + width and bottom <= height, (part, lines)
            assert (
                max(len(line.strip(",")) for line in lines) * 6.4 <= right - left + 2
                and len(lines) * 15 <= bottom - top
            ), (part, lines)
            for other in drawn[:k]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                assert apart, (part, lines, other)


def positive(name):
    """A network in which nothing is hidden by a ReLU: its kernels, and so what goes through it, are above zero."""
    model = models.build(name, SHAPES[name], seed=0)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(abs(keras.ops.convert_to_numpy(layer.kernel)))
    return model


@pytest.mark.parametrize(
    "name, layer",
    [
        ("bbnn", "shallow-pool"),
        ("bbnn", "block_1-concat"),
        ("bbnn", "block_2-broadcast"),
        ("inception_resnet", "module_a-relu"),
        ("baseline_a_2d", "conv_3-conv"),
        ("baseline_b", "conv_3-relu"),
        ("bbnn", "decision-pool"),
    ],
)
def test_a_cell_sees_what_changes_it(name, layer):
    model, shape = positive(name), SHAPES[name][:2]
    for axis, expected in enumerate(models.receptive_field(model, layer)):
        x = np.ones((1 + shape[axis], *shape, 1), "float32")
        for k in range(shape[axis]):
            x[1 + k].swapaxes(0, axis)[k] = 2
        maps = models.activations(model, layer, x)
        if maps.ndim == 4:
            maps = maps[:, maps.shape[1] // 2, maps.shape[2] // 2]
        changed = ~np.isclose(maps[1:], maps[0], rtol=1e-6).all(axis=-1)
        assert changed.sum() == expected


def test_what_a_cell_sees_is_drawn_in_the_middle_of_the_spectrogram():
    config = MelConfig(n_samples=63 * 1_024, n_mels=32)
    spectrogram = np.random.default_rng(0).normal(size=config.shape)
    layers = ["shallow-pool", "block_1-concat"]
    fig = plots.receptive_field(spectrogram, network("bbnn"), layers, config, "made-up numbers")
    fig.canvas.draw()
    assert fig.get_supxlabel() == "Data: made-up numbers"
    second = config.hop_length / config.sr
    for box, (frames, bands) in zip(fig.axes[0].patches, [(6, 3), (22, 7)], strict=True):
        assert (box.get_width(), box.get_height()) == (frames * second, bands)
        assert box.get_center() == pytest.approx((32 * second, 16))
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "shallow-pool: 6 frames (0.28 s) × 3 bands",
        "block_1-concat: 22 frames (1.02 s) × 7 bands",
    ]


def test_receptive_fields_of_waveforms_and_of_two_inputs():
    fusion = network("fusion")
    assert models.receptive_field(fusion, "wave-pool_1") == (512 + 3 * 256,)
    with pytest.raises(ValueError, match="join-concat sees 2 inputs"):
        models.receptive_field(fusion, "join-concat")
    assert models.receptive_field(models.build("bbnn", (None, 64, 1)), "block_1-concat") == (22, 7)
