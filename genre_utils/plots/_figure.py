"""What every figure shares: style, the source at its foot, the frequencies of a mel axis."""

import numpy as np
from matplotlib import pyplot as plt

PALETTE = "colorblind"
CMAP = "magma"


def style():
    """Set matplotlib and seaborn up for the book: legible at 800 pixels, in colours that all can tell apart."""
    import seaborn

    seaborn.set_theme(style="ticks", palette=PALETTE, font_scale=0.95)
    plt.rcParams.update(
        {"figure.dpi": 110, "figure.figsize": (8, 3.2), "axes.spines.top": False, "axes.spines.right": False}
        | {"axes.titlelocation": "left", "axes.titlesize": "medium", "figure.constrained_layout.use": True}
    )


def finalize(fig, source=""):
    """Name the data at the foot of a figure and close it, so that a notebook shows it once, as the cell's value.

    Parameters
    ----------
    fig : Figure
    source : str

    Returns
    -------
    Figure
    """
    if source:
        fig.supxlabel(f"Data: {source}", x=0.01, ha="left", fontsize=8, color="0.35")
    plt.close(fig)
    return fig


def grid(n, columns, top, height, **options):
    """Axes for so many pictures, row by row; those that are left over stay empty.

    Parameters
    ----------
    n, columns : int
        Pictures in all, and at most so many in a row.
    top, height : float
        Inches for the title, and for each row.
    **options
        As of `plt.subplots`.

    Returns
    -------
    fig : Figure
    axes : np.ndarray [shape=(n_rows, n_columns)]
    """
    columns = min(columns, n)
    rows = -(-n // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(8, top + height * rows), squeeze=False, **options)
    for ax in axes.flat[n:]:
        ax.set_axis_off()
    return fig, axes


def hz_ticks(config, ticks=(200, 500, 1_000, 2_000, 5_000, 10_000)):
    """Places on a mel axis and labels of some frequencies, as far as there are bands for them."""
    import librosa

    centres = librosa.mel_frequencies(n_mels=config.n_mels + 2, fmax=config.sr / 2)[1:-1]
    ticks = [hz for hz in ticks if centres[0] <= hz <= centres[-1]]
    return np.interp(ticks, centres, np.arange(config.n_mels) + 0.5), [f"{hz:,}" for hz in ticks]
