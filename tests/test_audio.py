import os

import nbformat
import numpy as np
import pytest
import soundfile
from conftest import tone

from book.build import checks
from genre_utils import audio

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


def test_decoding_leaves_standard_error_to_others(damaged_mp3, capfd):
    with audio._open(damaged_mp3) as file:
        os.write(2, b"an error that happens meanwhile")
        assert capfd.readouterr().err == "an error that happens meanwhile"
        assert len(file.read())
    assert "libmpg123" in capfd.readouterr().err


def test_what_decoders_write_is_taken_off_the_page_and_nothing_else(damaged_mp3, capfd):
    soundfile.read(damaged_mp3)
    written = capfd.readouterr().err
    assert "libmpg123" in written
    logged = "I0000 00:00:1 1 device_compiler.h:196] Compiled cluster using XLA!  Once.\n"
    for text, left in (
        (written, ""),
        (logged, ""),
        ("a line\n" + written + logged + "Note: of somebody else", "a line\nNote: of somebody else"),
        (logged.replace("I0000", "E0000"), logged.replace("I0000", "E0000")),
    ):
        cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", name="stderr", text=text)])
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("prose"), cell])
        checks.drop_logs(nb)
        assert "".join(output.text for output in cell.outputs) == left
        assert bool(cell.outputs) == bool(left)
