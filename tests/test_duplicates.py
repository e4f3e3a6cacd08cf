import shutil
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import real
from scipy.signal import lfilter, resample_poly

from genre_utils import audio, datasets, synthesis
from genre_utils.datasets import duplicates, gtzan

SR = synthesis.SR


def save(folder, clips, sr=SR, form="wav"):
    """Index of some clips, written as files."""
    rows = []
    for clip_id, y in clips.items():
        path = folder / f"{clip_id}.{form}"
        soundfile.write(path, y, sr)
        rows.append((clip_id, str(path), "made here"))
    return pd.DataFrame(rows, columns=["clip_id", "path", "dataset"])


def pairs_of(found):
    return {frozenset(pair) for pair in zip(found["clip_a"], found["clip_b"])}


@pytest.fixture(scope="module")
def band():
    """Eight pieces by one artist, who has one drum kit."""
    return {f"song{i}": synthesis.render("reggae", 11, 10.0, artist=1, clip=i) for i in range(8)}


@pytest.fixture(scope="module")
def noise():
    return 0.01 * np.random.default_rng(0).standard_normal(10 * SR)


def test_finds_the_planted_truth(tmp_path):
    root = synthesis.write(tmp_path, clips_per_genre=10, seconds=7.0, seed=123, n_jobs=2)
    index = datasets.load("synthetic", root, clips_per_genre=10, seconds=7.0, seed=123)
    truth = pd.read_csv(root / "ground_truth.csv", keep_default_na=False).set_index("clip_id")
    family = truth["of"].where(truth["of"] != "", truth.index)
    expected = {frozenset(pair) for clips in truth.groupby(family).groups.values() for pair in combinations(clips, 2)}
    found = duplicates.find(index, n_jobs=2)
    assert len(expected) >= 7 and pairs_of(found) == expected and len(found) == len(expected)
    altered = truth["fault"] == "altered replica"
    exact = ~(altered[found["clip_a"]].to_numpy() | altered[found["clip_b"]].to_numpy())
    assert (found["score"][exact] == 1).all() and found["score"][~exact].between(0.2, 0.99).all()
    assert list(found.attrs["skipped"]) == truth.index[truth["fault"] == "damaged"].tolist()


