import os
import shutil
import signal
import subprocess
import sys
import time

import librosa
import numpy as np
import pytest
import soundfile
from conftest import real, tone

from genre_utils import audio, datasets, features

pytestmark = pytest.mark.quick

SHORT = features.preset("bbnn", 3)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("bbnn", (647, 128)),
        ("inception_resnet", (647, 128)),
        ("fma_baseline", (128, 513)),
        ("fma_densenet", (224, 224)),
    ],
)
def test_presets_have_the_papers_sizes(name, shape):
    config = features.PRESETS[name]
    assert config.shape == shape == features.log_mel(tone(), config).shape


@pytest.mark.parametrize("name", [name for name in features.PRESETS if name != "fma_waveform"])
def test_log_mel_equals_librosas_chain(name):
    c = features.PRESETS[name]
    y = np.random.default_rng(1).normal(0, 0.1, c.n_samples).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=y, sr=c.sr, n_fft=c.n_fft, hop_length=c.hop_length, win_length=c.win_length, n_mels=c.n_mels
    )
    expected = librosa.power_to_db(power, ref=np.max if c.ref == "max" else 1.0).T
    if c.standardise == "clip":
        expected = (expected - expected.mean()) / expected.std()
    got = features.log_mel(y, c)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-3)


@pytest.mark.parametrize("folder", [real("gtzan_clips")])
def test_real_clips_equal_librosas_chain(folder):
    index = datasets.load("gtzan", folder)
    x = features.extract(index, features.PRESETS["bbnn"]).x
    assert x.shape == (20, 647, 128) and x.dtype == np.float32
    for path, got in zip(index["path"], x):
        y = librosa.util.fix_length(librosa.load(path, sr=22_050)[0], size=661_794)
        mel = librosa.feature.melspectrogram(y=y, sr=22_050, n_fft=2_048, hop_length=1_024, n_mels=128)
        np.testing.assert_allclose(got, librosa.power_to_db(mel).T, atol=1e-3)


@pytest.mark.parametrize("y", [np.zeros((2, 100)), np.zeros(0), np.array([0.0, np.nan, 0.1])])
def test_log_mel_refuses_what_is_no_clip(y):
    with pytest.raises(ValueError, match="mono|NaN"):
        features.log_mel(y, SHORT)


@pytest.mark.parametrize(
    "change", [{"hop_length": 0}, {"win_length": 4_096}, {"ref": "median"}, {"standardise": "yes"}]
)
def test_impossible_configurations_are_refused(change):
    with pytest.raises(ValueError):
        features.MelConfig(**change)


def test_unknown_preset_lists_the_known():
    with pytest.raises(ValueError, match="unknown preset 'x'; known: bbnn, inception_resnet"):
        features.preset("x")


def test_store_is_filled_once_and_reports_the_skipped(collection, tmp_path, monkeypatch):
    (collection / "genres" / "pop" / "pop.00004.wav").write_bytes(b"no sound")
    soundfile.write(collection / "genres" / "pop" / "pop.00005.wav", np.zeros((110_250, 2)) + 0.1, 44_100)
    index = datasets.load("gtzan", collection)
    first = features.extract(index, SHORT, tmp_path / "s.zarr", n_jobs=2)
    report = first.report.set_index("clip_id")
    assert report.loc["pop.00004", "status"] == "skipped" and "cannot be decoded" in report.loc["pop.00004", "note"]
    assert report.loc["pop.00005", "note"].startswith("2 channels mixed to mono, resampled from 44,100 Hz")
    assert len(first.x) == len(first.index) == len(index) - 1
    for row, path in enumerate(first.index["path"]):
        np.testing.assert_allclose(first.x[row], features.log_mel(audio.load(path)[0], SHORT), atol=1e-4)
    np.testing.assert_array_equal(features.extract(index, SHORT, tmp_path / "t.zarr").x, first.x)

    monkeypatch.setattr(features.store, "log_mel", None)  # a second run that computes anything fails
    second = features.extract(index, SHORT, tmp_path / "s.zarr")
    np.testing.assert_array_equal(second.x, first.x)
    assert second.report.equals(first.report)


def test_waveforms_are_cut_padded_and_reported(collection):
    (collection / "genres" / "pop" / "pop.00004.wav").write_bytes(b"no sound")
    index = datasets.load("gtzan", collection)
    config = features.preset("fma_waveform", 3.1)
    got = features.extract(index, config)
    assert got.x.shape == (12, 49_600) and got.x.dtype == np.float32 and len(got.index) == 12
    assert got.report.set_index("clip_id").loc["pop.00004", "status"] == "skipped"
    assert got.report["note"].iloc[0] == "resampled from 22,050 Hz, padded by 0.1 s" and not got.x[0, 48_000:].any()
    np.testing.assert_array_equal(got.x[3], audio.load(index["path"][3], 16_000)[0][:49_600])
    with pytest.raises(ValueError, match="hold no waveforms"):
        features.extract(index.assign(dataset="precomputed"), config)


def test_store_of_other_clips_or_settings_is_refused(collection, tmp_path):
    index = datasets.load("gtzan", collection)
    features.extract(index, SHORT, tmp_path / "s.zarr")
    for other in ((index[::-1].reset_index(drop=True), SHORT), (index, features.preset("inception_resnet", 3))):
        with pytest.raises(ValueError, match="other clips or settings"):
            features.extract(*other, tmp_path / "s.zarr")


def test_no_usable_clip_is_an_error(collection, tmp_path):
    for path in collection.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 12 clips can be used"):
        features.extract(datasets.load("gtzan", collection), SHORT, tmp_path / "s.zarr")


