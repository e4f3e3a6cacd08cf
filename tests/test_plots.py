"""Each figure shows the numbers that it was given, and names their source."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from genre_utils import plots
from genre_utils.features import MelConfig

pytestmark = pytest.mark.quick

matplotlib.use("Agg")
CONFIG = MelConfig(n_samples=11 * 1_024, n_mels=16)
SOURCE = "made-up numbers (2 clips, 2 genres)"


@pytest.fixture(autouse=True)
def settings():
    """Matplotlib's own, whatever another file's tests have set."""
    with plt.style.context("default"):
        yield


@pytest.fixture
def spectra():
    rng = np.random.default_rng(1)
    return {name: rng.uniform(-60, 10, (11, CONFIG.n_mels)) for name in ("one", "two", "three")}


@pytest.fixture
def network():
    """A table as `models.describe` gives it."""
    return pd.DataFrame(
        {"layers": [3, 20, 7, 2], "parameters": [500, 12_000, 3_000, 90], "macs": [2e6, 9e6, 4e6, 1e6],
         "output": [(64, 32, 8), (32, 16, 24), (16, 8, 48), (10,)]},
        index=pd.Index(["stem", "blocks", "tail", "head"], name="part"),
    )  # fmt: skip


def foot(fig):
    """What stands below a figure once it is drawn and closed."""
    fig.canvas.draw()
    assert not plt.fignum_exists(fig.number)
    return fig.get_supxlabel()


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_finalize_names_the_source_and_closes_the_figure():
    assert foot(plots.finalize(plt.figure(), "here")) == "Data: here"
    assert foot(plots.finalize(plt.figure())) == ""


def test_style_is_legible_and_safe_for_the_colour_blind():
    plots.style()
    assert matplotlib.colors.to_hex("C0") == "#0173b2"
    assert plt.rcParams["figure.figsize"] == [8, 3.2] and not plt.rcParams["axes.spines.top"]


def test_spectrograms_share_one_scale(spectra):
    fig = plots.spectrograms(spectra, CONFIG, SOURCE)
    assert foot(fig) == f"Data: {SOURCE}"
    *axes, empty, bar = fig.axes
    assert [ax.get_title() for ax in axes] == list(spectra) and not empty.axison
    lowest, highest = min(s.min() for s in spectra.values()), max(s.max() for s in spectra.values())
    for ax, s in zip(axes, spectra.values()):
        (image,) = ax.images
        np.testing.assert_array_equal(image.get_array(), s.T)
        assert image.get_clim() == (lowest, highest) and image.origin == "lower"
        assert image.get_extent() == [0, 11 * 1_024 / 22_050, 0, 16]
    assert bar.get_ylabel() == "level (dB)" and axes[0].get_ylabel() == "frequency (Hz)"
    bar = plots.spectrograms(spectra, replace(CONFIG, standardise="clip")).axes[-1]
    assert bar.get_ylabel() == "standardised level"


@pytest.mark.parametrize(
    "sr, labels", [(22_050, ["200", "500", "1,000", "2,000", "5,000"]), (8_000, ["200", "500", "1,000", "2,000"])]
)
def test_ticks_in_hz_stand_in_their_bands_or_not_at_all(spectra, sr, labels):
    import librosa

    ax = plots.spectrograms(spectra, replace(CONFIG, sr=sr)).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == labels
    centres = librosa.mel_frequencies(n_mels=18, fmax=sr / 2)[1:-1]
    for tick, label in zip(ax.get_yticks(), labels, strict=True):
        band = int(tick - 0.5)
        assert centres[band] <= float(label.replace(",", "")) <= centres[band + 1]


def test_windows_tell_which_samples_none_of_them_reaches():
    y = np.random.default_rng(0).uniform(-1, 1, 5_000)
    configs = {"short": MelConfig(win_length=512), "long": MelConfig()}
    fig = plots.windows(y, configs, 1, SOURCE, n_frames=2)
    assert foot(fig) == f"Data: {SOURCE}"
    short, long = fig.axes
    assert short.get_legend() and not long.get_legend()
    assert texts(short) == ["frame 0", "frame 1", "frame 2", "frame 3"]
    samples, *bells = short.lines
    np.testing.assert_array_equal(samples.get_ydata(), y[samples.get_xdata()])
    for frame, bell in enumerate(bells):
        assert len(bell.get_xdata()) == 512 and bell.get_xdata()[256] == frame * 1_024


def test_history_of_one_training():
    table = {
        "epoch": [1, 2],
        "loss": [2.0, 1.0],
        "accuracy": [0.3, 0.6],
        "val_loss": [2.2, 1.9],
        "val_accuracy": [0.2, 0.4],
    }
    fig = plots.history(table, SOURCE, chance=0.1)
    assert foot(fig) == f"Data: {SOURCE}"
    loss, accuracy = fig.axes
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2.0, 1.0], [2.2, 1.9]]
    assert [list(line.get_ydata()) for line in accuracy.lines] == [[0.3, 0.6], [0.2, 0.4], [0.1, 0.1]]
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["training", "held out", "guessing"]


def test_history_of_folds_is_their_mean_above_thin_lines():
    table = pd.DataFrame({"fold": [0, 0, 1, 1], "epoch": [1, 2, 1, 2], "loss": [4.0, 2.0, 2.0, 0.0], "accuracy": 0.5})
    loss = plots.history(table).axes[0]
    assert [line.get_ydata().tolist() for line in loss.lines] == [[4.0, 2.0], [2.0, 0.0], [3.0, 1.0]]
    assert loss.lines[0].get_linewidth() < loss.lines[2].get_linewidth()


def test_confusion_writes_counts_and_shades_shares():
    counts = np.array([[3, 1, 0], [0, 10, 10], [0, 0, 0]])
    fig = plots.confusion(counts, ["blues", "jazz", "rock"], SOURCE)
    assert foot(fig) == f"Data: {SOURCE}"
    ax = fig.axes[0]
    assert texts(ax) == [str(n) for n in counts.flat]
    np.testing.assert_allclose(ax.collections[0].get_array().reshape(3, 3), [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted genre", "true genre")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["blues", "jazz", "rock"]


def test_parts(network):
    fig = plots.parts(network, "a network")
    foot(fig)
    parameters, macs = fig.axes
    assert [bar.get_width() for bar in parameters.patches] == [0.5, 12, 3, 0.09]
    assert [bar.get_width() for bar in macs.patches] == [2, 9, 4, 1]
    assert texts(parameters) == ["0.5", "12.0", "3.0", "0.1"] and texts(macs) == ["2", "9", "4", "1"]
    assert parameters.yaxis_inverted() and fig.get_suptitle() == "a network"


def test_feature_maps_are_drawn_as_they_are():
    maps = {name: np.random.default_rng(k).normal(size=(12, 5 + k)) for k, name in enumerate(["input", "map 3"])}
    fig = plots.feature_maps(maps, SOURCE)
    assert [ax.get_title() for ax in fig.axes] == ["input", "map 3"] and fig.get_supxlabel() == f"Data: {SOURCE}"
    for ax, picture in zip(fig.axes, maps.values()):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture.T)


def test_intervals_stand_at_their_scores():
    table = pd.DataFrame({"accuracy": [0.5, 0.25], "low": [0.4, 0.1], "high": [0.6, 0.3]}, index=["a", "b"])
    reference = pd.Series({"b": 0.9}, name="the paper")
    ax = plots.intervals(table, SOURCE, chance=0.125, reference=reference).axes[0]
    lines, dots, rings = ax.collections
    assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[0.4, 0.6], [0.1, 0.3]]
    assert dots.get_offsets()[:, 0].tolist() == [0.5, 0.25] and rings.get_offsets()[1, 0] == 0.9
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["the paper", "guessing"]
    assert plots.intervals(table).axes[0].get_legend() is None
