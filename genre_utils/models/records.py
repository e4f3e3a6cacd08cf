"""What there is to know of a network: one record each. Explained in notebooks 04 to 09."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from .. import features, papers
from . import bbnn, fma, inception_resnet


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        At most so many passes over the training part.
    batch_size : int
    learning_rate : float
        Adam's initial learning rate.
    lr_factor : float
        The learning rate is multiplied by this when the monitored loss has not fallen for `lr_patience` epochs.
    lr_patience : int or None
        None keeps the learning rate.
    stop_patience : int or None
        Training stops when the monitored loss has not fallen for so many epochs; None never stops early.
    min_delta : float
        A smaller fall does not put off stopping. The learning rate is halved by Keras's own measure, 0.0001.
    monitor : {"loss", "val_loss"}
        The loss on the training part, or on the validation part, which the Inception-ResNet paper does not say.
    batch_norm_momentum : float or None
        Of batch normalisation's running averages; None keeps the network's own, Keras's 0.99. In a run of fewer than
        some hundred steps that is too high: the network is then judged with averages of its first steps.
    l2 : float
        So much of each weight is added to its gradient, as PyTorch's Adam does with `weight_decay`, with which the FMA
        study worked. Keras's optimizer argument of that name is AdamW's.
    weights : {"last", "best"}
        Which the trained network has: those of the last epoch, or those of the epoch with the lowest validation loss.
    jit : bool or None
        Compile with XLA; None does so where `training.device_defaults` expects it to be faster.
    steps_per_execution : int or None
        Training steps that the device takes without asking back; None lets `training.device_defaults` choose.

    Raises
    ------
    ValueError
        If a size is not positive, or `monitor` or `weights` is none of the above.

    References
    ----------
    Inception-ResNet paper, 4.3; FMA study, V; notebook 09.
    """

    epochs: int = 100
    batch_size: int = 8
    learning_rate: float = 0.01
    lr_factor: float = 0.5
    lr_patience: int | None = 3
    stop_patience: int | None = 5
    min_delta: float = 0.0
    monitor: str = "loss"
    batch_norm_momentum: float | None = None
    l2: float = 0.0
    weights: str = "last"
    jit: bool | None = None
    steps_per_execution: int | None = None

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise ValueError(f"epochs, batch_size and learning_rate must be positive: {self}")
        if self.monitor not in ("loss", "val_loss"):
            raise ValueError(f"monitor is 'loss' or 'val_loss', not {self.monitor!r}")
        if self.weights not in ("last", "best"):
            raise ValueError(f"weights is 'last' or 'best', not {self.weights!r}")


@dataclass(frozen=True)
class Network:
    """What builds a network, what it reads, how its paper trains it, and where that stands.

    Attributes
    ----------
    build : callable
        Takes `input_shape`, `n_classes` and what the paper leaves open.
    inputs : tuple of str
        Presets of `features.PRESETS`, one an input of the network, in their order.
    recipe : Recipe
    paper, section : str
        Where it is described.

    Raises
    ------
    ValueError
        If the recipe is none, or an input is no preset.
    """

    build: Callable
    inputs: tuple[str, ...]
    recipe: Recipe
    paper: str
    section: str

    def __post_init__(self):
        if not isinstance(self.recipe, Recipe):
            raise ValueError(f"the record of {self.build.__name__} has no recipe but {self.recipe!r}: give a Recipe")
        if unknown := set(self.inputs) - set(features.PRESETS) or not self.inputs:
            raise ValueError(f"the record of {self.build.__name__} reads {self.inputs}, expected presets: {unknown}")


# FMA study, V: the same for its five networks but for the batch, which memory limited.
_FMA = Recipe(
    epochs=20, batch_size=32, learning_rate=1e-4, lr_patience=None, stop_patience=None, l2=1e-4, weights="best"
)

NETWORKS = {
    "baseline_a_1d": Network(fma.build_baseline_a_1d, ("fma_waveform",), replace(_FMA, batch_size=16), papers.FMA, "V"),
    "baseline_a_2d": Network(fma.build_baseline_a_2d, ("fma_baseline",), _FMA, papers.FMA, "V"),
    "baseline_b": Network(fma.build_baseline_b, ("fma_baseline",), _FMA, papers.FMA, "V"),
    # The released code: as the Inception-ResNet paper, but for patience and min_delta of early stopping.
    "bbnn": Network(bbnn.build, ("bbnn",), Recipe(stop_patience=10, min_delta=0.01), papers.BBNN, "code"),
    "densenet121": Network(fma.build_densenet121, ("fma_densenet",), _FMA, papers.FMA, "V"),
    "fusion": Network(fma.build_fusion, ("fma_waveform", "fma_densenet"), replace(_FMA, batch_size=8), papers.FMA, "V"),
    # The monitored loss is not said in 4.3. BBNN's released code takes the training loss.
    "inception_resnet": Network(inception_resnet.build, ("inception_resnet",), Recipe(), papers.IRN, "3 and 4.3"),
}


def network(name):
    """The record of a network.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.

    References
    ----------
    Notebooks 04 to 09.

    Examples
    --------
    >>> from genre_utils import models
    >>> models.network("bbnn").inputs, models.network("bbnn").recipe.batch_size
    (('bbnn',), 8)
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name]


def input_configs(name, seconds=0, **changes):
    """How a clip becomes what a network reads: for `features.extract` and `features.scan`.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    seconds : float
        Length of a clip or crop; 0 takes the paper's.
    **changes
        Other attributes to change, such as `standardise`.

    Returns
    -------
    MelConfig or WaveformConfig or tuple of both
        A tuple for a network of several inputs.

    Raises
    ------
    ValueError
        For an unknown name.

    References
    ----------
    Notebooks 04 to 08.

    Examples
    --------
    >>> from genre_utils import models
    >>> models.input_configs("baseline_b").shape
    (128, 513)
    """
    configs = tuple(features.preset(preset, seconds, **changes) for preset in network(name).inputs)
    return configs if len(configs) > 1 else configs[0]


def input_shape_of(config):
    """Shape that `build` needs for clips of a configuration.

    Parameters
    ----------
    config : MelConfig or WaveformConfig or tuple of both

    Returns
    -------
    tuple
        ``(n_frames, n_mels, 1)``, ``(n_samples, 1)``, or a tuple of these.

    Examples
    --------
    >>> from genre_utils import models
    >>> models.input_shape_of(models.input_configs("fusion"))
    ((160000, 1), (224, 224, 1))
    """
    return tuple(map(input_shape_of, config)) if isinstance(config, tuple) else (*config.shape, 1)
