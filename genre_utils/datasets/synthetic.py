"""Music-like clips made from a seed, so that the book runs without a download. Explained in notebook 01.

Genres differ mostly in rhythm, harmony and form; their average spectra overlap on purpose, as those of music do. What a
network learns from them is no evidence about music.
"""

import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.io import wavfile

from .band import GENRES, SR, render
from .styles import STYLES

__all__ = ["GENRES", "load", "render", "write"]
VERSION = 1  # raise it when the same seed gives other sound
MAX_SHIFT = 3.0  # seconds, in clips of 30, by which an altered replica starts later at most


def write(root, clips_per_genre=10, seconds=30.0, seed=0, n_jobs=1, faults=True):
    """Write a collection in GTZAN's layout, with GTZAN's faults and a list of them.

    Clips lie in ``genres/<genre>/<genre>.00000.wav`` (22,050 Hz, mono, 16 bits). ``ground_truth.csv`` tells of each
    clip its artist, its true genre, its fault if any ("exact replica", "altered replica", "mislabelled", "damaged")
    and the clip that it is a replica ``of``. Killed and called again, it goes on; a finished folder is left as it is.

    Parameters
    ----------
    root : str or Path
        A folder of its own, new or begun by the same call.
    clips_per_genre : int
    seconds : float
        Length of the clips on average; like GTZAN's they differ by some tenths of a second.
    seed : int
    n_jobs : int
        Processes, as joblib counts them.
    faults : bool
        Plant the faults in the proportions that Sturm (2013) found in GTZAN; from ten clips a genre upwards.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    ValueError
        If a setting is out of range, or `root` holds other files or a collection with other settings.
    """
    if clips_per_genre < 1 or not 0.5 <= seconds <= 600 or seed < 0:
        raise ValueError(f"clips_per_genre is {clips_per_genre}, seconds {seconds} and seed {seed}; "
                         "expected at least 1, 0.5 to 600, and at least 0")  # fmt: skip
    root = Path(root).resolve()
    settings = {"version": VERSION, "clips_per_genre": clips_per_genre, "seconds": float(seconds), "seed": seed,
                "faults": bool(faults)}  # fmt: skip
    held = [path.name for path in root.glob("[!.]*")]
    if (root / "settings.json").exists():
        found = json.loads((root / "settings.json").read_text())
        if found != settings:
            raise ValueError(f"{root} holds a collection made with {found}, not {settings}; "
                             "choose another folder or remove this one")  # fmt: skip
    elif held:
        raise ValueError(f"{root} holds other files ({', '.join(held[:3])}); choose a folder of its own")
    if (root / "ground_truth.csv").exists():
        return root
    _write_whole(root / "settings.json", json.dumps(settings).encode())
    truth = _cast(clips_per_genre, seed, faults)
    recordings = truth.index[~truth["fault"].isin(["exact replica", "altered replica"])]
    copies = {clip: truth[truth["of"] == truth["clip_id"][clip]] for clip in recordings}
    Parallel(n_jobs=n_jobs)(
        delayed(_record)(root, clip, truth.loc[clip], copies[clip], seconds, seed) for clip in recordings
    )
    columns = ["clip_id", "genre", "true_genre", "artist", "fault", "of"]
    _write_whole(root / "ground_truth.csv", truth[columns].to_csv(index=False, lineterminator="\n").encode())
    for left_over in root.glob("**/.*.part"):
        left_over.unlink(missing_ok=True)
    return root


def load(root, clips_per_genre=10, seconds=30.0, seed=0, n_jobs=1, faults=True):
    """Index of a collection, which is written first if it is missing.

    Parameters
    ----------
    root : str or Path
        A folder that `write` has made, or one that shall hold such folders, one for each choice of settings.
    clips_per_genre, seconds, seed, n_jobs, faults
        As for `write`.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `path`, `genre` (the folder's, so wrong for mislabelled clips) and `artist`.
    """
    root = Path(root)
    if not (root / "settings.json").exists():
        name = f"{clips_per_genre}x{seconds:g}s-seed{seed}{'' if faults else '-faultless'}-v{VERSION}"
        root = root / name
    root = write(root, clips_per_genre, seconds, seed, n_jobs, faults)
    truth = pd.read_csv(root / "ground_truth.csv", keep_default_na=False)
    truth["path"] = [str(_path(root, clip_id)) for clip_id in truth["clip_id"]]
    return truth[["clip_id", "path", "genre", "artist"]]


