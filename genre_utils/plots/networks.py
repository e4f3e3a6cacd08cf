"""Figures of networks: their parts, what these cost, and how they are joined. Explained in notebooks 04 to 08."""

from matplotlib import pyplot as plt

from ._figure import CMAP, finalize, grid
from .sound import spectrograms


def parts(table, title=""):
    """Parameters and multiply-accumulates of a network by part.

    Parameters
    ----------
    table : pd.DataFrame
        From `models.describe`.
    title : str

    Returns
    -------
    Figure
    """
    fig, axes = plt.subplots(1, 2, figsize=(8, 0.9 + 0.33 * len(table)), sharey=True, layout="constrained")
    for ax, column, label, colour in zip(
        axes, ("parameters", "macs"), ("parameters (thousands)", "multiply-accumulates (millions a clip)"), ("C0", "C1")
    ):
        values = table[column] / (1e3 if column == "parameters" else 1e6)
        bars = ax.barh(table.index, values, color=colour)
        ax.bar_label(bars, fmt="{:,.1f}" if column == "parameters" else "{:,.0f}", padding=3, fontsize="small")
        ax.set(xlabel=label, xlim=(0, values.max() * 1.25))
    axes[0].invert_yaxis()
    fig.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return finalize(fig)


def feature_maps(maps, source="", columns=4):
    """Pictures inside a network side by side, each on a colour scale of its own.

    Parameters
    ----------
    maps : dict of str to np.ndarray [shape=(n_frames, n_bands)]
        Title of each; time is drawn to the right.
    source : str
    columns : int

    Returns
    -------
    Figure

    References
    ----------
    Notebooks 04 to 08.
    """
    fig, axes = grid(len(maps), columns, 0.5, 2.1, layout="constrained")
    for ax, (title, picture) in zip(axes.flat, maps.items()):
        ax.imshow(picture.T, origin="lower", aspect="auto", cmap=CMAP)
        ax.set(xticks=[], yticks=[], xlabel=f"{picture.shape[0]} × {picture.shape[1]}")
        ax.set_title(title, fontsize="small")
    return finalize(fig, source)


def receptive_field(spectrogram, model, layers, config, source=""):
    """What one cell in the middle of a layer's output sees of the spectrogram, as a rectangle each.

    Parameters
    ----------
    spectrogram : np.ndarray [shape=(n_frames, n_mels)]
    model : keras.Model
    layers : list of str
        Their names; `models.receptive_field` tells the sizes.
    config : features.MelConfig
        How the spectrogram was made: gives the axes their seconds and Hz.
    source : str

    Returns
    -------
    Figure

    References
    ----------
    Notebooks 04 to 07.
    """
    from ..models import receptive_field

    fig, second = spectrograms({"": spectrogram}, config, source, columns=1), config.hop_length / config.sr
    fig.set_figheight(3 + 0.2 * len(layers))
    for k, layer in enumerate(layers):
        frames, bands = receptive_field(model, layer)
        corner = (len(spectrogram) - frames) / 2 * second, (config.n_mels - bands) / 2
        label = f"{layer}: {frames} frames ({frames * second:.2f} s) × {bands} bands"
        box = plt.Rectangle(corner, frames * second, bands, fill=False, color=f"C{k}", linewidth=2, label=label)
        fig.axes[0].add_patch(box)
    fig.legend(loc="outside upper left", fontsize="small", frameon=False)
    return fig
