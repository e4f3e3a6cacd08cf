"""Log-mels that were computed elsewhere, in one npz file. Used in notebook 10.

The file holds `clip_id` [n], `label` [n], `genres` [n_genres], in alphabetical order, and either

- `log_mel` [n, n_frames, n_mels]: levels in dB; or
- `level` [n, n_frames, n_mels]: levels in 64 steps, with `range_db` and `floor_db` [n]:
  dB = (level + 0.5) / 64 · range_db + floor_db.

It may also hold `split` [n], each "training", "validation", "test" or empty, and `artist` [n].
"""

from pathlib import Path

import numpy as np
import pandas as pd

from .._store import read_npz

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
    found = read_npz(root, "clip_id", "label", "genres", "split", "artist")
    levels = {"log_mel"} if "log_mel" in found else {"level", "range_db", "floor_db"}
    if missing := ({"clip_id", "label", "genres"} | levels) - found.keys():
        raise ValueError(f"{root} lacks {', '.join(sorted(missing))}; it holds {', '.join(sorted(found))}")
    clip_id, label, genres = (found[name] for name in ("clip_id", "label", "genres"))
    told = {name: found[name].astype(str) for name in ("split", "artist") if name in found}
    lists = clip_id.ndim == label.ndim == genres.ndim == 1 and label.dtype.kind in "iu"
    if not lists or not 0 < len(clip_id) == len(label) or not 0 <= label.min() <= label.max() < len(genres):
        sizes = f"{clip_id.size} clip ids, {label.size} labels and {genres.size} genres"
        raise ValueError(f"the {sizes} of {root} do not fit together")
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
    found = read_npz(Path(root), "log_mel", "level", "range_db", "floor_db")
    x, *scales = (found[name] for name in (["log_mel"] if "log_mel" in found else ["level", "range_db", "floor_db"]))
    if x.ndim != 3 or len(x) <= rows.max() or any(a.shape != (len(x),) for a in scales) or x.dtype.kind not in "fiu":
        raise ValueError(f"{root}: expected log-mels of shape (n, n_frames, n_mels), found {x.shape} of {x.dtype}")
    x = x[rows].astype(np.float32)
    if scales:
        scale, floor = (values[rows, None, None].astype(np.float32) for values in scales)
        x = (x + 0.5) / STEPS * scale + floor
    if not np.isfinite(x).all():
        raise ValueError(f"{root}: NaN or infinite levels")
    return x