@pytest.mark.parametrize(
    "alter, lag",
    [
        (lambda y, noise: y, 0),
        (lambda y, noise: 0.2 * y, 0),
        (lambda y, noise: y + noise, 0),
        (lambda y, noise: lfilter([0.3, -0.6, 0.1], [1], y), 0),
        (lambda y, noise: y[SR // 7 + 1 :], 1 / 7),
        (lambda y, noise: np.r_[noise[: 2 * SR], y], -2),
        (lambda y, noise: 0.4 * (y + noise)[3 * SR + 555 :], 3 + 555 / SR),
    ],
    ids=["copy", "level", "noise", "equaliser", "shift", "begins earlier", "all of it"],
)
def test_altered_copy_and_its_offset(band, noise, tmp_path, alter, lag):
    clips = band | {"copy": alter(band["song3"], noise)}
    found = duplicates.find(save(tmp_path, clips))
    assert pairs_of(found) == {frozenset(("song3", "copy"))}
    assert found["clip_a"][0] == "song3"
    assert found["offset_seconds"][0] == pytest.approx(lag, abs=0.03)
    swapped = duplicates.find(save(tmp_path, dict(reversed(clips.items()))))
    assert swapped["clip_b"][0] == "song3"
    assert swapped["offset_seconds"][0] == pytest.approx(-lag, abs=0.03)
    assert swapped["score"][0] == pytest.approx(found["score"][0], abs=0.05)


def test_other_rate_and_format(band, tmp_path):
    small = resample_poly(band["song5"], 1, 2)
    index = pd.concat([save(tmp_path, band), save(tmp_path, {"small": small}, SR // 2, "mp3")])
    assert pairs_of(duplicates.find(index)) == {frozenset(("song5", "small"))}


def test_one_artist_is_no_replica(band, tmp_path):
    index = save(tmp_path, band)
    assert duplicates.find(index).empty
    assert list(duplicates.find(index).columns) == ["clip_a", "clip_b", "score", "offset_seconds"]


def test_overlap_counts_from_five_seconds(band, tmp_path):
    y = synthesis.render("jazz", 3, 16.0, artist=2)
    for begin, expected in ((4, 1), (7, 0)):
        index = save(tmp_path, band | {"one": y[: 10 * SR], "two": y[begin * SR :]})
        assert len(duplicates.find(index)) == expected


def test_many_copies_of_one_clip(band, tmp_path):
    copies = {f"copy{i}": band["song0"] for i in range(60)}
    found = duplicates.find(save(tmp_path, {"song1": band["song1"]} | copies))
    assert set(found["clip_a"]) | set(found["clip_b"]) == set(copies)


def test_blocks_make_no_difference(band, noise, tmp_path, monkeypatch):
    index = save(tmp_path, band | {f"copy{i}": y + noise for i, y in enumerate(band.values())})
    found = duplicates.find(index)
    monkeypatch.setattr(duplicates, "BLOCK", 3)
    pd.testing.assert_frame_equal(duplicates.find(index), found)
    assert len(found) == len(band)


def test_unreadable_clips_are_told(band, tmp_path):
    index = save(tmp_path, {name: band[name] for name in ("song0", "song1")})
    (tmp_path / "song0.wav").write_bytes(b"no sound")
    assert "cannot be decoded" in duplicates.find(index).attrs["skipped"]["song0"]
    (tmp_path / "song1.wav").unlink()
    with pytest.raises(ValueError, match="none of the 2 clips can be read, for example .*song0"):
        duplicates.find(index)


def test_needs_sound():
    index = pd.DataFrame({"clip_id": ["a"], "path": ["x.npz"], "dataset": ["precomputed"]})
    with pytest.raises(ValueError, match="use a collection of files"):
        duplicates.find(index)


def test_peaks_of_a_tone():
    y = np.zeros(duplicates.SR, np.float32)
    y[4000:6000] = np.sin(2 * np.pi * 1000 * np.arange(2000) / duplicates.SR) * np.hanning(2000)
    frames, bins = duplicates.peaks(y)
    assert (round(5000 / duplicates.HOP), round(1000 * duplicates.N_FFT / duplicates.SR)) in set(zip(frames, bins))
    assert len(frames) <= duplicates.PEAKS_PER_SECOND
    assert [len(part) for part in duplicates.peaks(np.zeros(duplicates.SR, np.float32))] == [0, 0]


def test_landmarks_do_not_depend_on_when():
    frames, bins = np.array([0, 3, 9, 200]), np.array([40, 60, 20, 40])
    hashes, times = duplicates.landmarks(frames, bins)
    assert sorted(times) == [0, 0, 3] and len(set(hashes)) == 3
    later, times_later = duplicates.landmarks(frames + 17, bins)
    assert (later == hashes).all() and (times_later == times + 17).all()
    assert set(duplicates.landmarks(frames, bins + 1)[0]).isdisjoint(hashes)


@pytest.mark.parametrize("folder", [real("gtzan_clips")])
def test_real_clips(folder, tmp_path):
    index = datasets.load("gtzan", folder)
    assert duplicates.find(index).empty
    rng, altered = np.random.default_rng(1), {}
    for clip_id, path in zip(index["clip_id"][::4], index["path"][::4]):
        y = 0.3 * audio.load(path)[0][round(rng.uniform(0, 3) * SR) :]
        altered[f"altered {clip_id}"] = y + 0.03 * y.std() * rng.standard_normal(len(y))
    found = duplicates.find(pd.concat([index, save(tmp_path, altered)]), n_jobs=2)
    assert pairs_of(found) == {frozenset((name, name.removeprefix("altered "))) for name in altered}


def test_files_with_the_same_bytes(collection):
    assert duplicates.find_exact(datasets.load("gtzan", collection)).empty
    blues, pop = collection / "genres" / "blues", collection / "genres" / "pop"
    for copy in (blues / "blues.00007.wav", pop / "pop.00008.wav"):
        shutil.copy(blues / "blues.00001.wav", copy)
    (pop / "pop.00009.wav").touch()
    (pop / "pop.00010.wav").touch()
    pairs = duplicates.find_exact(datasets.load("gtzan", collection))
    assert pairs.to_numpy().tolist() == [
        ["blues.00001", "blues.00007"],
        ["blues.00001", "pop.00008"],
        ["blues.00007", "pop.00008"],
    ]


def test_recordings_are_what_pairs_connect():
    index = pd.DataFrame({"clip_id": list("abcdef")})
    pairs = pd.DataFrame([("b", "a"), ("d", "c"), ("a", "d")], columns=["clip_a", "clip_b"])
    groups = duplicates.recordings(index, pairs)
    assert groups[list("abcd")].nunique() == 1 and groups.nunique() == 3 and groups.index.tolist() == list("abcdef")
    assert duplicates.recordings(index, pairs.head(0)).tolist() == list("abcdef")


def test_equal_hashes():
    found = duplicates.equal_hashes({"c": "1", "a": "1", "b": "2", "d": None, "e": None})
    assert found.to_numpy().tolist() == [["a", "c"]] and list(found.columns) == ["clip_a", "clip_b"]
    assert duplicates.equal_hashes({}).empty


def test_identical_files_of_the_original_gtzan():
    try:
        hashes = gtzan.md5s()
    except ImportError as error:
        pytest.skip(str(error))
    assert len(hashes) == 1000
    pairs = duplicates.equal_hashes(hashes)
    assert len(pairs) == 14
    assert ("metal.00058", "rock.00016") in set(pairs.itertuples(index=False, name=None))
