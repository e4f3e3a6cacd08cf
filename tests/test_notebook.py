import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import tone

from genre_utils import datasets, notebook


def test_explore_is_still_in_the_book_and_a_widget_elsewhere(monkeypatch):
    seen = []
    monkeypatch.setenv("GENRE_UTILS_BOOK", "1")
    assert notebook.explore(lambda a, b: (a, b), a=[1, 2], b=[3]) == (1, 3)
    monkeypatch.delenv("GENRE_UTILS_BOOK")
    assert notebook.explore(lambda a, b: seen.append((a, b)), a=[1, 2], b=[3]) is None
    assert seen == [(1, 3)]


def test_player_is_small_inside_a_live_notebook_and_a_file_in_the_book(tmp_path, monkeypatch):
    live = notebook.player(tone(30), 22_050, 'a "quoted" <clip>').data
    assert 'preload="none"' in live and "data:audio/mpeg;base64," in live and len(live) < 250_000
    assert "<clip>" not in live and "&lt;clip&gt;" in live
    monkeypatch.setenv("GENRE_UTILS_AUDIO_DIR", str(tmp_path))
    name = re.search(r"_static/audio/(\w+\.mp3)", notebook.player(tone(30), 22_050, "a clip").data)[1]
    import soundfile

    y, sr = soundfile.read(Path(tmp_path, name))
    assert sr == 22_050 and abs(len(y) / sr - notebook.MP3_SECONDS) < 0.2
    with pytest.raises(ValueError, match="need their rate"):
        notebook.player(tone())


def test_table_names_its_data_and_puts_the_index_in_the_corner():
    frame = pd.DataFrame({"clips": [1_234]}, index=pd.Index(["a & b"], name="genre"))
    text = notebook.table(frame, "Counts.", "synthetic <sound>").to_html()
    assert "Data: synthetic &lt;sound&gt;" in text and "1,234" in text
    assert text.count("<tr>") == 2 and ">genre</th>" in text


def test_provenance_tells_parameters_packages_and_data(collection):
    index = datasets.load("gtzan", collection)
    text = notebook.provenance({"seed": 3, "model": "<b>"}, index).data
    assert "seed = 3" in text and "&lt;b&gt;" in text and datasets.fingerprint(index) in text
    assert f"numpy {np.__version__}" in text
