"""The networks, one file a family. Explained in notebooks 04 to 08.

Every layer's name is ``part.layer``, so that `describe` can group the layers by the parts a paper names.
"""

from . import bbnn, inception_resnet
from .describe import describe, part_of

_BUILDERS = {"bbnn": bbnn.build, "inception_resnet": inception_resnet.build}


def names():
    """Names that `build` takes.

    Returns
    -------
    list of str
    """
    return sorted(_BUILDERS)


def build(name, input_shape=(647, 128, 1), n_classes=10, **options):
    """A new network with random weights.

    Parameters
    ----------
    name : str
        One of `names`.
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``; `n_frames` may be None for spectrograms of any length.
    n_classes : int
        Number of genres, two or more.
    **options
        What a paper leaves open, as arguments of the network's own `build`.

    Returns
    -------
    keras.Model
        Its output is the probability of each genre, of shape (n_clips, n_classes). Not compiled.

    Raises
    ------
    ValueError
        For an unknown name, or an input or a number of classes that the network cannot have.
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(names())}")
    if n_classes < 2:
        raise ValueError(f"n_classes is {n_classes}; a classifier needs two or more")
    return _BUILDERS[name](tuple(input_shape), n_classes, **options)


__all__ = ["build", "describe", "names", "part_of"]
