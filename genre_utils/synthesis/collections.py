"""Collections of synthetic clips as files, with GTZAN's faults planted. Explained in notebooks 01 and 12."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.io import wavfile

from .._store import write_atomically
from ..papers import FMA_FAULTY
from .band import GENRES, SR, render
from .styles import STYLES

VERSION = 1  # raise it when the same seed gives other sound
# FMA's genres, and which style plays them; of two, each plays for half of the artists. Where no style fits, as for
# "Experimental", "Instrumental" and "International", the name promises more than the sound keeps.
FMA_GENRES = {
    "Electronic": ("disco",),
    "Experimental": ("jazz",),
    "Folk": ("country", "blues"),
    "Hip-Hop": ("hiphop",),
    "Instrumental": ("classical",),
    "International": ("reggae",),
    "Pop": ("pop",),
    "Rock": ("rock", "metal"),
}
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
    _begin(root, settings)
    if (root / "ground_truth.csv").exists():
        return root
    truth = _cast(clips_per_genre, seed, faults)
    recordings = truth.index[~truth["fault"].isin(["exact replica", "altered replica"])]
    copies = {clip: truth[truth["of"] == truth["clip_id"][clip]] for clip in recordings}
    Parallel(n_jobs=n_jobs)(
        delayed(_record)(root, clip, truth.loc[clip], copies[clip], seconds, seed) for clip in recordings
    )
    columns = ["clip_id", "genre", "true_genre", "artist", "fault", "of"]
    write_atomically(root / "ground_truth.csv", truth[columns].to_csv(index=False, lineterminator="\n").encode())
    _tidy(root)
    return root


def write_fma(root, tracks_per_genre=10, seconds=30.0, seed=0, n_jobs=1):
    """Write a collection in fma_small's layout.

    Tracks are mp3 files in folders of a thousand, ``fma_small/000/000002.mp3``; ``fma_metadata/tracks.csv`` has FMA's
    two header rows and tells genre, artist and part: of ten artists of a genre eight are for training and one each for
    validation and test. Beside them lie the six broken tracks, under their published numbers: three of 0.5 to 1.6 s,
    three without audio. Killed and called again, it goes on; a finished folder is left as it is.

    Parameters
    ----------
    root : str or Path
        A folder of its own, new or begun by the same call.
    tracks_per_genre : int
        From 1 to 1,000.
    seconds : float
        Length of the tracks.
    seed : int
    n_jobs : int
        Processes, as joblib counts them.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    ValueError
        If a setting is out of range, or `root` holds other files or a collection with other settings.
    """
    if not 1 <= tracks_per_genre <= 1000 or not 0.5 <= seconds <= 600 or seed < 0:
        raise ValueError(f"tracks_per_genre is {tracks_per_genre}, seconds {seconds} and seed {seed}; "
                         "expected 1 to 1,000, 0.5 to 600, and at least 0")  # fmt: skip
    root = Path(root).resolve()
    _begin(root, {"version": VERSION, "tracks_per_genre": tracks_per_genre, "seconds": float(seconds), "seed": seed})
    tracks_csv = root / "fma_metadata" / "tracks.csv"
    if tracks_csv.exists():
        return root
    tracks = _programme(tracks_per_genre, seed)
    Parallel(n_jobs=n_jobs)(
        delayed(_press)(_fma_path(root, row.track_id), row.style, seed, seconds, row.number, clip)
        for clip, row in enumerate(tracks.itertuples())
    )
    for clip, (track_id, length) in enumerate(FMA_FAULTY.items(), start=len(tracks)):
        _press(_fma_path(root, track_id), "rock", seed, length, None, clip)
    broken = pd.DataFrame({"track_id": list(FMA_FAULTY), "genre": "Rock", "artist": 0, "part": "training"})
    write_atomically(tracks_csv, _tracks_csv(pd.concat([tracks, broken])).encode())
    _tidy(root)
    return root


def _begin(root, settings):
    """Take a folder for a collection with these settings; a file of them is what marks it as synthetic."""
    held = [path.name for path in root.glob("[!.]*")]
    if (root / "settings.json").exists():
        found = json.loads((root / "settings.json").read_text())
        if found != settings:
            raise ValueError(f"{root} holds a collection made with {found}, not {settings}; "
                             "choose another folder or remove this one")  # fmt: skip
    elif held:
        raise ValueError(f"{root} holds other files ({', '.join(held[:3])}); choose a folder of its own")
    else:
        write_atomically(root / "settings.json", json.dumps(settings).encode())


def _tidy(root):
    for left_over in root.glob("**/.*.part"):
        left_over.unlink(missing_ok=True)


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
        write_atomically(paths[0], b"RIFF\x00\x00\x00\x00WAVE" + rng.bytes(50_000))
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
        write_atomically(path, file.getvalue())


def _fma_path(root, track_id):
    return root / "fma_small" / track_id[:3] / f"{track_id}.mp3"


def _programme(tracks_per_genre, seed):
    """Who plays what in an fma_small: one row a track, numbered with gaps as the real ones are."""
    rng = np.random.default_rng((seed, len(FMA_GENRES)))
    n_artists = min(tracks_per_genre, max(10, tracks_per_genre // 5))
    rows = []
    for g, (genre, styles) in enumerate(FMA_GENRES.items()):
        for k in np.arange(tracks_per_genre) % n_artists:
            part = {8: "validation", 9: "test"}.get(k % 10, "training")
            rows.append((genre, styles[k % len(styles)], 1 + k, 1 + g * n_artists + k, part))
    tracks = pd.DataFrame(rows, columns=["genre", "style", "number", "artist", "part"])
    numbers = [
        f"{n:06d}" for n in 2 + np.arange(len(rows) + len(FMA_FAULTY)) * (155_000 // (len(rows) + len(FMA_FAULTY)))
    ]
    numbers = [number for number in numbers if number not in FMA_FAULTY][: len(rows)]
    tracks = tracks.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    return tracks.assign(track_id=numbers)


def _press(path, style, seed, seconds, artist, clip):
    """Write one track as mp3; a track of no seconds is a tag that no sound follows."""
    if path.exists():
        return
    file = io.BytesIO()
    if seconds:
        import soundfile

        soundfile.write(file, render(style, seed, seconds, artist, clip), SR, format="MP3")
    else:
        file.write(b"ID3\x03\x00\x00\x00\x00\x07\x76" + bytes(1014))
    write_atomically(path, file.getvalue())


def _tracks_csv(tracks):
    """FMA's table, of which the loader's columns are filled: a row of groups, a row of names, a row for the index."""
    tracks = tracks.sort_values("track_id")
    table = pd.DataFrame(
        {
            ("artist", "id"): tracks["artist"],
            ("artist", "name"): "Artist " + tracks["artist"].astype(str),
            ("set", "split"): tracks["part"],
            ("set", "subset"): "small",
            ("track", "genre_top"): tracks["genre"],
        }
    )
    table.index = pd.Index(tracks["track_id"].astype(int), name="track_id")
    return table.to_csv(lineterminator="\n")
