import hashlib
import io
import json
import os
import shutil
import sys
import types
import zipfile

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import REAL_DATA, real, tone

from genre_utils import audio, datasets, features, synthesis
from genre_utils.datasets import fma, gtzan
from genre_utils.papers import FMA_FAULTY

pytestmark = pytest.mark.quick


def test_index_of_a_folder_of_genres(collection):
    index = datasets.load("gtzan", collection)
    assert list(index.columns) == datasets.COLUMNS
    assert index["clip_id"].tolist()[:5] == ["blues.00000", "blues.00001", "blues.00002", "blues.00003", "metal.00000"]
    assert datasets.genres(index) == ["blues", "metal", "pop"]
    assert index["label"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert datasets.source(index) == "GTZAN (12 clips, 3 genres)"
    mine = index.assign(clip_id=index["clip_id"].str.replace("blues", "polka"))
    assert datasets.source(mine) == "clips from a folder of genres (12 clips, 3 genres)"
    assert datasets.source(mine.assign(dataset="fma-large")) == "fma-large (12 clips, 3 genres)"


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


def test_choose_takes_one_clip_of_a_genre(collection):
    index = datasets.load("gtzan", collection)
    assert datasets.choose(index, "metal")["clip_id"] == "metal.00000"
    assert datasets.choose(index, "")["clip_id"] == "blues.00000"
    last = datasets.choose(index, "pop", 3)
    assert (last["clip_id"], last["genre"]) == ("pop.00003", "pop")
    for genre, number, found in [("polka", 0, 0), ("pop", 4, 4), ("pop", -1, 4)]:
        message = f"no clip {number} among the {found} of '{genre}'; the genres are blues, metal, pop"
        with pytest.raises(ValueError, match=message):
            datasets.choose(index, genre, number)


def test_clips_per_genre_takes_the_first(collection):
    assert datasets.load("gtzan", collection, clips_per_genre=2)["clip_id"].str[-1].tolist() == ["0", "1"] * 3


def test_no_clips_per_genre_means_all_and_seconds_are_for_synthetic_sound_only(collection):
    index = datasets.load("gtzan", collection)
    for clips_per_genre in (None, 0):
        same = datasets.load("gtzan", collection, clips_per_genre, seconds=5.0)
        pd.testing.assert_frame_equal(same, index)
        assert same.attrs == {"left_out": {}}


@pytest.mark.parametrize(
    "clips_per_genre, seconds, made", [(0, 0, (10, 30.0)), (None, None, (10, 30.0)), (3, 4, (3, 4))]
)
def test_length_and_number_of_synthetic_clips(tmp_path, monkeypatch, clips_per_genre, seconds, made):
    small = synthesis.write(tmp_path, clips_per_genre=1, seconds=0.5)
    asked = []
    monkeypatch.setattr(synthesis, "write", lambda root, *settings: asked.append(settings) or small)
    index = datasets.load("synthetic", None, clips_per_genre, seconds, seed=5)
    assert asked == [(*made, 5, 1, True)]
    assert len(index) == 10 and index.attrs["left_out"] == {}


def test_the_home_folder_is_found(collection, monkeypatch):
    monkeypatch.setenv("HOME", str(collection.parent))
    monkeypatch.setenv("USERPROFILE", str(collection.parent))
    assert len(datasets.load("gtzan", f"~/{collection.name}")) == 12


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
        ("nope", lambda p: p, ValueError, "unknown dataset 'nope'; known: fma-small, gtzan"),
        ("precomputed", lambda p: (p / "a.npz").write_text("x") and p / "a.npz", ValueError, "is no npz file"),
        ("precomputed", lambda p: p, ValueError, "is no npz file"),
    ],
)
def test_bad_roots_are_refused(tmp_path, name, make, error, message):
    with pytest.raises(error, match=message):
        datasets.load(name, make(tmp_path))


