from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import real
from scipy.signal import lfilter, resample_poly

from genre_utils import audio, datasets, replicas
from genre_utils.datasets import synthetic

SR = synthetic.SR


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
    return {f"song{i}": synthetic.render("reggae", 11, 10.0, artist=1, clip=i) for i in range(8)}


@pytest.fixture(scope="module")
def noise():
    return 0.01 * np.random.default_rng(0).standard_normal(10 * SR)


def test_finds_the_planted_truth(tmp_path):
    root = synthetic.write(tmp_path, clips_per_genre=10, seconds=7.0, seed=123, n_jobs=2)
    index = datasets.load("synthetic", root, clips_per_genre=10, seconds=7.0, seed=123)
    truth = pd.read_csv(root / "ground_truth.csv", keep_default_na=False).set_index("clip_id")
    family = truth["of"].where(truth["of"] != "", truth.index)
    expected = {frozenset(pair) for clips in truth.groupby(family).groups.values() for pair in combinations(clips, 2)}
    found = replicas.find(index, n_jobs=2)
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
    found = replicas.find(save(tmp_path, clips))
    assert pairs_of(found) == {frozenset(("song3", "copy"))}
    assert found["clip_a"][0] == "song3"
    assert found["offset_seconds"][0] == pytest.approx(lag, abs=0.03)
    swapped = replicas.find(save(tmp_path, dict(reversed(clips.items()))))
    assert swapped["clip_b"][0] == "song3"
    assert swapped["offset_seconds"][0] == pytest.approx(-lag, abs=0.03)
    assert swapped["score"][0] == pytest.approx(found["score"][0], abs=0.05)


def test_other_rate_and_format(band, tmp_path):
    small = resample_poly(band["song5"], 1, 2)
    index = pd.concat([save(tmp_path, band), save(tmp_path, {"small": small}, SR // 2, "mp3")])
    assert pairs_of(replicas.find(index)) == {frozenset(("song5", "small"))}


def test_one_artist_is_no_replica(band, tmp_path):
    index = save(tmp_path, band)
    assert replicas.find(index).empty
    assert list(replicas.find(index).columns) == ["clip_a", "clip_b", "score", "offset_seconds"]


def test_overlap_counts_from_five_seconds(band, tmp_path):
    y = synthetic.render("jazz", 3, 16.0, artist=2)
    for begin, expected in ((4, 1), (7, 0)):
        index = save(tmp_path, band | {"one": y[: 10 * SR], "two": y[begin * SR :]})
        assert len(replicas.find(index)) == expected


def test_many_copies_of_one_clip(band, tmp_path):
    copies = {f"copy{i}": band["song0"] for i in range(60)}
    found = replicas.find(save(tmp_path, {"song1": band["song1"]} | copies))
    assert set(found["clip_a"]) | set(found["clip_b"]) == set(copies)


def test_blocks_make_no_difference(band, noise, tmp_path, monkeypatch):
    index = save(tmp_path, band | {f"copy{i}": y + noise for i, y in enumerate(band.values())})
    found = replicas.find(index)
    monkeypatch.setattr(replicas, "BLOCK", 3)
    pd.testing.assert_frame_equal(replicas.find(index), found)
    assert len(found) == len(band)


def test_unreadable_clips_are_told(band, tmp_path):
    index = save(tmp_path, {name: band[name] for name in ("song0", "song1")})
    (tmp_path / "song0.wav").write_bytes(b"no sound")
    assert "cannot be decoded" in replicas.find(index).attrs["skipped"]["song0"]
    (tmp_path / "song1.wav").unlink()
    with pytest.raises(ValueError, match="none of the 2 clips can be read, for example .*song0"):
        replicas.find(index)


def test_needs_sound():
    index = pd.DataFrame({"clip_id": ["a"], "path": ["x.npz"], "dataset": ["precomputed"]})
    with pytest.raises(ValueError, match="use a collection of files"):
        replicas.find(index)


def test_peaks_of_a_tone():
    y = np.zeros(replicas.SR, np.float32)
    y[4000:6000] = np.sin(2 * np.pi * 1000 * np.arange(2000) / replicas.SR) * np.hanning(2000)
    frames, bins = replicas.peaks(y)
    assert (round(5000 / replicas.HOP), round(1000 * replicas.N_FFT / replicas.SR)) in set(zip(frames, bins))
    assert len(frames) <= replicas.PEAKS_PER_SECOND
    assert [len(part) for part in replicas.peaks(np.zeros(replicas.SR, np.float32))] == [0, 0]


def test_landmarks_do_not_depend_on_when():
    frames, bins = np.array([0, 3, 9, 200]), np.array([40, 60, 20, 40])
    looks, times = replicas.landmarks(frames, bins)
    assert sorted(times) == [0, 0, 3] and len(set(looks)) == 3
    later, times_later = replicas.landmarks(frames + 17, bins)
    assert (later == looks).all() and (times_later == times + 17).all()
    assert set(replicas.landmarks(frames, bins + 1)[0]).isdisjoint(looks)


@pytest.mark.parametrize("folder", [real("gtzan_clips")])
def test_real_clips(folder, tmp_path):
    index = datasets.load("gtzan", folder)
    assert replicas.find(index).empty
    rng, altered = np.random.default_rng(1), {}
    for clip_id, path in zip(index["clip_id"][::4], index["path"][::4]):
        y = 0.3 * audio.load(path)[0][round(rng.uniform(0, 3) * SR) :]
        altered[f"altered {clip_id}"] = y + 0.03 * y.std() * rng.standard_normal(len(y))
    found = replicas.find(pd.concat([index, save(tmp_path, altered)]), n_jobs=2)
    assert pairs_of(found) == {frozenset((name, name.removeprefix("altered "))) for name in altered}
