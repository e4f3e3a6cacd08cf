import numpy as np
import pytest
import soundfile
from conftest import tone
from scipy import stats

from genre_utils import augment

pytestmark = pytest.mark.quick

SR = 16_000
DRAWS = 4_000


def rng(seed=0):
    return np.random.default_rng(seed)


def test_probabilities_and_bounds():
    changes = [augment.draw(rng) for rng in [rng()] for _ in range(DRAWS)]
    speed, noise = np.array(changes).T
    noisy, fast = noise > 0, speed != 1
    # Each count within what a fair coin gives in all but one of a million runs.
    for count, p in ((noisy.sum(), 0.5), (fast.sum(), 0.5), ((noisy & fast).sum(), 0.25)):
        assert stats.binomtest(int(count), DRAWS, p).pvalue > 1e-6
    assert stats.kstest(noise[noisy], "uniform", (0, 0.03)).pvalue > 1e-6
    assert stats.kstest(speed[fast], "uniform", (0.9, 0.2)).pvalue > 1e-6
    assert noise[noisy].max() < 0.03 and 0.9 <= speed.min() and speed.max() <= 1.1


def test_a_file_is_cut_anywhere_and_played_as_fast_as_drawn(tmp_path, monkeypatch):
    path, n = tmp_path / "a.wav", 3 * SR
    soundfile.write(path, tone(6.0, hz=1_000), 22_050)
    for seed in range(8):
        y = augment.augment(path, n, SR, rng(seed), p=1)
        peak = np.abs(np.fft.rfft(y * np.hanning(n))).argmax() / 3
        assert peak == pytest.approx(1_000 * augment.draw(rng(seed), p=1).speed, abs=1)
        assert len(y) == n and np.abs(y[-200:]).max() > 0.3
    starts, generator, silence = [], rng(), np.zeros(n, np.float32)
    monkeypatch.setattr(augment.audio, "load_segment", lambda path, start, *_: starts.append(start) or silence)
    for _ in range(400):
        augment.augment(path, n, SR, generator, p=0)
    assert stats.kstest(starts, "uniform", (0, 3)).pvalue > 1e-6


def test_certain_and_impossible():
    assert all(augment.draw(rng(i), p=0) == (1, 0) for i in range(50))
    assert all(speed != 1 and noise > 0 for speed, noise in (augment.draw(rng(i), p=1) for i in range(50)))
    with pytest.raises(ValueError, match="p is 1.5"):
        augment.draw(rng(), 1.5)


def test_augment_does_what_draw_decides():
    """A ramp tells everything: its slope the speed, its height the crop, what is off it the noise."""
    n, generator = 1_000, rng()
    ramp = np.arange(4_000, dtype=np.float32) / 4_000
    seen = []
    for _ in range(DRAWS):
        y = augment.augment(ramp, n, SR, generator)
        assert y.shape == (n,)
        inner = np.arange(100, n - 100)
        slope, _ = line = np.polyfit(inner, y[inner], 1)
        off = (y[inner] - np.polyval(line, inner)).std()
        seen.append((slope * 4_000, off))
    slope, off = np.array(seen).T
    noisy = off > 1e-5
    assert stats.binomtest(int(noisy.sum()), DRAWS, 0.5).pvalue > 1e-6
    clean = slope[~noisy]
    fast = np.abs(clean - 1) > 1e-4
    assert stats.binomtest(int(fast.sum()), len(clean), 0.5).pvalue > 1e-6
    assert stats.kstest(clean[fast], "uniform", (0.9, 0.2)).pvalue > 1e-6
    assert 0.8999 < clean.min() < 0.902 and 1.098 < clean.max() < 1.1001
    assert off.max() < 1.15 * 0.03


def test_equal_seeds_give_equal_clips():
    y = tone(12.0, SR)
    one, two, other = (augment.augment(y, 10 * SR, SR, rng(seed), p=1) for seed in (7, 7, 8))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_leaves_its_input_alone():
    y = tone(12.0, SR)
    before = y.copy()
    for seed in range(8):
        augment.augment(y, 10 * SR, SR, rng(seed))
    assert np.array_equal(y, before)


def test_speed_up_needs_no_padding():
    y = np.ones(12 * SR, np.float32)
    for seed in range(40):
        clip = augment.augment(y, 10 * SR, SR, rng(seed), p=1)
        assert len(clip) == 10 * SR and np.abs(clip[-50:]).min() > 0.3


@pytest.mark.parametrize("n", [1, 100, 9_999])
def test_short_clips_are_padded(n):
    clips = [augment.augment(np.ones(n, np.float32), 10_000, SR, rng(seed), p=0) for seed in range(5)]
    assert all(len(clip) == 10_000 and clip.sum() == n for clip in clips)
    assert all(len(augment.augment(np.ones(n, np.float32), 10_000, SR, rng(seed), p=1)) == 10_000 for seed in range(5))


def test_crop_begins_anywhere_with_equal_chance():
    y, generator = np.arange(14), rng()
    starts = [augment.random_crop(y, 10, generator)[0] for _ in range(DRAWS)]
    assert set(starts) == {0, 1, 2, 3, 4}
    assert stats.chisquare(np.bincount(starts)).pvalue > 1e-6
    assert augment.random_crop(y, 14, generator).tolist() == y.tolist()
    assert augment.random_crop(y[:3], 5, generator).tolist() == [0, 1, 2, 0, 0]


def test_noise_is_gaussian_white_and_as_strong_as_told():
    y = tone(10.0, SR)
    noise = augment.add_noise(y, 0.03, rng()) - y
    assert noise.std() == pytest.approx(0.03 * np.abs(y).max(), rel=0.02)
    assert abs(noise.mean()) < 1e-3 and stats.kstest(noise / noise.std(), "norm").pvalue > 1e-6
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02
    assert np.array_equal(augment.add_noise(y, 0, rng()), y)
    with pytest.raises(ValueError, match="relative_std is -0.1"):
        augment.add_noise(y, -0.1, rng())


@pytest.mark.parametrize("factor", [0.9, 0.973, 1.0, 1.1])
def test_speed_moves_length_and_pitch(factor):
    y = augment.change_speed(tone(5.0, SR, hz=1_000), factor)
    assert len(y) == int(np.ceil(5 * SR / factor)) and y.dtype == np.float32
    peak = np.abs(np.fft.rfft(y * np.hanning(len(y)))).argmax() * SR / len(y)
    assert peak == pytest.approx(1_000 * factor, abs=0.5)


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_impossible_speed(factor):
    with pytest.raises(ValueError, match="speed factor"):
        augment.change_speed(tone(), factor)