def test_one_genre_two_collections_and_doubled_ids_are_refused(collection):
    genres = collection / "genres"
    with pytest.raises(ValueError, match="expected at least 1, or 0 for all"):
        datasets.load("gtzan", collection, clips_per_genre=-1)
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
    x = datasets.precomputed.read(index)
    np.testing.assert_allclose(x[0], (level[1] + 0.5) * 2 - 60, rtol=1e-6)
    np.testing.assert_allclose(x[1], level[0] + 0.5 - 70, rtol=1e-6)

    np.savez(tmp_path / "b.npz", **arrays, log_mel=x[::-1])
    again = datasets.precomputed.read(datasets.load("precomputed", tmp_path / "b.npz"))
    np.testing.assert_array_equal(again, x)
    wide = features.extract(index, features.preset("bbnn", top_db=130.0)).x
    np.testing.assert_array_equal(wide, x)  # 128 dB, which the usual floor of 80 dB would cut
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(ValueError, match="lacks floor_db, level, range_db"):
        datasets.load("precomputed", tmp_path / "c.npz")


def test_precomputed_splits_and_artists(tmp_path):
    arrays = {"clip_id": np.array(["b.1", "a.1", "a.2"]), "label": np.array([1, 0, 0]), "genres": np.array(["a", "b"])}
    arrays["log_mel"] = np.zeros((3, 7, 4))
    told = {"split": np.array(["test", "", "training"]), "artist": np.array(["Å", "B", ""])}
    np.savez(tmp_path / "a.npz", **arrays, **told)
    index = datasets.load("precomputed", tmp_path / "a.npz")
    assert index["clip_id"].tolist() == ["a.1", "a.2", "b.1"]
    assert index["split"].tolist() == ["", "training", "test"] and index["artist"].tolist() == ["B", "", "Å"]
    np.savez(tmp_path / "b.npz", **arrays)
    plain = datasets.load("precomputed", tmp_path / "b.npz")
    assert plain["split"].eq("").all() and plain["artist"].eq("").all()
    assert datasets.fingerprint(plain) != datasets.fingerprint(index)
    shutil.copy(tmp_path / "a.npz", tmp_path / "c.npz")
    assert datasets.fingerprint(datasets.load("precomputed", tmp_path / "c.npz")) == datasets.fingerprint(index)
    for wrong, message in (
        ({"split": np.array(["test", "train", ""])}, "has the split 'train'; expected training, validation, test or"),
        ({"split": np.array(["test", ""])}, r"split in .* has the shape \(2,\), expected \(3,\) as clip_id has"),
        ({"artist": np.zeros((3, 2))}, r"artist in .* has the shape \(3, 2\)"),
    ):
        np.savez(tmp_path / "d.npz", **arrays, **wrong)
        with pytest.raises(ValueError, match=message):
            datasets.load("precomputed", tmp_path / "d.npz")


@pytest.mark.parametrize("path", [real("fma_small_logmel.npz")])
def test_real_precomputed_log_mels_of_fma_small(path):
    index = datasets.load("precomputed", path)
    assert datasets.genres(index) == list(fma.GENRES)
    assert index["split"].value_counts().to_dict() == {"training": 6393, "validation": 800, "test": 800}
    assert datasets.source(index) == "precomputed log-mels of fma_small (7,993 clips, 8 genres)"


@pytest.mark.parametrize("path", [real("gtzan_logmel.npz")])
def test_real_precomputed_log_mels(path):
    index = datasets.load("precomputed", path)
    assert len(index) == 999 and len(datasets.genres(index)) == 10
    assert datasets.source(index) == "precomputed log-mels of GTZAN (999 clips, 10 genres)"
    assert features.extract(index.head(20), features.PRESETS["bbnn"]).x.shape == (20, 387, 128)


