import pickle

import keras
import numpy as np
import pytest
import soundfile

from genre_utils import audio, augment, datasets, features, models, synthesis, training

SECONDS = 5.1


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    root = synthesis.write_fma(tmp_path_factory.mktemp("fma"), tracks_per_genre=2, seconds=6.0, n_jobs=2)
    return datasets.load("fma-small", root)


def skipped_of(recordings):
    skipped = recordings.report[recordings.report["status"] == "skipped"]
    return dict(zip(skipped["clip_id"], skipped["note"]))


def flat(batch):
    x, y = batch
    return [*(x if isinstance(x, tuple) else [x]), y]


def crops(tracks, model="fusion", augmented=True, **options):
    recordings = features.Recordings(tracks, None, models.input_configs(model, SECONDS), None)
    return features.Crops(recordings, np.arange(len(tracks)), 5, augmented, statistics=(0.0, 0.1), **options)


def middles(tracks, batch_size, augmented=False):
    recordings = features.Recordings(tracks, None, models.input_configs("baseline_a_1d", SECONDS), None)
    return features.Crops(recordings, np.arange(len(tracks)), batch_size, augmented)


@pytest.mark.parametrize(
    "model", [name for name, network in models.NETWORKS.items() if network.paper.startswith("Fella")]
)
def test_batches_fit_the_network(model, tracks):
    shape = models.input_shape_of(models.input_configs(model, SECONDS))
    data = crops(tracks, model)
    assert len(data) == 4  # 16 tracks in batches of 5, and one left over
    *inputs, labels = flat(data[0])
    expected = shape if model == "fusion" else (shape,)
    assert [x.shape[1:] for x in inputs] == list(expected) and all(x.dtype == np.float32 for x in inputs)
    if model not in ("densenet121", "fusion"):  # test_pipeline trains these on crops
        training.check_data(models.build(model, shape, 8), *data[0])
    assert len(flat(data[3])[-1]) == 1
    assert labels.tolist() == tracks["label"].to_numpy()[data.rows(0)].tolist()


@pytest.mark.quick
def test_the_papers_sizes():
    assert models.input_shape_of(models.input_configs("fusion")) == ((160_000, 1), (224, 224, 1))
    assert models.input_shape_of(models.input_configs("baseline_b")) == (128, 513, 1)


@pytest.mark.quick
def test_every_clip_once_an_epoch_in_a_new_order(tracks):
    data = crops(tracks)
    orders = []
    for epoch in range(3):
        data.epoch = epoch
        orders.append(np.concatenate([data.rows(k) for k in range(len(data))]).tolist())
        assert sorted(orders[-1]) == list(range(16))
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.quick
def test_a_crop_follows_from_seed_epoch_and_row_alone(tracks):
    data = crops(tracks)
    first = flat(data[1])
    _ = data[2]
    data.epoch = 3
    copy = pickle.loads(pickle.dumps(data))  # as workers that are spawned get it
    assert all((a == b).all() for a, b in zip(flat(data[1]), flat(copy[1])))
    data.epoch = 0
    for again in (data, crops(tracks)):
        assert all((a == b).all() for a, b in zip(first, flat(again[1])))
    other_seed, other_epoch = crops(tracks, seed=1), crops(tracks)
    other_epoch.epoch = 1
    for other in (other_seed, other_epoch):
        assert (flat(other[1])[0] != first[0]).any()


@pytest.mark.quick
def test_held_out_crops_are_the_middle_and_stay_so(tracks):
    data = crops(tracks, "baseline_a_1d", augmented=False)
    x, y = data[0]
    data.epoch = 7
    np.testing.assert_array_equal(data[0][0], x)
    assert y.tolist() == tracks["label"].tolist()[:5]
    whole = audio.load(tracks["path"][0], 16_000)[0]
    start = round((audio.duration(tracks["path"][0]) - SECONDS) / 2 * 16_000)
    assert np.corrcoef(x[0, :, 0] * 0.1, whole[start : start + len(x[0])])[0, 1] > 0.99
    assert (x[0, :, 0] * 0.1).std() == pytest.approx(whole[start : start + len(x[0])].std(), rel=0.02)


