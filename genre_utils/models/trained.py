"""Networks that were trained on real music, and kept. Explained in notebooks 05 and 06."""

import json
import zipfile

import numpy as np

from .._store import results_folder

LAYOUT = 1  # raise it when trained weights are written in another way


def load_trained(name, folder=None):
    """A network with the weights that one kept run found.

    Parameters
    ----------
    name : str
        "inception_resnet" or "bbnn".
    folder : Path, optional
        That holds ``NAME.npz``; by default the kept results, which the package brings along.

    Returns
    -------
    model : keras.Model
    about : dict
        `genres` in the order of the outputs, `features` that the network was trained on, and `run`, the name and seed
        of the kept result that tells its scores.

    Raises
    ------
    FileNotFoundError
        If there are no such weights.
    ValueError
        If the file is damaged, of another layout, or the network gives other probabilities than when it was kept.

    References
    ----------
    Notebooks 05 and 06.
    """
    from . import build

    path = (folder or results_folder()) / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"no trained weights of {name}: {path} is not there")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            weights, expected = [arrays[f"w_{i}"] for i in range(about["n_weights"])], arrays["probabilities"]
        if about["layout"] != LAYOUT:
            raise ValueError(f"layout {about['layout']}, expected {LAYOUT}")
        model = build(about["network"], tuple(about["input_shape"]), len(about["genres"]), **about["options"])
        model.set_weights(weights)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} holds no weights for this version's {name} ({error})") from error
    if not np.allclose(model.predict(probe(model), verbose=0), expected, atol=1e-3):
        raise ValueError(f"{path.name}: the network does not give the probabilities that it gave when it was kept")
    return model, about


def probe(model):
    """An input that is the same everywhere, to see whether a network still is what it was.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    np.ndarray [shape=(1, n_frames, n_mels, 1)], float32
    """
    shape = model.input_shape[1:]
    return np.sin(np.arange(np.prod(shape), dtype="float32")).reshape(1, *shape)
