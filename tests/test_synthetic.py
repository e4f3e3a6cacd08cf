import hashlib

import numpy as np
import pandas as pd
import pytest
import soundfile
from joblib import Parallel, delayed
from scipy import signal

from genre_utils import synthesis
from genre_utils.datasets import synthetic
from genre_utils.synthesis import band, collections, styles

SMALL = dict(clips_per_genre=10, seconds=1.0, seed=3)


def digests(root):
    return {str(p.relative_to(root)): hashlib.md5(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def times(root):
    return {p: p.stat().st_mtime_ns for p in root.rglob("*.wav")}


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return synthesis.write(tmp_path_factory.mktemp("synthetic") / "ten", **SMALL)


@pytest.fixture(scope="module")
def truth(collection):
    return pd.read_csv(collection / "ground_truth.csv", keep_default_na=False).set_index("clip_id")


def sound(root, clip_id):
    return soundfile.read(root / "genres" / clip_id.split(".")[0] / f"{clip_id}.wav")[0]


@pytest.mark.quick
@pytest.mark.parametrize("genre", synthesis.GENRES)
def test_render(genre):
    y = synthesis.render(genre, 7, 2.0)
    assert y.dtype == np.float32 and y.shape == (44100,)
    assert np.isfinite(y).all() and np.abs(y).max() < 1
    assert np.array_equal(y, synthesis.render(genre, 7, 2.0))
    for other in (dict(seed=8), dict(seed=7, clip=1), dict(seed=7, artist=1)):
        assert not np.array_equal(y, synthesis.render(genre, seconds=2.0, **other))


@pytest.mark.quick
def test_rates_and_lengths():
    assert synthesis.render("jazz", 1, 0.1).shape == (2205,)
    assert synthesis.render("jazz", 1, 1.0, sr=16000).shape == (16000,)


@pytest.mark.quick
def test_genres_are_gtzans_and_sound_different():
    assert synthesis.GENRES == tuple("blues classical country disco hiphop jazz metal pop reggae rock".split())
    sounds = [synthesis.render(genre, 1, 0.5) for genre in synthesis.GENRES]
    assert len({y.tobytes() for y in sounds}) == 10


@pytest.mark.quick
def test_unknown_genre_and_length():
    with pytest.raises(ValueError, match="unknown genre 'polka'; known: blues, .*rock"):
        synthesis.render("polka", 1)
    with pytest.raises(ValueError, match="seconds is 0"):
        synthesis.render("rock", 1, 0)
    with pytest.raises(ValueError, match="clips_per_genre is 0"):
        synthesis.write("nowhere", clips_per_genre=0)


@pytest.mark.quick
@pytest.mark.parametrize("genre", synthesis.GENRES)
def test_every_word_of_a_style_is_known(genre):
    style = styles.STYLES[genre]
    t = np.arange(8000, dtype=np.float32) / 22050
    kit = band._kit(t, 1.0, 1.0, 0.5, np.random.default_rng(0))
    for drums in style.drums:
        words = drums.split()
        assert set(words[::2]) <= set(kit) and all(set(pattern) <= set("xXo.") for pattern in words[1::2])
    for pattern in style.bass + style.comp + style.lead:
        assert set(pattern) <= set("x12356789.-")
    for token in " ".join(style.chords).replace("/", " ").split():
        root, chord = band._chord(token, 0)
        assert -1 <= root <= 11 and len(chord) >= 3
    assert set(style.bass_sounds + style.comp_sounds + style.lead_sounds) <= set(styles.TIMBRES)
    assert set(style.scales) <= set(styles.SCALES) and set(style.near) <= set(synthesis.GENRES) - {genre}


@pytest.mark.quick
def test_chords_and_patterns():
    assert band._chord("bVII7", 0) == (10, (0, 4, 7, 10))
    assert band._chord("ii7", 2) == (4, (0, 3, 7, 10))
    assert band._events("x-.o") == [(0.0, 0.5, "x"), (0.75, 0.25, "o")]
    assert band._events("xxxx", 0.5)[1] == (0.375, 0.25, "x")
    assert band._events("xxx", 0.5) == band._events("xxx")


def test_disco_keeps_its_tempo():
    librosa = pytest.importorskip("librosa")
    tempi = [float(librosa.feature.tempo(y=synthesis.render("disco", seed, 8.0), sr=22050)[0]) for seed in range(6)]
    assert sum(105 < tempo < 136 for tempo in tempi) >= 5


def test_artists_are_recognisable():
    def spectrum(artist, clip):
        _, _, power = signal.stft(synthesis.render("rock", 2, 6.0, artist, clip), nperseg=512)
        level = np.log10(np.mean(np.abs(power) ** 2, axis=1) + 1e-12)
        return level - level.mean()

    found = np.array([[spectrum(artist, clip) for clip in range(3)] for artist in range(1, 8)])
    away = np.linalg.norm(found[:, :, None, None] - found[None, None], axis=-1)
    one = np.eye(7, dtype=bool)[:, None, :, None] & np.ones((3, 1, 3), dtype=bool)
    assert away[one & (away > 0)].mean() < 0.9 * away[~one].mean()


@pytest.mark.quick
def test_layout_and_lengths(collection, truth):
    files = sorted(collection.glob("genres/*/*.wav"))
    assert [p.stem for p in files] == list(truth.index) and len(files) == 100
    for clip_id, row in truth[truth["fault"] != "damaged"].iterrows():
        info = soundfile.info(collection / "genres" / row["genre"] / f"{clip_id}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
        assert 29.9 / 30 - 0.001 <= info.duration <= 30.6 / 30 + 0.001
        assert 0 < np.abs(sound(collection, clip_id)).max() < 1


@pytest.mark.quick
def test_planted_faults(collection, truth):
    assert truth["fault"].value_counts().to_dict() == {
        "": 87, "mislabelled": 5, "exact replica": 5, "altered replica": 2, "damaged": 1}  # fmt: skip
    assert ((truth["true_genre"] != truth["genre"]) == (truth["fault"] == "mislabelled")).all()
    assert (truth["artist"].str.split("-").str[0] == truth["true_genre"]).all()
    assert (truth["artist"] == "reggae-01").sum() == 4
    assert ((truth["of"] != "") == truth["fault"].str.contains("replica")).all()
    for clip_id, row in truth[truth["of"] != ""].iterrows():
        assert truth["fault"][row["of"]] == "" and truth["artist"][row["of"]] == row["artist"]
        one, two = sound(collection, row["of"]), sound(collection, clip_id)
        assert np.array_equal(one, two) == (row["fault"] == "exact replica")
        match = signal.correlate(one, two, "full", "fft") / np.linalg.norm(one) / np.linalg.norm(two)
        assert match.max() > 0.8
    (damaged,) = truth.index[truth["fault"] == "damaged"]
    with pytest.raises(soundfile.LibsndfileError):
        sound(collection, damaged)
    others = {hashlib.md5(sound(collection, c).tobytes()).digest() for c in truth.index[truth["fault"] == ""]}
    assert len(others) == 87


@pytest.mark.quick
def test_proportions_in_a_full_collection():
    truth = collections._cast(100, 0, True)
    assert truth["fault"].value_counts().to_dict() == {
        "": 879, "mislabelled": 50, "exact replica": 50, "altered replica": 20, "damaged": 1}  # fmt: skip
    assert (truth["artist"] == "reggae-01").sum() == 35
    assert truth.groupby("genre")["artist"].nunique().min() >= 20


def test_faults_can_be_left_out():
    for clips, faults in ((9, True), (20, False)):
        truth = collections._cast(clips, 0, faults)
        assert set(truth["fault"]) == {""} and (truth["genre"] == truth["true_genre"]).all()
        assert truth.groupby("genre")["artist"].value_counts().max() <= 4


def test_equal_bytes_from_two_processes(collection, tmp_path):
    assert digests(synthesis.write(tmp_path / "two", **SMALL, n_jobs=2)) == digests(collection)


def test_two_calls_at_once(collection, tmp_path):
    Parallel(n_jobs=2)(delayed(synthesis.write)(tmp_path / "shared", **SMALL) for _ in range(2))
    assert digests(tmp_path / "shared") == digests(collection)


def test_goes_on_after_a_kill(collection, tmp_path, monkeypatch):
    made = []

    def dies(*args):
        if len(made) == 30:
            raise KeyboardInterrupt
        made.append(args)
        return band.render(*args)

    monkeypatch.setattr(collections, "render", dies)
    with pytest.raises(KeyboardInterrupt):
        synthesis.write(tmp_path / "killed", **SMALL)
    monkeypatch.undo()
    (tmp_path / "killed/genres/blues/.blues.00099.wav.1.part").write_bytes(b"half")
    before = times(tmp_path / "killed")
    assert 30 <= len(before) < 100 and not (tmp_path / "killed/ground_truth.csv").exists()
    assert digests(synthesis.write(tmp_path / "killed", **SMALL)) == digests(collection)
    assert before.items() <= times(tmp_path / "killed").items()


def test_reuse_and_refusal(collection, tmp_path):
    before = times(collection)
    synthesis.write(collection, **SMALL)
    assert times(collection) == before
    with pytest.raises(ValueError, match="choose another folder"):
        synthesis.write(collection, **SMALL | {"seed": 4})
    (tmp_path / "my.wav").write_bytes(b"precious")
    with pytest.raises(ValueError, match="holds other files"):
        synthesis.write(tmp_path, **SMALL)


def test_load(collection, truth, tmp_path):
    index = synthetic.load(collection, **SMALL)
    assert list(index.columns) == ["clip_id", "path", "genre", "artist"]
    assert list(index["artist"]) == list(truth["artist"]) and list(index["genre"]) == list(truth["genre"])
    assert all(path.endswith(f"{clip_id}.wav") for clip_id, path in zip(index["clip_id"], index["path"]))
    one, two = (synthetic.load(tmp_path, clips_per_genre=1, seconds=0.5, seed=seed) for seed in (0, 1))
    assert len(one) == len(two) == 10 and set(one["path"]).isdisjoint(two["path"])


def test_average_spectrum_tells_genres_apart_in_part_only():
    """A smaller form of benchmarks/synthetic.py, with bounds as wide as its chance asks for."""
    pytest.importorskip("sklearn")
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def means(genre, clip):
        _, _, power = signal.stft(synthesis.render(genre, 5, 4.0, 1 + clip % 5, clip), nperseg=512)
        db = 20 * np.log10(np.abs(power[:250]).reshape(50, 5, -1).mean(1) + 1e-6)
        return np.r_[db.mean(1), db.std(1)]

    x = [means(genre, clip) for genre in synthesis.GENRES for clip in range(20)]
    accuracy = cross_val_score(make_pipeline(StandardScaler(), SVC()), x, np.repeat(range(10), 20), cv=5).mean()
    assert 0.3 < accuracy < 0.8


FMA = dict(tracks_per_genre=2, seconds=0.5, seed=3)


@pytest.fixture(scope="module")
def fma_collection(tmp_path_factory):
    return synthesis.write_fma(tmp_path_factory.mktemp("fma") / "two", **FMA)


@pytest.mark.quick
def test_fma_layout(fma_collection):
    files = sorted(fma_collection.glob("fma_small/*/*.mp3"))
    assert len(files) == 2 * 8 + 6 and all(p.stem.isdigit() and p.parent.name == p.stem[:3] for p in files)
    assert len({p.parent for p in files}) > 5
    assert soundfile.info(files[0]).format == "MP3"
    header = (fma_collection / "fma_metadata" / "tracks.csv").read_text().splitlines()[:3]
    assert header == [",artist,artist,set,set,track", ",id,name,split,subset,genre_top", "track_id,,,,,"]
    table = pd.read_csv(fma_collection / "fma_metadata" / "tracks.csv", index_col=0, header=[0, 1])
    assert table.index.tolist() == [int(p.stem) for p in files]
    styles_played = {style for styles in synthesis.FMA_GENRES.values() for style in styles}
    assert styles_played == set(synthesis.GENRES)


def test_a_full_fma_programme():
    tracks = collections._programme(1000, 0)
    assert len(tracks) == 8000 and tracks["track_id"].is_unique and tracks["track_id"].str.len().eq(6).all()
    assert tracks["genre"].value_counts().unique().tolist() == [1000]
    assert tracks["part"].value_counts().to_dict() == {"training": 6400, "validation": 800, "test": 800}
    assert tracks.groupby("artist")["part"].nunique().max() == 1
    assert tracks.groupby("artist")["genre"].nunique().max() == 1


def test_fma_gives_equal_bytes_goes_on_and_is_refused_elsewhere(fma_collection, tmp_path):
    again = synthesis.write_fma(tmp_path / "again", **FMA, n_jobs=2)
    assert digests(again) == digests(fma_collection)
    gone = sorted(again.rglob("*.mp3"))[3]
    gone.unlink()
    (again / "fma_metadata" / "tracks.csv").unlink()
    assert digests(synthesis.write_fma(again, **FMA)) == digests(fma_collection)
    with pytest.raises(ValueError, match="choose another folder"):
        synthesis.write_fma(again, **FMA | {"seed": 4})
    with pytest.raises(ValueError, match="tracks_per_genre is 0"):
        synthesis.write_fma(tmp_path / "none", tracks_per_genre=0)
