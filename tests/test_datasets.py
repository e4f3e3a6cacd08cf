import shutil

import numpy as np
import pytest
import soundfile
from conftest import real, tone

from genre_utils import datasets, features


def test_index_of_a_folder_of_genres(collection):
    index = datasets.load("gtzan", collection)
    assert list(index.columns) == datasets.COLUMNS
    assert index["clip_id"].tolist()[:5] == ["blues.00000", "blues.00001", "blues.00002", "blues.00003", "metal.00000"]
    assert datasets.genres(index) == ["blues", "metal", "pop"]
    assert index["label"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert "12 clips, 3 genres" in datasets.source(index)


def test_layout_format_and_stray_files_do_not_matter(collection, tmp_path):
    expected = datasets.load("gtzan", collection)["clip_id"].tolist()
    other = tmp_path / "deeper" / "genres_original"
    for path in (collection / "genres").rglob("*.wav"):
        to = other / path.parent.name / path.with_suffix(".au").name
        to.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(to, *soundfile.read(path))
    for stray in (".DS_Store", "blues/desktop.ini", "blues.mf", "blues/._blues.00000.au"):
        (other / stray).write_bytes(b"stray")
    for root in (tmp_path / "deeper", other):
        assert datasets.load("gtzan", root)["clip_id"].tolist() == expected


def test_clips_per_genre_takes_the_first(collection):
    assert datasets.load("gtzan", collection, clips_per_genre=2)["clip_id"].str[-1].tolist() == ["0", "1"] * 3


def test_names_with_spaces_accents_and_quotes(tmp_path):
    for genre in ("rock 'n' roll", "Música"):
        folder = tmp_path / "c" / genre
        folder.mkdir(parents=True)
        soundfile.write(folder / f"{genre[0]} “b” é 音.wav", tone(), 22_050)
    index = datasets.load("gtzan", tmp_path / "c")
    assert datasets.genres(index) == ["música", "rock 'n' roll"]
    assert features.extract(index, features.preset("bbnn", 3), tmp_path / "s.zarr").report["status"].eq("used").all()


@pytest.mark.parametrize(
    "name, make, error, message",
    [
        ("gtzan", lambda p: p / "none", FileNotFoundError, "no such data_dir"),
        ("gtzan", lambda p: p, FileNotFoundError, "is empty"),
        ("gtzan", lambda p: (p / "a.txt").write_text("x") and p, ValueError, "no genre folders with sound"),
        ("gtzan", lambda p: (p / "a.txt").write_text("x") and p / "a.txt", ValueError, "is a file"),
        ("gtzan", lambda p: "", FileNotFoundError, "needs its data_dir"),
        ("nope", lambda p: p, ValueError, "unknown dataset 'nope'; known: gtzan"),
        ("precomputed", lambda p: (p / "a.npz").write_text("x") and p / "a.npz", ValueError, "is no npz file"),
        ("precomputed", lambda p: p, ValueError, "is no npz file"),
    ],
)
def test_bad_roots_are_refused(tmp_path, name, make, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name, make(tmp_path))


def test_one_genre_two_collections_and_doubled_ids_are_refused(collection):
    genres = collection / "genres"
    with pytest.raises(ValueError, match="expected 0|at least 1"):
        datasets.load("gtzan", collection, clips_per_genre=0)
    shutil.copytree(genres, collection / "copy")
    with pytest.raises(ValueError, match="holds 2 collections"):
        datasets.load("gtzan", collection)
    shutil.rmtree(collection / "copy")
    soundfile.write(genres / "pop" / "pop.00000.flac", tone(), 22_050)
    with pytest.raises(ValueError, match="clip ids stand for two files each, for example pop.00000"):
        datasets.load("gtzan", collection)
    shutil.rmtree(genres / "pop")
    shutil.rmtree(genres / "metal")
    with pytest.raises(ValueError, match="'blues' only"):
        datasets.load("gtzan", collection)


def test_fingerprint_follows_the_files_not_the_folder(collection, tmp_path):
    shutil.copytree(collection, tmp_path / "copy")
    same = datasets.fingerprint(datasets.load("gtzan", tmp_path / "copy"))
    assert datasets.fingerprint(datasets.load("gtzan", collection)) == same
    soundfile.write(tmp_path / "copy" / "genres" / "pop" / "pop.00000.wav", tone(), 22_050, subtype="PCM_24")
    assert datasets.fingerprint(datasets.load("gtzan", tmp_path / "copy")) != same


def test_precomputed_levels_become_decibels(tmp_path):
    arrays = {"clip_id": np.array(["b.1", "a.1"]), "label": np.array([1, 0]), "genres": np.array(["a", "b"])}
    level = np.random.default_rng(0).integers(0, 64, (2, 70, 40), dtype=np.uint8)
    quantised = {"level": level, "range_db": np.array([64.0, 128.0]), "floor_db": np.array([-70.0, -60.0])}
    np.savez(tmp_path / "a.npz", **arrays, **quantised)
    index = datasets.load("precomputed", tmp_path / "a.npz")
    assert index["clip_id"].tolist() == ["a.1", "b.1"]
    x = features.extract(index, features.PRESETS["bbnn"]).x
    np.testing.assert_allclose(x[0], (level[1] + 0.5) * 2 - 60, rtol=1e-6)
    np.testing.assert_allclose(x[1], level[0] + 0.5 - 70, rtol=1e-6)

    np.savez(tmp_path / "b.npz", **arrays, log_mel=x[::-1])
    again = features.extract(datasets.load("precomputed", tmp_path / "b.npz"), features.PRESETS["bbnn"]).x
    np.testing.assert_array_equal(again, x)
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(ValueError, match="lacks floor_db, level, range_db"):
        datasets.load("precomputed", tmp_path / "c.npz")


@pytest.mark.parametrize("path", [real("gtzan_logmel.npz")])
def test_real_precomputed_log_mels(path):
    index = datasets.load("precomputed", path)
    assert len(index) == 999 and len(datasets.genres(index)) == 10
    assert features.extract(index.head(20), features.PRESETS["bbnn"]).x.shape == (20, 387, 128)
