"""Figures of networks: their parts, what these cost, and how they are joined. Explained in notebooks 04 to 08."""

import numpy as np
from matplotlib import pyplot as plt

from ._figure import CMAP, finalize, grid


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


def architecture(table, title=""):
    """The parts of a network in reading order, with the size of each one's output; a box's height goes with its layers.

    Parameters
    ----------
    table : pd.DataFrame
        From `models.describe`.
    title : str

    Returns
    -------
    Figure
    """
    columns = 3
    rows = -(-len(table) // columns)
    fig, ax = plt.subplots(figsize=(2.1 * columns, 0.4 + 1.15 * rows))
    height = 0.38 + 0.17 * table["layers"] / table["layers"].max()
    for i, (part, row) in enumerate(table.iterrows()):
        y, x = divmod(i, columns)
        ax.bar(x, height[part], width=0.64, bottom=y - height[part] / 2, color=f"C{i}", alpha=0.35, edgecolor="0.3")
        ax.text(x, y, f"{part}\n{row['layers']} layers", ha="center", va="center")
        ax.text(x, y + 0.34, " × ".join(f"{n:,}" for n in row["output"]), ha="center", va="top", color="0.25")
        if i < len(table) - 1:
            ax.annotate("", (x + 0.66, y), (x + 0.34, y), arrowprops={"arrowstyle": "->", "color": "0.3"})
    ax.set(xlim=(-0.4, columns - 0.3), ylim=(rows - 0.3, -0.4), title=title)
    ax.set_axis_off()
    return finalize(fig)


def branches(table, inputs, title=""):
    """The parts of a network with several inputs, each branch a column that runs down to where they join.

    Parameters
    ----------
    table : pd.DataFrame
        From `models.describe`.
    inputs : dict of str to list of str
        Name of each input, and the parts of its own branch; what is in none of them comes after the join.
    title : str

    Returns
    -------
    Figure

    References
    ----------
    FMA study, V; notebook 08.
    """
    own = [part for parts in inputs.values() for part in parts]
    joined = [part for part in table.index if part not in own]
    depth = max(map(len, inputs.values()))
    columns = [(x, depth - len(parts), [name, *parts]) for x, (name, parts) in enumerate(inputs.items())]
    middle = (len(inputs) - 1) / 2
    fig, ax = plt.subplots(figsize=(6.3, 0.8 + 0.58 * (1 + depth + len(joined))))
    for x, top, parts in [*columns, (middle, depth + 1, joined)]:
        for y, part in enumerate(parts, start=top):
            label, box = part, {"boxstyle": "square", "facecolor": "white"}
            if part in table.index:
                size = " × ".join(f"{n:,}" for n in table.loc[part, "output"])
                label = f"{part}, {table.loc[part, 'layers']} layers\n{size}"
                box = {"boxstyle": "round", "facecolor": f"C{table.index.get_loc(part) % 10}"}
            ax.text(x, y, label, ha="center", va="center", bbox=box | {"alpha": 0.35, "edgecolor": "0.3"})
            if y < depth + len(joined):
                end = middle if y == depth else x
                ax.annotate("", (end, y + 0.66), (x, y + 0.34), arrowprops={"arrowstyle": "->", "color": "0.3"})
    ax.set(xlim=(-0.6, len(inputs) - 0.4), ylim=(depth + len(joined) + 0.5, -0.5), title=title)
    ax.set_axis_off()
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


def kernels(weights, source="", columns=16):
    """The kernels of a network's first convolution, red for positive weights and blue for negative ones.

    Parameters
    ----------
    weights : np.ndarray [shape=(height, width, n_filters)]
        Time by frequency; time is drawn to the right.
    source : str
    columns : int

    Returns
    -------
    Figure

    References
    ----------
    Notebooks 05 and 07.
    """
    limit = np.abs(weights).max()
    fig, axes = grid(weights.shape[-1], columns, 0.3, 0.55)
    for ax, kernel in zip(axes.flat, np.moveaxis(weights, -1, 0)):
        ax.imshow(kernel.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set(xticks=[], yticks=[])
    return finalize(fig, source)