def _path(root, clip_id):
    return root / "genres" / clip_id.split(".")[0] / f"{clip_id}.wav"


def _cast(clips_per_genre, seed, faults):
    """Who plays what in a collection, and which clips are faulty: one row a clip."""
    rng = np.random.default_rng((seed, len(GENRES)))
    n_artists = max(5, clips_per_genre // 5)
    plant = faults and clips_per_genre >= 10
    rows = []
    for genre in GENRES:
        numbers = 1 + np.arange(clips_per_genre) % n_artists
        if plant and genre == "reggae":  # Bob Marley plays 35 of GTZAN's 100
            numbers = np.maximum(1, 2 + np.arange(clips_per_genre) % (n_artists - 1))
            numbers[: round(0.35 * clips_per_genre)] = 1
        rows += [(f"{genre}.{i:05d}", genre, genre, k, "", "") for i, k in enumerate(rng.permutation(numbers))]
    truth = pd.DataFrame(rows, columns=["clip_id", "genre", "true_genre", "number", "fault", "of"])
    order, originals = iter(rng.permutation(len(truth))), set()
    share = {"damaged": 1 / len(truth), "mislabelled": 0.05, "exact replica": 0.05, "altered replica": 0.02}
    for fault, count in [(fault, round(part * len(truth))) for fault, part in share.items() if plant]:
        while count:
            clip = next(order)
            row = truth.loc[clip]
            if clip in originals or (row["genre"], row["number"]) == ("reggae", 1):
                continue
            if fault == "mislabelled":
                truth.loc[clip, "true_genre"] = rng.choice(STYLES[row["genre"]].near)
                truth.loc[clip, "number"] = rng.integers(2, n_artists + 1)
            elif fault != "damaged":
                same = (truth["genre"] == row["genre"]) & (truth["number"] == row["number"]) & (truth["fault"] == "")
                others = truth.index[same].drop(clip)
                if not len(others):
                    continue
                original = rng.choice(others)
                originals.add(original)
                truth.loc[clip, "of"] = truth.loc[original, "clip_id"]
            truth.loc[clip, "fault"] = fault
            count -= 1
    return truth.assign(artist=truth["true_genre"] + "-" + truth["number"].astype(str).str.zfill(2))


def _record(root, clip, row, copies, seconds, seed):
    """Write one recording and its replicas."""
    paths = [_path(root, clip_id) for clip_id in (row["clip_id"], *copies["clip_id"])]
    if all(path.exists() for path in paths):
        return
    rng = np.random.default_rng((seed, len(GENRES) + 1, clip))
    if row["fault"] == "damaged":
        _write_whole(paths[0], b"RIFF\x00\x00\x00\x00WAVE" + rng.bytes(50_000))
        return
    shift = round(rng.uniform(0.02, MAX_SHIFT / 30) * seconds * SR)
    n = round(rng.uniform(29.9, 30.6) / 30 * seconds * SR)
    y = render(row["true_genre"], seed, (n + shift) / SR, row["number"], clip)
    for path, fault in zip(paths, ("", *copies["fault"])):
        copy = y[:n]
        if fault == "altered replica":
            copy = 10 ** (rng.uniform(-8, -1) / 20) * y[shift:]
            copy = copy + 10 ** (rng.uniform(-45, -25) / 20) * copy.std() * rng.standard_normal(n)
        file = io.BytesIO()
        wavfile.write(file, SR, np.round(np.clip(copy, -1, 1) * 32767).astype(np.int16))
        _write_whole(path, file.getvalue())


def _write_whole(path, content):
    """Write a file so that it is there whole or not at all, whoever else writes the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    try:
        part.replace(path)
    except FileNotFoundError:  # tidied away by another process, which had finished
        if not path.exists():
            raise
