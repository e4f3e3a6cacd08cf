"""Figures of trainings and of scores. Explained in notebooks 10 and 11."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from ._figure import finalize


def history(table, source="", chance=None):
    """Loss and accuracy over epochs, training and held-out part; folds as thin lines under their mean.

    Parameters
    ----------
    table : dict or pd.DataFrame
        From `training.fit`, or with a column `fold` from `evaluation.cross_validate`.
    source : str
    chance : float, optional
        Accuracy of guessing, drawn as a line, 0 to 1.

    Returns
    -------
    Figure

    References
    ----------
    Inception-ResNet paper, Figure 7; notebooks 04 to 10.
    """
    table = pd.DataFrame(table)
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for ax, what in zip(axes, ("loss", "accuracy")):
        for label, prefix, colour in (("training", "", "C0"), ("held out", "val_", "C1")):
            column = prefix + what
            if column not in table:
                continue
            if "fold" in table:
                for _, fold in table.groupby("fold"):
                    ax.plot(fold["epoch"], fold[column], color=colour, alpha=0.3, linewidth=0.8)
            mean = table.groupby("epoch")[column].mean()
            ax.plot(mean.index, mean, color=colour, marker="o", markersize=3, label=label)
        ax.set(xlabel="epoch", ylabel=what, xlim=(0.5, table["epoch"].max() + 0.5))
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[1].set(ylim=(0, 1.02))
    if chance is not None:
        axes[1].axhline(chance, color="0.5", linestyle=":", label="guessing")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    return finalize(fig, source)


def confusion(counts, genres, source=""):
    """Confusion matrix: counts written in, shade by the share of the true genre.

    Parameters
    ----------
    counts : np.ndarray [shape=(n_genres, n_genres)], int
        From `evaluation.confusion`.
    genres : list of str
    source : str

    Returns
    -------
    Figure

    References
    ----------
    Inception-ResNet paper, Figure 8; notebook 10.
    """
    import seaborn

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = pd.DataFrame(share, pd.Index(genres, name="true genre"), pd.Index(genres, name="predicted genre"))
    fig, ax = plt.subplots(figsize=(7, 5.6), layout="constrained")
    look = {"fmt": "d", "cmap": "Blues", "vmin": 0, "vmax": 1, "square": True, "linewidths": 0.5}
    seaborn.heatmap(share, annot=counts, ax=ax, cbar_kws={"label": "share of the true genre"}, **look)
    return finalize(fig, source)


def intervals(table, source="", chance=None, reference=None, xlabel="accuracy"):
    """Scores with their intervals, a row each, beside a reference such as a paper's.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `accuracy`, `low` and `high`, 0 to 1, such as ``evaluation.compare(…).scores``; a row each.
    source : str
    chance : float, optional
        Score of guessing, drawn as a line.
    reference : pd.Series, optional
        Scores by the table's index, drawn as rings; its name is their label.
    xlabel : str

    Returns
    -------
    Figure

    References
    ----------
    Notebooks 10 to 13.
    """
    fig, ax = plt.subplots(figsize=(8, 0.9 + 0.36 * len(table)), layout="constrained")
    places = np.arange(len(table))[::-1]
    ax.hlines(places, table["low"], table["high"], color="C0")
    ax.scatter(table["accuracy"], places, color="C0", zorder=3)
    if reference is not None:
        rings = reference.reindex(table.index)
        ax.scatter(rings, places, s=80, facecolors="none", edgecolors="0.2", label=reference.name)
    if chance is not None:
        ax.axvline(chance, color="0.5", linestyle=":", label="guessing")
    ax.set(yticks=places, yticklabels=table.index, xlim=(0, 1), xlabel=xlabel)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    return finalize(fig, source)
