"""How a clip becomes what a network reads. Explained in notebook 02, waveforms in notebook 04."""

from dataclasses import dataclass, replace

STANDARDISE = ("none", "clip", "training")


@dataclass(frozen=True)
class _ClipConfig:
    """What both kinds of input share."""

    sr: int
    n_samples: int

    def __post_init__(self):
        if min(self.sr, self.n_samples) < 1:
            raise ValueError(f"{self} has a size below 1; sizes are counts of samples, points or bands")
        if self.standardise not in STANDARDISE:
            raise ValueError(f"standardise is {self.standardise!r}; known: {', '.join(STANDARDISE)}")

    @property
    def seconds(self):
        """Length of the clip in seconds."""
        return self.n_samples / self.sr


@dataclass(frozen=True)
class MelConfig(_ClipConfig):
    """How a clip becomes a log-mel spectrogram.

    Attributes
    ----------
    sr : int
        Sample rate in Hz.
    n_samples : int
        The clip is cut or zero-padded to so many samples.
    n_fft : int
        Points of the Fourier transform.
    hop_length : int
        Samples between frames.
    n_mels : int
        Mel bands between 0 Hz and sr / 2 (Slaney's scale and area normalisation, as librosa's default).
    win_length : int or None
        Samples under the Hann window, centred in `n_fft`; None stands for `n_fft`.
    ref : {"one", "max"}
        What 0 dB means: a power of one, or the clip's own maximum.
    top_db : float
        Levels more than this far below the clip's maximum are raised to that floor (librosa's default, 80 dB).
    standardise : {"none", "clip", "training"}
        To mean 0 and standard deviation 1, after which values are no longer dB: not at all; each clip by its own mean
        and deviation; or all clips by those of the training part of each split, which `evaluation.cross_validate`
        estimates.

    Raises
    ------
    ValueError
        If a size is below 1, the window is longer than the transform, or `ref` or `standardise` is none of the above.

    References
    ----------
    Inception-ResNet paper, 4.2; FMA study, III to V; notebook 02.
    """

    sr: int = 22_050
    n_samples: int = 661_794
    n_fft: int = 2_048
    hop_length: int = 1_024
    n_mels: int = 128
    win_length: int | None = None
    ref: str = "one"
    top_db: float = 80.0
    standardise: str = "none"

    def __post_init__(self):
        super().__post_init__()
        window = self.n_fft if self.win_length is None else self.win_length
        if min(self.n_fft, self.hop_length, self.n_mels, window) < 1:
            raise ValueError(f"{self} has a size below 1; sizes are counts of samples, points or bands")
        if window > self.n_fft:
            raise ValueError(f"a window of {window} samples does not fit into an FFT of {self.n_fft} points")
        if self.ref not in ("one", "max"):
            raise ValueError(f"ref is 'one' or 'max', not {self.ref!r}")

    @property
    def n_frames(self):
        """Frames of a centred transform: 1 + n_samples // hop_length, of one sample less if `n_fft` is odd."""
        return 1 + (self.n_samples - self.n_fft % 2) // self.hop_length

    @property
    def shape(self):
        """Shape of the log-mel spectrogram, (n_frames, n_mels)."""
        return self.n_frames, self.n_mels


@dataclass(frozen=True)
class WaveformConfig(_ClipConfig):
    """How a clip becomes the samples that the FMA study's 1-D networks read.

    Attributes
    ----------
    sr : int
        Sample rate in Hz.
    n_samples : int
        The clip is cut or zero-padded to so many samples.
    standardise : {"none", "clip", "training"}
        As of `MelConfig`.

    Raises
    ------
    ValueError
        If a size is below 1, or `standardise` is none of the above.

    References
    ----------
    FMA study, sections III and IV; notebook 04.
    """

    sr: int = 16_000
    n_samples: int = 160_000
    standardise: str = "training"

    @property
    def shape(self):
        """Shape of the waveform, (n_samples,)."""
        return (self.n_samples,)


PRESETS = {
    # Liu et al. 2021, released code: 647 x 128.
    "bbnn": MelConfig(),
    # Inception-ResNet paper, 4.2: a window of 512 samples and a hop of 1,024. The FFT keeps librosa's 2,048 points;
    # with 512, the lowest bands would share bins, and not all 128 be independent (notebook 02 counts them).
    "inception_resnet": MelConfig(win_length=512),
    # FMA study, IV: windows of 3,472 and 1,976 samples with half overlap. The printed sizes, 513 x 128 and 224 x 224,
    # follow from 10 s at 22,050 Hz, not at the 16,000 Hz of the waveform.
    "fma_baseline": MelConfig(
        n_samples=220_500, n_fft=3_472, hop_length=1_736, n_mels=513, ref="max", standardise="clip"
    ),
    "fma_densenet": MelConfig(
        n_samples=220_500, n_fft=1_976, hop_length=988, n_mels=224, ref="max", standardise="clip"
    ),
    "fma_waveform": WaveformConfig(),
}


def preset(name, seconds=0, **changes):
    """The preset of that name, on request for clips of another length.

    Parameters
    ----------
    name : str
        One of `PRESETS`.
    seconds : float
        Length to which clips are cut or padded; 0 keeps the preset's own.
    **changes
        Other attributes to change, such as `standardise`.

    Returns
    -------
    MelConfig or WaveformConfig

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.

    References
    ----------
    Notebook 02.

    Examples
    --------
    >>> from genre_utils import features
    >>> features.preset("bbnn").shape
    (647, 128)
    >>> features.preset("bbnn", seconds=10).shape
    (216, 128)
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    config = PRESETS[name]
    if seconds:
        changes["n_samples"] = round(seconds * config.sr)
    return replace(config, **changes)