@pytest.mark.quick
def test_both_inputs_of_the_fusion_are_of_the_same_crop(tracks):
    waves, mels, _ = flat(crops(tracks, "fusion")[0])
    config = features.preset("fma_densenet", SECONDS)
    for wave, mel in zip(waves, mels):
        loudness = [np.log(1e-9 + np.mean(part**2)) for part in np.array_split(wave[:, 0] * 0.1, len(mel))]
        below = mel[:, : features.PRESETS["fma_densenet"].n_mels * 8 // 10, 0].mean(axis=1)  # what 16 kHz still carry
        shifts = [np.corrcoef(np.roll(below, k), loudness)[0, 1] for k in range(len(mel))]
        assert np.argmax(shifts) in (0, 1, len(mel) - 1), shifts
    assert mels.shape[1:] == (*config.shape, 1)


def test_augmentation_is_that_of_the_paper(tracks, monkeypatch):
    changes = []
    draw = augment.draw
    monkeypatch.setattr(augment, "draw", lambda rng, p: changes.append(draw(rng, p)) or changes[-1])
    monkeypatch.setattr(features.Crops, "_inputs", lambda self, y: [y[:1]])
    data = crops(tracks, "baseline_a_1d")
    for data.epoch in range(25):
        for batch in range(len(data)):
            _ = data[batch]
    noise, speed = np.array([c.noise for c in changes]), np.array([c.speed for c in changes])
    assert len(changes) == 400
    for changed in (noise > 0, speed != 1):
        assert 0.4 < changed.mean() < 0.6
    assert noise.max() < 0.03 and 0.9 <= speed.min() < 0.92 and 1.08 < speed.max() <= 1.1


def train(tracks, out_dir=None, workers=1):
    keras.utils.set_random_seed(0)
    model = models.build("baseline_a_1d", models.input_shape_of(models.input_configs("baseline_a_1d", SECONDS)), 8)
    recipe = models.Recipe(epochs=2, learning_rate=1e-3, lr_patience=None, stop_patience=None)
    held_out = crops(tracks, "baseline_a_1d", augmented=False)
    history = training.fit(model, crops(tracks, "baseline_a_1d"), recipe, held_out, out_dir, workers=workers)
    return [history["loss"], history["val_loss"]], model.get_weights()


@pytest.fixture(scope="module")
def trained(tracks):
    return train(tracks)


def test_workers_make_no_difference(tracks, trained):
    losses, weights = train(tracks, workers=2)
    assert losses == trained[0]
    assert all((a == b).all() for a, b in zip(weights, trained[1]))


def test_a_killed_training_goes_on_with_the_same_crops(tracks, trained, tmp_path, monkeypatch):
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        write = training._write_checkpoint

        def write_and_die(*state):
            write(*state)
            raise KeyboardInterrupt

        context.setattr(training, "_write_checkpoint", write_and_die)
        train(tracks, tmp_path)
    losses, weights = train(tracks, tmp_path)
    assert losses == trained[0]
    assert all((a == b).all() for a, b in zip(weights, trained[1]))


def test_part_of_a_file_is_that_part(tmp_path):
    rng = np.random.default_rng(0)
    y = np.convolve(rng.normal(0, 0.1, 4 * 22_050), np.ones(8) / 8, "same")
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, y, 22_050)
        whole = audio.load(tmp_path / name)[0]
        np.testing.assert_array_equal(audio.load_segment(tmp_path / name, 1.5, 2.0), whole[33_075 : 33_075 + 44_100])
        assert audio.duration(tmp_path / name) == 4.0
    mp3 = tmp_path / "a.mp3"
    for mode, rate in (("CONSTANT", 44_100), ("VARIABLE", 22_050)):
        soundfile.write(mp3, y, rate, format="MP3", bitrate_mode=mode)
        whole = audio.load(mp3, rate, min_seconds=1)[0]
        for start in rng.uniform(0, 1, 20):
            begin = int(start * rate)
            np.testing.assert_allclose(
                audio.load_segment(mp3, start, 0.5, rate), whole[begin : begin + int(rate / 2)], atol=1e-6
            )