def test_killed_extraction_goes_on_to_the_same_result(collection, tmp_path):
    index = datasets.load("gtzan", collection)
    expected = features.extract(index, SHORT, tmp_path / "whole.zarr")
    code = (
        "import time; from genre_utils import datasets, features as f; inner = f.store.log_mel\n"
        "f.store.log_mel = lambda *a: (time.sleep(0.2), inner(*a))[1]\n"
        f"f.extract(datasets.load('gtzan', {str(collection)!r}), f.preset('bbnn', 3), {str(tmp_path / 'cut.zarr')!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    notes = tmp_path / "cut.zarr" / "note" / "c"
    deadline = time.monotonic() + 60
    while not (notes.exists() and len(list(notes.iterdir())) >= 3):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(list(notes.iterdir())) < len(index)
    got = features.extract(index, SHORT, tmp_path / "cut.zarr")
    np.testing.assert_array_equal(got.x, expected.x)
    assert got.report.equals(expected.report)


def test_a_whole_store_is_read_without_its_chunks_of_notes(collection, tmp_path, monkeypatch):
    index, store = datasets.load("gtzan", collection), tmp_path / "s.zarr"
    first = features.extract(index, SHORT, store)
    shutil.rmtree(store / "note/c")
    with monkeypatch.context() as context:
        context.setattr(features.store, "_load_one", None)
        again = features.extract(index, SHORT, store)
    np.testing.assert_array_equal(again.x, first.x)
    assert again.report.equals(first.report)
    shutil.rmtree(store / "log_mel/c/3")  # as after a copy that was cut short
    np.testing.assert_array_equal(features.extract(index, SHORT, store).x, first.x)


def test_a_clip_that_could_not_be_read_is_tried_again(collection, tmp_path, monkeypatch):
    index, store = datasets.load("gtzan", collection), tmp_path / "s.zarr"
    load = features.store._load_one

    def fails(path, *settings):
        return (None, "skipped: too many open files") if path == index["path"][2] else load(path, *settings)

    with monkeypatch.context() as context:
        context.setattr(features.store, "_load_one", fails)
        partly = features.extract(index, SHORT, store)
        again = features.extract(index, SHORT, store)
    assert len(partly.x) == len(again.x) == len(index) - 1 and again.report.equals(partly.report)
    assert partly.report["note"][2] == "too many open files"
    whole = features.extract(index, SHORT, store)
    assert whole.report["status"].eq("used").all() and not np.isnan(whole.x).any()


def test_each_of_several_configurations_has_a_store(collection, tmp_path):
    index = datasets.load("gtzan", collection)
    other = features.preset("inception_resnet", 3)
    found = features.extract(index, (SHORT, other), tmp_path / "stores")
    for k, config in enumerate((SHORT, other)):
        assert (tmp_path / f"stores/{k}/zarr.json").is_file()
        np.testing.assert_array_equal(found.x[k], features.extract(index, config, tmp_path / f"stores/{k}").x)


def test_frames_of_an_odd_transform():
    for n_fft in (2047, 2048):
        config = features.MelConfig(n_samples=5_120, n_fft=n_fft, hop_length=1_024, n_mels=40)
        assert features.log_mel(tone(seconds=5_120 / 22_050, sr=22_050), config).shape == config.shape


def test_standardise():
    x = np.random.default_rng(0).normal(5, 3, (20, 30)).astype(np.float32)
    z = features.standardise(x)
    assert z.dtype == np.float32 and z.shape == x.shape
    assert z.mean() == pytest.approx(0, abs=1e-5) and z.std() == pytest.approx(1, abs=1e-5)
    assert np.allclose(features.standardise(x, 4.0, 2.0), (x - 4) / 2)
    assert (features.standardise(np.full(5, 3.0)) == 0).all()
    rows = features.standardise(x, axis=1)
    np.testing.assert_allclose(rows.mean(axis=1), 0, atol=1e-5)


def test_precomputed_log_mels_are_standardised_and_their_size_is_told(tmp_path):
    level = np.random.default_rng(0).normal(-40, 20, (4, 70, 40)).astype(np.float32)
    np.savez(tmp_path / "x.npz", log_mel=level, clip_id=list("abcd"), label=[0, 1, 0, 1], genres=["p", "q"])
    index = datasets.load("precomputed", tmp_path / "x.npz")
    got = features.extract(index, features.PRESETS["fma_densenet"])
    assert got.x.shape == (4, 70, 40) and got.x.dtype == np.float32
    np.testing.assert_allclose(got.x.mean(axis=(1, 2)), 0, atol=1e-4)
    assert got.report["note"][0] == "read as log-mels of 70 x 40, not 224 x 224"
    loud = features.extract(index, features.preset("bbnn", ref="max", top_db=30)).x
    assert loud.max() == 0 and loud.min() == -30


def test_a_clip_replaced_by_one_of_equal_size_and_time_is_extracted_again(collection):
    index = datasets.load("gtzan", collection)
    before = features.extract(index, SHORT).x
    path = index["path"].iloc[0]
    times = os.stat(path)
    soundfile.write(path, tone(soundfile.info(path).duration, hz=1_000), 22_050)
    assert os.stat(path).st_size == times.st_size
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = features.extract(index, SHORT).x
    assert np.abs(after[0] - before[0]).max() > 1
    np.testing.assert_array_equal(after[1:], before[1:])


def test_a_store_of_another_extractor_is_not_used(collection, tmp_path, monkeypatch):
    index = datasets.load("gtzan", collection)
    features.extract(index, SHORT, tmp_path / "s.zarr")
    monkeypatch.setattr(features.store, "EXTRACTOR", 99)
    with pytest.raises(ValueError, match="another extractor"):
        features.extract(index, SHORT, tmp_path / "s.zarr")
