import os
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from conftest import tone

from genre_utils import _store, audio

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("suffix", audio.EXTENSIONS)
def test_every_format_decodes(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    soundfile.write(path, tone(), 22_050)
    y, info = audio.load(path)
    assert y.dtype == np.float32 and y.ndim == 1
    assert abs(len(y) / 22_050 - 3) < 0.1 and info.sr == 22_050 and info.notes == ()
    assert 0.4 < np.abs(y).max() < 0.6


@pytest.mark.parametrize("sr", [8_000, 44_100, 48_000])
def test_other_rates_keep_pitch_and_length(tmp_path, sr):
    soundfile.write(tmp_path / "a.wav", tone(sr=sr), sr)
    y, info = audio.load(tmp_path / "a.wav")
    assert len(y) == 3 * 22_050 and info.sr == sr and "resampled" in info.notes[0]
    assert np.argmax(np.abs(np.fft.rfft(y))) / 3 == pytest.approx(440, abs=0.5)


def test_stereo_is_averaged(tmp_path):
    left, right = tone(hz=440), tone(hz=660)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 22_050, subtype="FLOAT")
    y, info = audio.load(tmp_path / "a.wav")
    np.testing.assert_allclose(y, (left + right) / 2, atol=1e-6)
    assert info.channels == 2 and info.notes == ("2 channels mixed to mono",)


def damaged(tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, tone(), 22_050)
    nan = tone()
    nan[100] = np.nan
    files = {
        "missing": ("no such file", None),
        "empty": ("empty file", b""),
        "text": ("cannot be decoded", b"this is no sound\n" * 100),
        "cut header": ("cannot be decoded", good.read_bytes()[:20]),
        "cut": ("at least 2 s are needed", good.read_bytes()[:40_000]),
        "short": ("0.10 s of sound", (tone(0.1), 22_050)),
        "silent": ("silent", (np.zeros(66_150), 22_050)),
        "nan": ("NaN or infinite", (nan, 22_050)),
        "odd rate": ("sample rate of 1,000 Hz", (tone(sr=1_000, hz=50), 1_000)),
    }
    for name, (message, content) in files.items():
        path = tmp_path / f"{name}.wav"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            soundfile.write(path, *content, subtype="FLOAT")
        yield path, message
    (tmp_path / "folder.wav").mkdir()
    yield tmp_path / "folder.wav", "is a folder"


def test_damaged_files_are_refused_by_name_of_the_damage(tmp_path):
    for path, message in damaged(tmp_path):
        with pytest.raises(audio.AudioError, match=message):
            audio.load(path)


def test_no_more_is_read_than_asked_for(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(8), 22_050)
    assert len(audio.load(tmp_path / "a.wav", max_seconds=5)[0]) == 5 * 22_050


def test_fix_length_cuts_or_pads_at_the_end():
    y = np.arange(1, 5)
    assert audio.fix_length(y, 2).tolist() == [1, 2]
    assert audio.fix_length(y, 6).tolist() == [1, 2, 3, 4, 0, 0]


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", tone(), 22_050)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(audio.AudioError, match="no permission"):
        audio.load(tmp_path / "a.wav")


def test_what_is_no_file_is_refused_by_what_it_is(tmp_path):
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.wav").symlink_to(tmp_path / "circle.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    for name, message in (
        ("dangling", "is a link to nothing"),
        ("circle", "cannot be opened"),
        ("pipe", "is no regular file"),
        ("x" * 300, "cannot be opened"),
    ):
        with pytest.raises(audio.AudioError, match=message):
            audio.load(tmp_path / f"{name}.wav")


@pytest.fixture
def damaged_mp3(tmp_path):
    """A file that libmpg123 complains about."""
    path = tmp_path / "damaged.mp3"
    soundfile.write(path, tone(), 22_050)
    data = bytearray(path.read_bytes())
    data[3_000:4_000] = b"\x55" * 1_000
    path.write_bytes(data)
    return path


def test_decoders_do_not_write_to_the_page(damaged_mp3, capfd):
    soundfile.read(damaged_mp3)
    assert "libmpg123" in capfd.readouterr().err
    audio.load(damaged_mp3)
    assert not capfd.readouterr().err
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_what_others_write_meanwhile_is_not_lost(damaged_mp3, capfd):
    with audio._open(damaged_mp3) as file:
        os.write(2, b"Note: of somebody else\nhalf a line, ")
        file.read()
        os.write(2, b"and\n\nsome lines\n")
        assert not capfd.readouterr().err
    assert capfd.readouterr().err == "Note: of somebody else\nhalf a line, and\n\nsome lines\n"


def test_the_last_of_the_threads_that_decode_writes_it(damaged_mp3, capfd):
    with ThreadPoolExecutor(1) as pool, audio._open(damaged_mp3):
        os.write(2, b"before, ")
        pool.submit(audio.load, damaged_mp3).result(timeout=20)
        os.write(2, b"after")
        assert not capfd.readouterr().err
    assert capfd.readouterr().err == "before, after"


@pytest.mark.parametrize("suffix", [suffix for suffix in audio.EXTENSIONS if suffix != ".mp3"])
def test_other_formats_leave_standard_error_alone(tmp_path, capfd, suffix):
    soundfile.write(tmp_path / f"a{suffix}", tone(), 22_050)
    with audio._open(tmp_path / f"a{suffix}"):
        os.write(2, b"at once")
        assert capfd.readouterr().err == "at once"


def test_mp3_in_a_wav_is_kept_off_the_page_too(tmp_path, damaged_mp3, capfd):
    data = damaged_mp3.read_bytes()
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 22_050, 8_000, 1, 0, 12, 1, 2, 418, 1, 0)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "mp3.wav").write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    soundfile.read(tmp_path / "mp3.wav")
    assert "libmpg123" in capfd.readouterr().err
    audio.load(tmp_path / "mp3.wav")
    assert not capfd.readouterr().err


def test_without_room_for_what_is_captured_all_of_it_is_shown(damaged_mp3, monkeypatch, capfd):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_store.tempfile, "TemporaryFile", full)
    assert len(audio.load(damaged_mp3)[0]) and "libmpg123" in capfd.readouterr().err
