"""What a cross-validation found, and what a reader needs to believe or repeat it. Explained in notebooks 10 and 11."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._store import write_atomically

LAYOUT = 2  # raise it when a result is written in another way
COLUMNS = ("clip_id", "fold", "label", "artist", "predicted")
DIGITS = 4
NEEDED = ("network", "data", "features", "recipe", "protocol", "splits", "seed", "precision", "backend", "versions")


class Result(NamedTuple):
    """What a cross-validation found.

    Attributes
    ----------
    predictions : pd.DataFrame
        A row a clip and test: `clip_id`, `fold` (number of the split), `label`, `artist` (empty where unknown),
        `predicted`, and the probabilities `p_0` to `p_k` with four digits, all given by a network that was not trained
        on the clip.
    history : pd.DataFrame
        A row a fold and epoch, as `training.fit` returns it, without the times. `val_loss` and `val_accuracy` are of
        the part that was evaluated after each epoch: of the test part itself, unless the weights were chosen on a
        validation part.
    about : dict
        `network` (name, options, parameters, paper), `data` (dataset, source in words, clips, fingerprint, genres),
        `features` (one configuration an input, shape, whether cropped, version of the extractor), `recipe`,
        `protocol`, `splits` (their sizes and fingerprint), `seed`, `precision`, `backend`, `device`,
        `seconds_per_epoch` and `versions`.

    References
    ----------
    Notebook 10.
    """

    predictions: pd.DataFrame
    history: pd.DataFrame
    about: dict

    @property
    def source(self):
        """Where the clips come from, in words, for captions."""
        return self.about["data"]["source"]

    @property
    def genres(self):
        """Names of the genres in the order of their labels."""
        return self.about["data"]["genres"]

    @property
    def right(self):
        """Whether each prediction is right [shape=(n_predictions,)], bool."""
        return (self.predictions["predicted"] == self.predictions["label"]).to_numpy()

    @property
    def probabilities(self):
        """Probability of each genre [shape=(n_predictions, n_genres)]."""
        return self.predictions[[f"p_{k}" for k in range(len(self.genres))]].to_numpy()


def save(result, path):
    """Write a result as one JSON file, which pandas alone reads.

    Parameters
    ----------
    result : Result
    path : str or Path
    """
    tables = {"predictions": result.predictions, "history": result.history}
    content = {"layout": LAYOUT, "about": result.about}
    content |= {name: table.to_dict("list") for name, table in tables.items()}
    write_atomically(Path(path).expanduser(), json.dumps(content, separators=(",", ":")))


def load(path):
    """Read a result again.

    Parameters
    ----------
    path : str or Path
        The ``result.json`` that `cross_validate` wrote, another name for it, or the folder that holds it.

    Returns
    -------
    Result

    Raises
    ------
    FileNotFoundError
        If there is none: the run has not finished, or went elsewhere.
    ValueError
        If the file is no result, or of an earlier layout; if a clip is tested twice in one split, a split lacks clips,
        a label has no genre, or the probabilities of a clip do not add up to 1 or speak for another genre than the
        prediction.

    References
    ----------
    Notebook 11.
    """
    path = Path(path).expanduser()
    path = path / "result.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: give the results_dir of a cross-validation that has finished")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, about = content.get("layout", 1), content["about"]
        predictions, history = pd.DataFrame(content["predictions"]), pd.DataFrame(content["history"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no result of a cross-validation ({error})") from error
    if found != LAYOUT:
        raise ValueError(f"{path} has the layout {found}, expected {LAYOUT}: run the cross-validation again")
    if not isinstance(about, dict) or (lacks := [name for name in NEEDED if name not in about]):
        raise ValueError(f"{path} does not say its {', '.join(lacks) if isinstance(about, dict) else 'settings'}")
    result = Result(predictions, history, about)
    _check(result, path)
    return result


def _check(result, path):
    table = result.predictions
    try:
        names = [*COLUMNS, *(f"p_{k}" for k in range(len(result.genres)))]
        sizes = [size for *_, size in result.about["splits"]["sizes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not name its genres, or the sizes of its splits ({error})") from error
    if list(table) != names or not len(table):
        raise ValueError(f"{path}: predictions with {list(table)}, expected {names} and at least one row")
    p, label, predicted = table[names[len(COLUMNS) :]], table["label"], table["predicted"]
    if not all(map(pd.api.types.is_numeric_dtype, [label, predicted, table["fold"], *(p[name] for name in p)])):
        raise ValueError(f"{path}: labels, folds and probabilities are numbers; some are not")
    twice = table[table.duplicated(["clip_id", "fold"])]
    if len(twice):
        raise ValueError(f"{path}: {twice['clip_id'].iloc[0]} is tested twice in split {twice['fold'].iloc[0]}")
    n = len(result.genres)
    if not (label.between(0, n - 1).all() and predicted.between(0, n - 1).all()):
        raise ValueError(f"{path}: labels from {label.min()} to {label.max()}, expected 0 to {n - 1}, one a genre")
    probabilities, rounding = p.to_numpy(), 10.0**-DIGITS
    wrong = ~(np.abs(probabilities.sum(axis=1) - 1) < n * rounding) | (probabilities < 0).any(axis=1)
    if wrong.any():
        clip, total = table["clip_id"][wrong.argmax()], probabilities[wrong.argmax()].sum()
        raise ValueError(f"{path}: the probabilities of {wrong.sum()} clips do not add up to 1 ({clip}: {total:.4f})")
    taken = probabilities[np.arange(len(table)), predicted.astype(int)]
    unlike = taken < probabilities.max(axis=1) - 1.5 * rounding
    if unlike.any():
        raise ValueError(f"{path}: {table['clip_id'][unlike.argmax()]} is not predicted as its most probable genre")
    counts, sizes = table["fold"].value_counts(), dict(enumerate(sizes))
    for fold in sizes | dict(counts):
        if (found := counts.get(fold, 0)) != (size := sizes.get(fold, 0)):
            raise ValueError(f"{path}: {found} predictions of split {fold}, expected {size}")
