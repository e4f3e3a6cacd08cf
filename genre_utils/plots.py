"""Every figure of the book, each returned as a matplotlib figure.

A figure that shows data takes `source`, the words of `datasets.source`, and prints them at its foot.
"""

import numpy as np
import pandas as pd
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


def finish(fig, source=""):
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


def _hz_ticks(config, ticks=(200, 500, 1_000, 2_000, 5_000, 10_000)):
    import librosa

    centres = librosa.mel_frequencies(n_mels=config.n_mels + 2, fmax=config.sr / 2)[1:-1]
    return np.interp(ticks, centres, np.arange(config.n_mels) + 0.5), [f"{hz:,}" for hz in ticks]


def waveforms(clips, sr, source=""):
    """Samples of some clips, one below the other.

    Parameters
    ----------
    clips : dict of str to np.ndarray [shape=(n_samples,)]
        Title of each.
    sr : int
        Sample rate in Hz.
    source : str

    Returns
    -------
    Figure
    """
    fig, axes = plt.subplots(len(clips), figsize=(8, 1 + 1.1 * len(clips)), sharex=True, sharey=True, squeeze=False)
    for ax, (title, y) in zip(axes.flat, clips.items()):
        # The envelope: drawing each of 660,000 samples shows no more.
        step = max(len(y) // 2000, 1)
        blocks = y[: len(y) // step * step].reshape(-1, step)
        t = np.arange(len(blocks)) * step / sr
        ax.fill_between(t, blocks.min(axis=1), blocks.max(axis=1), linewidth=0.5, color="C0")
        ax.set(title=title, ylabel="amplitude")
    axes.flat[-1].set(xlabel="time (s)", xlim=(0, max(len(y) for y in clips.values()) / sr))
    return finish(fig, source)


def spectrograms(spectra, config, source="", unit="level (dB)", columns=2):
    """Log-mel spectrograms side by side on one colour scale.

    Parameters
    ----------
    spectra : dict of str to np.ndarray [shape=(n_frames, n_mels)]
        Title of each.
    config : features.MelConfig
        How they were made: gives the axes their seconds and Hz.
    source : str
    unit : str
        Label of the colour bar.
    columns : int

    Returns
    -------
    Figure
    """
    columns = min(columns, len(spectra))
    rows = -(-len(spectra) // columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(8, 0.7 + 2.1 * rows), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    low, high = min(s.min() for s in spectra.values()), max(s.max() for s in spectra.values())
    places, labels = _hz_ticks(config)
    for ax, (title, s) in zip(axes.flat, spectra.items()):
        seconds = len(s) * config.hop_length / config.sr
        image = ax.imshow(
            s.T, origin="lower", aspect="auto", cmap=CMAP, vmin=low, vmax=high, extent=(0, seconds, 0, config.n_mels)
        )
        ax.set(title=title, yticks=places, yticklabels=labels)
    for ax in axes.flat[len(spectra) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("time (s)")
    for ax in axes[:, 0]:
        ax.set_ylabel("frequency (Hz)")
    fig.colorbar(image, ax=axes, label=unit)
    return finish(fig, source)


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
    """
    table = pd.DataFrame(table)
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    parts = {"training": "", "held out": "val_"}
    for ax, what in zip(axes, ("loss", "accuracy")):
        for colour, (label, prefix) in zip(("C0", "C1"), parts.items()):
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
    axes[1].legend(loc="upper left", frameon=False, fontsize="small")
    return finish(fig, source)


def confusion(counts, genres, source=""):
    """Confusion matrix: counts written in, shade by the share of the true genre.

    The Inception-ResNet paper, Figure 8.

    Parameters
    ----------
    counts : np.ndarray [shape=(n_genres, n_genres)], int
        From `evaluation.confusion`.
    genres : list of str
    source : str

    Returns
    -------
    Figure
    """
    import seaborn

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    fig, ax = plt.subplots(figsize=(7, 5.6), layout="constrained")
    seaborn.heatmap(
        share,
        annot=counts,
        fmt="d",
        cmap="Blues",
        vmin=0,
        vmax=1,
        square=True,
        linewidths=0.5,
        ax=ax,
        xticklabels=genres,
        yticklabels=genres,
        cbar_kws={"label": "share of the true genre"},
    )
    ax.set(xlabel="predicted genre", ylabel="true genre")
    return finish(fig, source)


def scores_by_genre(table, source="", published=None):
    """Precision, recall and F1 of each genre as points, the published F1 as a ring.

    Parameters
    ----------
    table : pd.DataFrame
        From `evaluation.scores_by_genre`, 0 to 1.
    source : str
    published : pd.Series, optional
        F1 by genre, 0 to 1.

    Returns
    -------
    Figure
    """
    fig, ax = plt.subplots(figsize=(8, 0.9 + 0.32 * len(table)), layout="constrained")
    places = np.arange(len(table))[::-1]
    for name, marker in zip(("precision", "recall", "f1"), (">", "<", "D")):
        ax.scatter(table[name], places, marker=marker, s=28, label={"f1": "F1"}.get(name, name), zorder=3)
    if published is not None:
        ring = published.reindex(table.index)
        ax.scatter(ring, places, s=80, facecolors="none", edgecolors="0.2", label="F1 in the paper")
    ax.set(yticks=places, yticklabels=table.index, xlim=(-0.02, 1.02), xlabel="score")
    ax.grid(axis="y", linewidth=0.4)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    return finish(fig, source)


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
    return finish(fig)


def architecture(table, title=""):
    """The parts of a network in reading order, with what each hands on; a box's height goes with its layers.

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
    return finish(fig)


def clip_sheet(clips, spectra, config, source=""):
    """Waveform and log-mel spectrogram of some clips, a row each; notebook 01.

    Parameters
    ----------
    clips : dict of str to np.ndarray [shape=(n_samples,)]
        Mono samples at `config.sr`, by the name of their row.
    spectra : dict of str to np.ndarray [shape=(n_frames, n_mels)]
        Log-mels in dB of the same rows.
    config : features.MelConfig
    source : str

    Returns
    -------
    Figure
    """
    fig, axes = plt.subplots(
        len(clips), 2, figsize=(8, 0.8 + 0.85 * len(clips)), sharex=True, sharey="col", squeeze=False
    )
    low, high = min(s.min() for s in spectra.values()), max(s.max() for s in spectra.values())
    places, labels = _hz_ticks(config, (500, 2_000, 8_000))
    for (wave, mel), (name, y) in zip(axes, clips.items()):
        step = max(len(y) // 1000, 1)
        blocks = y[: len(y) // step * step].reshape(-1, step)
        t = np.arange(len(blocks)) * step / config.sr
        wave.fill_between(t, blocks.min(axis=1), blocks.max(axis=1), linewidth=0.5)
        wave.set_ylabel(name, rotation=0, ha="right", va="center")
        wave.set_yticks([])
        extent = (0, len(spectra[name]) * config.hop_length / config.sr, 0, config.n_mels)
        image = mel.imshow(
            spectra[name].T, origin="lower", aspect="auto", cmap=CMAP, vmin=low, vmax=high, extent=extent
        )
        mel.set(yticks=places, yticklabels=labels)
        mel.tick_params(axis="y", labelsize=7)
    axes[0, 0].set_title("waveform")
    axes[0, 1].set_title("log-mel spectrogram (Hz)")
    for ax in axes[-1]:
        ax.set(xlabel="time (s)", xlim=(0, config.seconds))
    fig.colorbar(image, ax=axes, label="level (dB)", aspect=60)
    return finish(fig, source)


def genre_levels(deviation, config, source=""):
    """How far each genre's average level lies above or below that of all genres, by frequency; notebook 01.

    Parameters
    ----------
    deviation : pd.DataFrame [shape=(n_genres, n_mels)]
        Differences in dB, indexed by genre.
    config : features.MelConfig
    source : str

    Returns
    -------
    Figure
    """
    fig, ax = plt.subplots(figsize=(8, 1.2 + 0.28 * len(deviation)))
    limit = np.abs(deviation.to_numpy()).max()
    extent = (0, config.n_mels, len(deviation), 0)
    image = ax.imshow(deviation, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, extent=extent)
    places, labels = _hz_ticks(config)
    ax.set(yticks=np.arange(len(deviation)) + 0.5, yticklabels=deviation.index, xlabel="frequency (Hz)")
    ax.set_xticks(places, labels)
    fig.colorbar(image, ax=ax, label="dB above or below\nall genres")
    return finish(fig, source)


def windows(y, configs, first, source="", n_frames=5):
    """Where the analysis windows lie on the waveform, and which samples none of them reaches; notebook 02.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,)]
    configs : dict of str to features.MelConfig
        One panel each, by its title. All with the same rate and hop.
    first : int
        Number of the first frame drawn.
    source : str
    n_frames : int

    Returns
    -------
    Figure
    """
    from scipy.signal import get_window

    fig, axes = plt.subplots(len(configs), figsize=(8, 0.6 + 2 * len(configs)), sharex=True, squeeze=False)
    for ax, (title, config) in zip(axes.flat, configs.items()):
        around = np.arange((first - 0.6) * config.hop_length, (first + n_frames - 0.4) * config.hop_length).astype(int)
        width, peak = config.win_length or config.n_fft, np.abs(y[around]).max()
        since = around % config.hop_length
        unseen = np.minimum(since, config.hop_length - since) >= width / 2
        ax.fill_between(around, -peak, peak, where=unseen, color="0.85", linewidth=0, label="reached by no window")
        ax.plot(around, y[around], color="C0", linewidth=0.6)
        bell = peak * get_window("hann", width)
        for frame in range(first - 1, first + n_frames + 1):
            centre = frame * config.hop_length
            ax.plot(centre - width / 2 + np.arange(width), bell, color="C1", linewidth=1.5)
            ax.text(centre, 1.08 * peak, f"frame {frame}", ha="center", fontsize=8, clip_on=True)
        ax.set(ylabel="amplitude", xlim=(around[0], around[-1]), ylim=(-1.1 * peak, 1.3 * peak))
        ax.set_title(title, pad=8)
        if unseen.any():
            ax.legend(loc="lower right", fontsize="small")
    axes.flat[-1].set_xlabel("sample")
    axes.flat[-1].xaxis.set_major_formatter("{x:,.0f}")
    return finish(fig, source)


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
    """
    own = [part for parts in inputs.values() for part in parts]
    joined = [part for part in table.index if part not in own]
    depth = max(map(len, inputs.values()))
    columns = [(x, depth - len(parts), [name, *parts]) for x, (name, parts) in enumerate(inputs.items())]
    middle = (len(inputs) - 1) / 2
    fig, ax = plt.subplots(figsize=(6.3, 0.8 + 0.58 * (1 + depth + len(joined))))
    for x, top, parts in [*columns, (middle, depth + 1, joined)]:
        for y, part in enumerate(parts, start=top):
            label, last = part, y == depth + len(joined)
            if part in table.index:
                size = " × ".join(f"{n:,}" for n in table.loc[part, "output"])
                label = f"{part}, {table.loc[part, 'layers']} layers\n{size}"
            style = "round" if part in table.index else "square"
            colour = f"C{table.index.get_loc(part) % 10}" if part in table.index else "white"
            box = {"boxstyle": style, "facecolor": colour, "alpha": 0.35, "edgecolor": "0.3"}
            ax.text(x, y, label, ha="center", va="center", bbox=box)
            end = middle if y == depth else x
            if not last:
                ax.annotate("", (end, y + 0.66), (x, y + 0.34), arrowprops={"arrowstyle": "->", "color": "0.3"})
    ax.set(xlim=(-0.6, len(inputs) - 0.4), ylim=(depth + len(joined) + 0.5, -0.5), title=title)
    ax.set_axis_off()
    return finish(fig)
