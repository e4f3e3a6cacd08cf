import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from genre_utils import _store

pytestmark = pytest.mark.quick


def test_atomic_write_leaves_the_old_file_on_failure(tmp_path):
    path = tmp_path / "a.json"
    _store.write_atomically(path, json.dumps([1]))
    with pytest.raises(TypeError):
        _store.write_atomically(path, object())
    assert json.loads(path.read_text()) == [1] and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_threads_that_write_one_path_never_tear_it(tmp_path):
    path, stop, torn = tmp_path / "a.json", threading.Event(), []
    _store.write_atomically(path, "x" * 100_000)

    def write(letter):
        for _ in range(200):
            _store.write_atomically(path, letter * 100_000)

    def read():
        while not stop.is_set():
            content = path.read_text()
            if len(content) != 100_000 or len(set(content)) != 1:
                torn.append(content[:10])

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert not torn and [p.name for p in tmp_path.iterdir()] == ["a.json"]


HOLD = """
import sys, time
from pathlib import Path
from genre_utils import _store
with _store.only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_writer_and_a_killed_one_leaves_it_free(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    (tmp_path / ".a.json.0123.part").write_text("half")
    try:
        with pytest.raises(ValueError, match="another process is at work in .*: wait until it has finished"):
            with _store.only_writer(tmp_path):
                raise AssertionError("two writers at once")
    finally:
        holder.kill()
        holder.communicate()
    with _store.only_writer(tmp_path):
        assert not list(tmp_path.glob("*.part"))


@pytest.mark.skipif(os.name == "nt", reason="needs /proc")
def test_a_folder_that_cannot_be_written_to_is_told():
    with pytest.raises(OSError, match="cannot write"), _store.only_writer(Path("/proc/nowhere")):
        raise AssertionError("written to /proc")
    with pytest.raises(OSError, match=r"cannot write a.json \("):
        _store.write_atomically(Path("/proc/nowhere/a.json"), "x")


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    _store.write_atomically(path, "whole")

    def full(self, content):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"cannot write a.json .No space left on device.") as error:
        _store.write_atomically(path, "more")
    assert error.value.errno == 28 and path.read_text() == "whole"


def test_out_dir_is_a_name_or_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with _store.only_writer(None) as none, _store.only_writer("~/a") as folder:
        assert none is None and folder == tmp_path / "a"
    for empty in ("", "  "):
        with (
            pytest.raises(ValueError, match="out_dir is empty: name a folder, or give None to keep nothing"),
            _store.only_writer(empty),
        ):
            pass


def test_differences_are_named_by_their_path():
    then = {"recipe": {"epochs": 5, "batch": 8}, "inputs": [{"sr": 1}], "gone": 1}
    now = {"recipe": {"epochs": 6, "batch": 8}, "inputs": [{"sr": 2}], "options": {}}
    expected = {"recipe.epochs": (5, 6), "inputs.0.sr": (1, 2), "gone": (1, None), "options": (None, {})}
    assert _store.differences(then, now) == expected and not _store.differences(then, then)
    with pytest.raises(
        ValueError, match="here holds another run .recipe.epochs was 5, now 6; inputs.0.sr was 1, now 2"
    ):
        _store.refuse_another_run("here", then, now)