def test_links_are_followed_and_damage_keeps_its_id(collection, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "pop"
    shutil.move(collection / "genres" / "pop", elsewhere)
    (collection / "genres" / "pop").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(collection / "genres")
    (elsewhere / "pop.00004.wav").symlink_to(tmp_path / "nowhere")
    (elsewhere / "pop.00005.wav").mkdir()
    index = datasets.load("gtzan", collection)
    assert len(index) == 14
    report = features.extract(index, features.preset("bbnn", 3), tmp_path / "s.zarr").report.set_index("clip_id")
    assert report["note"]["pop.00004"] == "is a link to nothing" and report["note"]["pop.00005"] == "is a folder"
    assert report["status"].value_counts().to_dict() == {"used": 12, "skipped": 2}


def test_a_folder_that_may_not_be_looked_into_is_no_empty_one(collection, monkeypatch):
    scandir = gtzan.os.scandir

    def refuse(path):
        if str(path).endswith("pop"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(gtzan.os, "scandir", refuse)
    with pytest.raises(PermissionError, match="cannot look into .*pop"):
        datasets.load("gtzan", collection)


def test_one_spelling_of_accents(tmp_path):
    for genre in ("Mu\u0301sica", "son"):  # as macOS writes it
        (tmp_path / "c" / genre).mkdir(parents=True)
        soundfile.write(tmp_path / "c" / genre / f"{genre} é.wav", tone(), 22_050)
    index = datasets.load("gtzan", tmp_path / "c")
    assert datasets.genres(index) == ["m\u00fasica", "son"] and index["clip_id"][0] == "M\u00fasica \u00e9"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode here")
def test_names_that_are_no_unicode(collection):
    path = collection / "genres" / "pop" / "pop.00000.wav"
    os.rename(path, os.fsencode(path.parent) + b"/caf\xe9.wav")
    index = datasets.load("gtzan", collection)
    (row,) = index.index[index["clip_id"] == "caf\ufffd"]
    assert audio.load(index["path"][row])[1].seconds == 3 and len(datasets.fingerprint(index)) == 12


def test_ids_and_folders_that_disagree_are_refused(collection):
    pop = collection / "genres" / "pop"
    (pop / "pop.00003.wav").rename(pop / "blues.00009.wav")
    with pytest.raises(ValueError, match="1 clips lie in another genre's folder .*blues.00009 in pop"):
        datasets.load("gtzan", collection)
    (pop / "blues.00009.wav").rename(pop / "polka.00009.wav")
    assert len(datasets.load("gtzan", collection)) == 12


@pytest.mark.parametrize("clips", [real("gtzan_clips")])
@pytest.mark.parametrize("suffix", ["au", "wav", "mp3"])
def test_real_clips_in_other_formats_one_deeper_among_stray_files(clips, suffix, tmp_path):
    root = tmp_path / "copy" / "Data" / "genres_original"
    for path in clips.rglob("*.flac"):
        to = root / path.parent.name / f"{path.stem}.{suffix}"
        to.parent.mkdir(parents=True, exist_ok=True)
        y, sr = soundfile.read(path, frames=3 * 22_050, dtype="int16")
        soundfile.write(to, y, sr)
    for stray in (".DS_Store", "desktop.ini", "blues.mf", "jazz/.DS_Store", "jazz/desktop.ini", "jazz/input.mf"):
        (root / stray).write_bytes(b"stray")
    (tmp_path / "copy" / "bextract_single.mf").write_bytes(b"stray")
    ids = datasets.load("gtzan", clips)["clip_id"].tolist()
    assert len(ids) == 20 and datasets.load("gtzan", tmp_path / "copy")["clip_id"].tolist() == ids


def test_synthetic_sound_says_so_by_every_name(tmp_path):
    synthesis.write(tmp_path, clips_per_genre=1, seconds=0.5)
    index = datasets.load("gtzan", tmp_path)
    assert set(index["dataset"]) == {"synthetic"} and datasets.source(index).startswith("synthetic sound")


@pytest.fixture
def md5s(collection, monkeypatch):
    """An index as mirdata's, of the clips of `collection`."""
    paths = sorted((collection / "genres").rglob("*.wav"))
    found = {path.stem: hashlib.md5(path.read_bytes()).hexdigest() for path in paths}
    monkeypatch.setattr(gtzan, "md5s", lambda: found)
    return found


def test_check_tells_originals_from_copies(collection, md5s):
    genres = collection / "genres"
    y, sr = soundfile.read(genres / "blues" / "blues.00000.wav", dtype="int16")
    soundfile.write(genres / "blues" / "blues.00000.flac", y, sr)
    soundfile.write(genres / "blues" / "blues.00001.mp3", y / 32768, sr)
    shutil.copy(genres / "metal" / "metal.00003.wav", genres / "metal" / "metal.00002.wav")
    (genres / "pop" / "pop.00001.wav").write_bytes(b"RIFF and then nothing of use")
    soundfile.write(genres / "pop" / "pop.00099.wav", y, sr)
    for name in ("blues/blues.00000.wav", "blues/blues.00001.wav", "pop/pop.00000.wav"):
        (genres / name).unlink()
    found = gtzan.check(datasets.load("gtzan", collection)).set_index("clip_id")
    changed = found[found["status"] != "original"]["status"].to_dict()
    assert changed == {
        "blues.00001": "re-encoded",
        "metal.00002": "other clip",
        "pop.00000": "missing",
        "pop.00001": "unreadable",
        "pop.00099": "unknown",
    }
    assert found["note"]["blues.00000"] == "the same samples as .flac"
    assert found["note"]["metal.00002"] == "the samples of metal.00003"
    assert "cannot be decoded" in found["note"]["pop.00001"] and found["note"]["blues.00002"] == ""


@pytest.fixture
def mirdata_index():
    try:
        return gtzan.md5s()
    except ImportError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("clips", [real("gtzan_clips")])
def test_real_clips_are_the_originals(clips, mirdata_index):
    found = gtzan.check(datasets.load("gtzan", clips))
    assert found["status"].value_counts().to_dict() == {"missing": 980, "original": 20}


def test_without_mirdata_the_extra_is_named(collection, monkeypatch):
    monkeypatch.setitem(sys.modules, "mirdata", None)
    for needs in (lambda: gtzan.check(datasets.load("gtzan", collection)), gtzan.md5s):
        with pytest.raises(ImportError, match=r"genre-utils\[data\]"):
            needs()
    newer = types.SimpleNamespace(index_path="nowhere/index.json")
    monkeypatch.setitem(sys.modules, "mirdata", types.SimpleNamespace(initialize=lambda *args, **options: newer))
    with pytest.raises(ImportError, match="comes without GTZAN's index"):
        gtzan.md5s()


def test_gtzan_mini_comes_through_mirdata(collection, tmp_path, monkeypatch):
    def initialize(name, data_home, version):
        def download(partial_download):
            assert (name, version, partial_download) == ("gtzan_genre", "mini", ["mini"])
            shutil.copytree(collection, data_home + "/gtzan_mini-main")

        return types.SimpleNamespace(download=download)

    monkeypatch.setitem(sys.modules, "mirdata", types.SimpleNamespace(initialize=initialize))
    root = datasets.fetch("gtzan-mini", tmp_path / "new" / "mini")
    index = datasets.load("gtzan-mini", root)
    assert len(index) == 12 and datasets.source(index) == "GTZAN mini (12 clips, 3 genres)"


def test_what_cannot_be_fetched_says_where_it_is(tmp_path):
    with pytest.raises(ValueError, match="Kaggle .*marsyas/gtzan.*gtzan.check"):
        datasets.fetch("gtzan", tmp_path)
    with pytest.raises(ValueError, match="'synthetic' cannot be downloaded; fma-small and gtzan-mini can"):
        datasets.fetch("synthetic", tmp_path)


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "train_filtered.txt").write_text("blues/blues.00000.wav\npop/pop.00001.wav\n")
    (folder / "valid_filtered.txt").write_text("blues/blues.00001.au\r\n")
    (folder / "test_filtered.txt").write_text("metal/metal.00003.wav")
    return folder


def test_partition_from_a_folder(collection, lists):
    index = datasets.load("gtzan", collection)
    parts = gtzan.partition(index, lists).set_index("clip_id")
    assert parts["split"][parts["split"] != ""].to_dict() == {
        "blues.00000": "training",
        "blues.00001": "validation",
        "metal.00003": "test",
        "pop.00001": "training",
    }
    assert set(parts["artist"]) == {""} and set(index["split"]) == {""}
    lines = (
        "blues.00000.wav ::: The Å. B. ::: A title",
        "blues.00001.wav ::: ::: ",
        "blues.00002.wav ::: the å. b. ::: ",
    )
    (lists / "artists_titles.txt").write_text("\n".join(lines))
    assert gtzan.partition(index, lists)["artist"].tolist()[:4] == ["The Å. B.", "", "The Å. B.", ""]


def test_bad_partitions_are_refused(collection, lists):
    index = datasets.load("gtzan", collection)
    with pytest.raises(ValueError, match="name none of the 12 clips; expected ids such as"):
        gtzan.partition(index.assign(clip_id="x" + index["clip_id"]), lists)
    (lists / "test_filtered.txt").write_text("blues/blues.00000.wav")
    with pytest.raises(ValueError, match="blues.00000 is in the lists for training and for test"):
        gtzan.partition(index, lists)
    (lists / "test_filtered.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no test_filtered.txt in"):
        gtzan.partition(index, lists)


def download(monkeypatch, contents):
    """Let pooch find these contents where it looks for addresses."""
    import pooch

    def retrieve(self, url, output_file, pooch, check_only=False):
        with open(output_file, "wb") as file:
            file.write(contents[url])

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", retrieve)


@pytest.mark.parametrize("folder", [real("gtzan_lists")])
def test_the_published_partition(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GENRE_UTILS_CACHE", str(tmp_path))
    index = datasets.load("precomputed", REAL_DATA / "gtzan_logmel.npz")
    contents = {gtzan.PARTITION + name: (folder / name).read_bytes() for name, _ in gtzan._LISTS.values()}
    download(monkeypatch, contents)
    downloaded = gtzan.partition(index)
    assert downloaded["split"].value_counts().to_dict() == {"training": 442, "test": 290, "validation": 197, "": 70}
    given = gtzan.partition(index, folder)
    assert given["split"].equals(downloaded["split"])
    assert given["artist"].eq("Bob Marley").sum() == 35
    known = given[(given["split"] != "") & (given["artist"] != "")]
    assert len(known) > 800 and known.groupby("artist")["split"].nunique().max() == 1

    download(monkeypatch, {url: content + b"blues/blues.00012.wav" for url, content in contents.items()})
    monkeypatch.setenv("GENRE_UTILS_CACHE", str(tmp_path / "other"))
    with pytest.raises(ValueError, match="SHA256 hash"):
        gtzan.partition(index)


@pytest.fixture(scope="module")
def fma_root(tmp_path_factory):
    return synthesis.write_fma(tmp_path_factory.mktemp("fma") / "ten", tracks_per_genre=10, seconds=2.5)


@pytest.fixture
def fma_copy(fma_root, tmp_path):
    return shutil.copytree(fma_root, tmp_path / "fma")


def test_fma_small(fma_root):
    index = datasets.load("fma-small", fma_root)
    assert len(index) == 80 and datasets.genres(index) == list(synthesis.FMA_GENRES)
    assert set(index["clip_id"]).isdisjoint(FMA_FAULTY) and index["clip_id"].str.fullmatch(r"\d{6}").all()
    assert index.groupby(["genre", "split"]).size().groupby("split").unique().map(list).to_dict() == {
        "training": [8], "validation": [1], "test": [1]}  # fmt: skip
    assert index.groupby("artist")["split"].nunique().max() == 1
    assert datasets.source(index).startswith("synthetic sound (80 clips, 8 genres)")
    pd.testing.assert_frame_equal(datasets.load("fma-small", fma_root / "fma_small"), index)
    few = features.extract(index.groupby("genre").head(1), features.MelConfig(n_samples=22_050), fma_root / ".s.zarr")
    assert few.report["status"].eq("used").all()


def test_the_six_broken_tracks_are_as_broken_as_fmas(fma_root):
    for track, seconds in FMA_FAULTY.items():
        with pytest.raises(audio.AudioError, match=f"{seconds:.2f} s of sound" if seconds else "no sound in it"):
            audio.load(fma_root / "fma_small" / track[:3] / f"{track}.mp3")


def test_real_fma_is_not_called_synthetic_and_other_subsets_are_passed_over(fma_copy):
    (fma_copy / "settings.json").unlink()
    tracks = fma_copy / "fma_metadata" / "tracks.csv"
    lines = tracks.read_text().splitlines()
    cells = lines[3].split(",")
    place = cells.index("small")
    tracks.write_text("\n".join([*lines, ",".join(["7", *cells[1:place], "medium", *cells[place + 1 :]])]))
    index = datasets.load("fma-small", fma_copy)
    assert set(index.attrs["left_out"]) == set(FMA_FAULTY)
    assert len(index) == 80 and datasets.source(index) == "fma_small (80 clips, 8 genres)"


def test_tracks_without_file_and_files_without_track_are_named(fma_copy):
    one, other = sorted(path for path in fma_copy.rglob("*.mp3") if path.stem not in FMA_FAULTY)[:2]
    one.unlink()
    other.rename(other.with_name("000001.mp3"))
    index = datasets.load("fma-small", fma_copy)
    left_out = index.attrs["left_out"]
    assert len(index) == 78 and set(left_out) == {one.stem, other.stem, "000001", *FMA_FAULTY}
    assert left_out[one.stem] == left_out[other.stem] == "tracks.csv lists it, and there is no such file"
    assert left_out["000001"] == "tracks.csv does not list it as a track of fma_small"
    assert left_out["098565"] == "one of the six corrupted tracks, with 1.6 s of sound"
    assert datasets.load("fma-small", fma_copy, clips_per_genre=1).attrs["left_out"] == left_out


@pytest.mark.parametrize(
    "harm, error, message",
    [
        (lambda root: (root / "fma_metadata" / "tracks.csv").unlink(), FileNotFoundError, "no fma_metadata/tracks.csv"),
        (lambda root: shutil.rmtree(root / "fma_small"), FileNotFoundError, "no sound in .*fma_small/000/000002.mp3"),
        (lambda root: (root / "fma_metadata" / "tracks.csv").write_text(""), ValueError, "is not FMA's tracks.csv"),
        (
            lambda root: (root / "fma_metadata" / "tracks.csv").write_bytes(b"PK\xff\xfe\x00" * 100),
            ValueError,
            "is not FMA's tracks.csv",
        ),
        (
            lambda root: (root / "fma_metadata" / "tracks.csv").write_text("track_id,genre\n2,Rock\n"),
            ValueError,
            "two header rows lack set.subset, set.split, artist.id, track.genre_top",
        ),
        (
            lambda root: (root / "fma_metadata" / "tracks.csv").write_text(
                "\n".join((root / "fma_metadata" / "tracks.csv").read_text().splitlines()[:3])
            ),
            ValueError,
            "lists no track of fma_small",
        ),
    ],
)
def test_broken_fma_is_refused(fma_copy, harm, error, message):
    harm(fma_copy)
    with pytest.raises(error, match=message):
        datasets.load("fma-small", fma_copy)


def test_fma_is_fetched_checked_and_unpacked_whole_or_not_at_all(fma_root, tmp_path, monkeypatch):
    contents, sha1 = {}, {}
    for name in fma.ARCHIVES:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for path in sorted((fma_root / name).rglob("*")):
                archive.write(path, path.relative_to(fma_root))
        contents[f"{fma.ADDRESS}{name}.zip"] = file.getvalue()
        sha1[name] = hashlib.sha1(file.getvalue()).hexdigest()
    download(monkeypatch, contents)
    root = tmp_path / "fetched"
    with pytest.raises(ValueError, match="SHA1 hash"):
        datasets.fetch("fma-small", root)
    assert not list(root.iterdir())

    monkeypatch.setattr(fma, "ARCHIVES", sha1)
    extract, done = zipfile.ZipFile.extract, []

    def dies(self, member, path):
        if len(done) == 40:
            raise KeyboardInterrupt
        done.append(extract(self, member, path))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(zipfile.ZipFile, "extract", dies)
        datasets.fetch("fma-small", root)
    assert not (root / "fma_small").exists()
    finished = {path: path.stat().st_mtime_ns for path in root.glob(".*/fma_small/*/*.mp3")}
    assert finished
    datasets.fetch("fma-small", root)
    kept = {path: (root / path.relative_to(root / ".fma_small.part")).stat().st_mtime_ns for path in finished}
    assert kept == finished and not list(root.glob(".*"))
    assert len(datasets.load("fma-small", root)) == 80
    contents.clear()
    datasets.fetch("fma-small", root)


def test_settings_of_other_kinds_mean_nothing(collection):
    for content in ("[1, 2]", "{", json.dumps({"version": 1})):
        (collection / "settings.json").write_text(content)
        assert set(datasets.load("gtzan", collection)["dataset"]) == {"gtzan"}
