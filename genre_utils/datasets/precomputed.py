"""Log-mels that were computed elsewhere, in one npz file. Used in notebook 10.

The file holds `clip_id` [n], `label` [n], `genres` [n_genres], in alphabetical order, and either

- `log_mel` [n, n_frames, n_mels]: levels in dB; or
- `level` [n, n_frames, n_mels]: levels in 64 steps, with `range_db` and `floor_db` [n]:
  dB = (level + 0.5) / 64 · range_db + floor_db.

It may also hold `split` [n], each "training", "validation", "test" or empty, and `artist` [n].
"""

import zipfile

import numpy as np
import pandas as pd

STEPS = 64
SPLITS = ("training", "validation", "test", "")


def load(root):
    """Index of the clips of an npz file.

    Parameters
    ----------
    root : Path
        The file. Each clip's `path` is the file's, followed by ``#`` and its row.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `path`, `genre` and, where the file holds them, `split` and `artist`.

    Raises
    ------
    ValueError
        If the file is not such an npz, its arrays do not fit together, or a split is none of the four.
    """
    with _open(root) as arrays:
        names = set(arrays.files)
        levels = {"log_mel"} if "log_mel" in names else {"level", "range_db", "floor_db"}
        needed = {"clip_id", "label", "genres"} | levels
        if missing := needed - names:
            raise ValueError(f"{root} lacks {', '.join(sorted(missing))}; it holds {', '.join(sorted(names))}")
        clip_id, label, genres = (arrays[name] for name in ("clip_id", "label", "genres"))
        told = {name: arrays[name].astype(str) for name in ("split", "artist") if name in names}
    if len(clip_id) != len(label) or not len(label) or not 0 <= label.min() <= label.max() < len(genres):
        raise ValueError(
            f"the {len(clip_id)} clip ids, {len(label)} labels and {len(genres)} genres of {root} do not fit together"
        )
    for name, values in told.items():
        if values.shape != clip_id.shape:
            raise ValueError(f"{name} in {root} has the shape {values.shape}, expected {clip_id.shape} as clip_id has")
    unknown = set(told["split"].tolist()) - set(SPLITS) if "split" in told else None
    if unknown:
        raise ValueError(f"{root} has the split {min(unknown)!r}; expected training, validation, test or an empty one")
    index = {
        "clip_id": clip_id.astype(str),
        "path": [f"{root}#{row}" for row in range(len(clip_id))],
        "genre": genres[label].astype(str),
    }
    return pd.DataFrame(index | told)


def read(index):
    """Log-mels of the clips of an index.

    Parameters
    ----------
    index : pd.DataFrame
        From `load`, whole or in part.

    Returns
    -------
    np.ndarray [shape=(n, n_frames, n_mels)], float32
        Levels in dB.

    Raises
    ------
    ValueError
        If the arrays are not three-dimensional, or hold NaN.
    """
    root = index["path"].iloc[0].rpartition("#")[0]
    rows = index["path"].str.rpartition("#")[2].astype(int).to_numpy()
    with _open(root) as arrays:
        x = arrays["log_mel" if "log_mel" in arrays.files else "level"][rows].astype(np.float32)
        if x.ndim != 3:
            raise ValueError(f"{root}: expected log-mels of shape (n, n_frames, n_mels), found {x.shape}")
        if "log_mel" not in arrays.files:
            scale, floor = (arrays[name][rows, None, None].astype(np.float32) for name in ("range_db", "floor_db"))
            x = (x + 0.5) / STEPS * scale + floor
    if not np.isfinite(x).all():
        raise ValueError(f"{root}: NaN or infinite levels")
    return x


def _open(root):
    try:
        arrays = np.load(root, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{root} is no npz file of log-mels ({error})") from error
    if not hasattr(arrays, "files"):
        raise ValueError(f"{root} holds a single array; expected an npz of log-mels")
    return arrays