def test_part_of_a_resampled_file_is_that_part(tmp_path):
    t = np.arange(6 * 44_100) / 44_100
    soundfile.write(tmp_path / "chirp.wav", 0.5 * np.sin(2 * np.pi * (100 * t + 500 * t**2)), 44_100, subtype="FLOAT")
    whole = audio.load(tmp_path / "chirp.wav", 16_000)[0]
    part = audio.load_segment(tmp_path / "chirp.wav", 2.0, 3.0, 16_000)
    assert len(part) == 48_000
    # Only at its ends, where the resampler misses what lies outside, is it another.
    np.testing.assert_allclose(part[100:-100], whole[32_100:79_900], atol=1e-3)
    assert np.abs(part - whole[32_000:80_000]).max() < 0.5


def test_short_clips_are_padded_and_damaged_ones_named(tmp_path, tracks):
    short = tmp_path / "short.wav"
    soundfile.write(short, np.full(int(4.5 * 22_050), 0.1), 22_050)
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound at all" * 100)
    index = tracks.head(3).assign(
        path=[tracks["path"][0], str(short), str(broken)], clip_id=["fine", "short", "broken"]
    )
    config = models.input_configs("baseline_a_1d", SECONDS)
    recordings = features.scan(index, config)
    usable, skipped = recordings.index, skipped_of(recordings)
    assert usable["clip_id"].tolist() == ["fine", "short"] and list(skipped) == ["broken"]
    mean, std = recordings.statistics([0, 1])
    assert np.isfinite(mean) and std > 0
    x, _ = middles(usable, 2)[0]
    assert (x[1, -4000:] == 0).all() and (x[1, 16_000:20_000] != 0).all()
    with pytest.raises(audio.AudioError, match="broken: cannot be decoded"):
        middles(index, 3, augmented=True)[0]
    with pytest.raises(ValueError, match="none of the 1 clips"):
        features.scan(index.tail(1), config)


@pytest.mark.parametrize("name", ["cut.mp3", "cut.flac"])
def test_clips_that_are_cut_short_are_found_before_the_training(name, tmp_path, tracks):
    soundfile.write(tmp_path / name, np.random.default_rng(0).normal(0, 0.1, 6 * 44_100), 44_100)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 3 // 5])
    index = tracks.head(2).assign(path=[tracks["path"][0], str(tmp_path / name)], clip_id=["fine", "cut"])
    recordings = features.scan(index, models.input_configs("baseline_a_1d", 2.0))
    assert recordings.index["clip_id"].tolist() == ["fine"]
    assert skipped_of(recordings)["cut"].startswith(("cut short: 3.", "cannot be decoded"))


def test_statistics_are_those_of_the_rows_asked_for(tracks):
    recordings = features.scan(tracks, models.input_configs("baseline_a_1d", SECONDS), n_jobs=2)
    x = middles(tracks.head(4), 4)[0][0].ravel()
    assert recordings.statistics(np.arange(4)) == pytest.approx((x.mean(), x.std()), rel=1e-3, abs=1e-6)
    assert recordings.statistics(np.arange(4, 16)) != pytest.approx((x.mean(), x.std()), rel=1e-3)


@pytest.mark.quick
def test_inputs_that_do_not_belong_together_are_refused(tracks):
    long, short = models.input_configs("baseline_a_1d", 6), models.input_configs("densenet121", 5)
    with pytest.raises(ValueError, match="5 and 6 s long, expected one length"):
        features.scan(tracks, (long, short))
    with pytest.raises(ValueError, match="'training' is for waveforms"):
        features.scan(tracks, features.preset("fma_densenet", standardise="training"))
    with pytest.raises(ValueError, match="no sound to crop"):
        features.scan(tracks.assign(dataset="precomputed"), long)
