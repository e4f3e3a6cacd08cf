"""Figures of clips: spectrograms, windows. Explained in notebooks 01 and 02."""

import numpy as np
from matplotlib import pyplot as plt

from ._figure import CMAP, finalize, grid, hz_ticks


def spectrograms(spectra, config, source="", unit="", columns=2):
    """Log-mel spectrograms side by side on one colour scale.

    Parameters
    ----------
    spectra : dict of str to np.ndarray [shape=(n_frames, n_mels)]
        Title of each.
    config : features.MelConfig
        How they were made: gives the axes their seconds and Hz.
    source : str
    unit : str
        Label of the colour bar; by default dB, or none where the spectra are standardised.
    columns : int

    Returns
    -------
    Figure
    """
    fig, axes = grid(len(spectra), columns, 0.7, 2.1, sharex=True, sharey=True, layout="constrained")
    low, high = min(s.min() for s in spectra.values()), max(s.max() for s in spectra.values())
    places, labels = hz_ticks(config)
    for ax, (title, s) in zip(axes.flat, spectra.items()):
        extent = (0, len(s) * config.hop_length / config.sr, 0, config.n_mels)
        image = ax.imshow(s.T, origin="lower", aspect="auto", cmap=CMAP, vmin=low, vmax=high, extent=extent)
        ax.set(title=title, yticks=places, yticklabels=labels, xlabel="time (s)", ylabel="frequency (Hz)")
        ax.label_outer()
    fig.colorbar(image, ax=axes, label=unit or ("level (dB)" if config.standardise == "none" else "standardised level"))
    return finalize(fig, source)


def windows(y, configs, first, source="", n_frames=5):
    """Where the analysis windows lie on the waveform, and which samples none of them reaches.

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

    References
    ----------
    Inception-ResNet paper, 4.2; notebook 02.
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
    return finalize(fig, source)
