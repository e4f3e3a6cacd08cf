import functools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import tone
from matplotlib.figure import Figure

from genre_utils import datasets, evaluation, notebook

pytestmark = pytest.mark.quick

DECLARED = """dataset: str = "synthetic"  # which clips
data_dir: str = ""  # where they lie
epochs: int = 7  # passes over the training clips
learning_rate: float = 0.001  # Adam's learning rate
zscore: bool = True  # standardise each spectrogram"""


@pytest.fixture
def session(monkeypatch):
    """What a kernel keeps of the cells that it has executed, and a function that executes one more."""
    shell = SimpleNamespace(user_ns={}, history_manager=SimpleNamespace(input_hist_parsed=[""]))
    monkeypatch.setattr("genre_utils.notebook.session.get_ipython", lambda: shell)

    def execute(cell):
        shell.history_manager.input_hist_parsed.append(cell)
        if not cell.startswith("%"):
            exec(cell, shell.user_ns)

    shell.execute = execute
    return shell


def test_parameters_are_those_declared_and_injected(session):
    session.execute("%pip install nothing")
    session.execute("import os\nn: int = 3")
    session.execute(DECLARED)
    session.execute("# Parameters\nepochs = 30\nlearning_rate = 1\n")
    expected = {"dataset": "synthetic", "data_dir": "", "epochs": 30, "learning_rate": 1, "zscore": True}
    assert notebook.check_parameters(dataset=("synthetic", "gtzan")) == expected
    assert "epochs = 30" in notebook.provenance().data


def test_parameters_declared_again_count_and_forget_what_was_injected(session):
    session.execute(DECLARED)
    session.execute("# Parameters\nepoch = 30\n")
    session.execute("epochs: int = 9")
    session.execute("mine: list = []")
    assert notebook.check_parameters() == {"epochs": 9}


@pytest.mark.parametrize(
    "injected, sentence",
    [
        ("epoch = 3", "epoch is not a parameter of this notebook, which has dataset, .*; did you mean epochs?"),
        ("colour = 3", "colour is not a parameter of this notebook, which has dataset, .*, zscore$"),
        ("zscore = 'no'", "zscore is 'no' .of type str., expected bool: pass -p zscore True or -p zscore False"),
        ("zscore = 0", "zscore is 0 .of type int., expected bool"),
        ("epochs = 'two'", "epochs is 'two' .of type str., expected int: pass a whole number, such as -p epochs 10"),
        ("epochs = True", "epochs is True .of type bool., expected int"),
        ("epochs = 7.0", "epochs is 7.0 .of type float., expected int"),
        ("epochs = 0", "epochs is 0, expected at least 1"),
        ("learning_rate = False", "learning_rate is False .of type bool., expected float"),
        ("dataset = 5", "dataset is 5 .of type int., expected str: pass -r dataset 5"),
        ("data_dir = None", "data_dir is None .of type NoneType., expected str"),
        ("dataset = 'gtzna'", "dataset is 'gtzna', expected one of 'synthetic', 'gtzan'"),
    ],
)
def test_wrong_parameters_are_refused(session, injected, sentence):
    session.execute(DECLARED)
    session.execute(f"# Parameters\n{injected}\n")
    with pytest.raises(ValueError, match=sentence):
        notebook.check_parameters(dataset=("synthetic", "gtzan"))


def test_known_values_of_an_undeclared_parameter_are_refused(session):
    with pytest.raises(ValueError, match="run the cell of the parameters first"):
        notebook.check_parameters()
    session.execute(DECLARED)
    with pytest.raises(ValueError, match="protocol is not a parameter"):
        notebook.check_parameters(protocol=("last_weights",))


def test_home_folder_is_expanded_in_folders_only(session, monkeypatch):
    monkeypatch.setenv("HOME", "/elsewhere")
    monkeypatch.setenv("USERPROFILE", "/elsewhere")
    session.execute(DECLARED)
    session.execute("# Parameters\ndataset = '~/gtzan'\ndata_dir = '~/gtzan'\n")
    assert notebook.check_parameters()["data_dir"] == session.user_ns["data_dir"] == "/elsewhere/gtzan"
    assert session.user_ns["dataset"] == "~/gtzan"


def test_there_are_no_parameters_outside_ipython():
    assert notebook.check_parameters() == {}
    assert "parameters" not in notebook.provenance().data


def test_papermill_gives_a_notebook_its_parameters(tmp_path):
    import papermill

    sources = [
        "from genre_utils import notebook",
        DECLARED,
        "print(notebook.check_parameters())",
        "print(notebook.provenance().data)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[1].metadata["tags"] = ["parameters"]
    source, target = tmp_path / "source.ipynb", tmp_path / "target.ipynb"
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), source)
    papermill.execute_notebook(source, target, {"epochs": 30, "data_dir": "~/gtzan"}, progress_bar=False)
    checked, told = [cell.outputs[0].text for cell in nbformat.read(target, as_version=4).cells[-2:]]
    assert "'dataset': 'synthetic'" in checked and "'epochs': 30" in checked
    assert str(Path.home() / "gtzan") in checked
    assert "epochs = 30" in told and "zscore = True" in told


@pytest.fixture(scope="module")
def kernel():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def outputs(client, code, **options):
    """Messages that a cell sends until the kernel is idle again."""
    request = client.execute(code, **options)
    messages = []
    while not messages or messages[-1]["content"].get("execution_state") != "idle":
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == request:
            messages.append(message)
    assert "error" not in [message["msg_type"] for message in messages], messages
    return messages


def test_knobs_are_widgets_only_where_the_front_end_takes_input(kernel):
    code = """
from genre_utils import notebook
from matplotlib.figure import Figure
def draw(a, b): return Figure(figsize=(a, b))
notebook.knobs(draw, "A figure.", a=[2, 1], b=[3])"""

    still = outputs(kernel, code, allow_stdin=False)
    shown = [m["content"]["data"]["text/plain"] for m in still if m["msg_type"] == "execute_result"]
    assert shown == ["<Figure size 200x300 with 0 Axes>"]
    assert "comm_open" not in [message["msg_type"] for message in still]
    assert "ipywidgets" not in kernel_modules(kernel)

    live = outputs(kernel, code, allow_stdin=True)
    models = [m["content"]["data"]["state"] for m in live if m["msg_type"] == "comm_open"]
    (slider,) = [state for state in models if len(state.get("_options_labels", [])) == 2]
    assert slider["_options_labels"] == ["1", "2"] and slider["index"] == 1
    shown = [message["content"]["data"] for message in live if message["msg_type"] == "display_data"]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)

    book = outputs(kernel, f"import os; os.environ['GENRE_UTILS_BOOK'] = '1'; {code}", allow_stdin=True)
    assert "comm_open" not in [message["msg_type"] for message in book]


def kernel_modules(client):
    (message,) = [m for m in outputs(client, "import sys; print(*sys.modules)") if m["msg_type"] == "stream"]
    return message["content"]["text"].split()


def blank(a, b):
    return Figure(figsize=(a, b)), tone(0.5), 22_050


def test_knobs_are_the_first_figure_outside_a_kernel():
    assert notebook.knobs(blank, a=[2, 1], b=[3]).get_size_inches().tolist() == [2, 3]


def test_knobs_of_the_book_have_a_figure_and_a_sound_for_each_combination(tmp_path, monkeypatch):
    monkeypatch.setenv("GENRE_UTILS_BOOK", "1")
    monkeypatch.setenv("GENRE_UTILS_MEDIA_DIR", str(tmp_path))
    soup = BeautifulSoup(notebook.knobs(blank, 'Nothing, "said" <so>.', a=[2, 1], b=[3, 4, 5]).data, "html.parser")
    told = json.loads(soup.figure["data-states"])
    assert told["names"] == ["a", "b"] and told["values"] == [[1, 2], [3, 4, 5]] and told["begin"] == [1, 0]
    assert [state["alt"] for state in told["states"]][3] == 'Nothing, "said" <so>. a 2, b 3'
    assert soup.img["src"] == told["states"][3]["image"] and soup.img["alt"] == told["states"][3]["alt"]
    assert soup.audio["preload"] == "none" and soup.audio["src"] == told["states"][3]["sound"]
    assert len({state["image"] for state in told["states"]}) == 6
    written = {f"../_static/media/{path.name}" for path in tmp_path.iterdir()}
    assert written == {state[kind] for state in told["states"] for kind in ("image", "sound")}


def test_listening_has_a_picture_of_what_is_heard(monkeypatch):
    live = notebook.listen({"a <clip>": tone(12)}, 22_050)
    soup = BeautifulSoup(live.data, "html.parser")
    assert "10.0 s" in soup.img["alt"] and "a <clip>" in soup.img["alt"] and soup.figcaption.text == "a <clip>"
    assert soup.audio["preload"] == "none" and "figure.listen" in soup.script.text
    monkeypatch.setenv("GENRE_UTILS_BOOK", "1")
    assert "<script" not in notebook.listen({"a clip": tone()}, 22_050).data


def test_listening_takes_a_picture_of_ones_own():
    fig = Figure(figsize=(3, 1))
    shown = {"first": tone(), "second": tone()}
    (first, second) = BeautifulSoup(
        notebook.listen(shown, 22_050, pictures={"second": (fig, 'What it "shows"')}).data, "html.parser"
    ).find_all("img")
    assert first["alt"].startswith("Log-mel") and second["alt"] == 'What it "shows"'
    assert "height: auto" in second["style"] and "height: auto" not in first["style"]


class Button7:
    """What ipywidgets 7 makes of a chosen file."""

    VALUE = {"my 'own' song.wav": {"metadata": {"name": "my 'own' song.wav"}, "content": b"abc"}}

    def __init__(self, **_):
        pass

    def observe(self, keep, name):
        keep({"new": self.VALUE, "name": name})


class Button8(Button7):
    """And ipywidgets 8, whose browser may tell a folder with the name."""

    VALUE = ({"name": "../my 'own' song.wav", "content": memoryview(b"abc")},)


@pytest.mark.parametrize("button", [Button7, Button8])
def test_an_uploaded_file_lies_in_the_folder(tmp_path, monkeypatch, button):
    import ipywidgets

    (tmp_path / "in").mkdir()
    monkeypatch.setattr(ipywidgets, "FileUpload", button)
    notebook.upload(tmp_path / "in")
    assert not list((tmp_path / "in").iterdir()), "nobody is in front of it"
    monkeypatch.setattr(notebook.play, "_takes_input", lambda: True)
    notebook.upload(tmp_path / "in")
    assert (tmp_path / "in/my 'own' song.wav").read_bytes() == b"abc"


def test_the_real_upload_button_keeps_what_is_chosen(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook.play, "display", shown.append)
    monkeypatch.setattr(notebook.play, "_takes_input", lambda: True)
    notebook.upload(tmp_path)
    (button,) = shown
    told = {"type": "audio/wav", "size": 3, "last_modified": 0}
    button.set_state({"value": [{"name": "a.wav", "content": memoryview(b"abc"), **told}]})
    assert (tmp_path / "a.wav").read_bytes() == b"abc"


def test_a_quiz_folds_its_answers_and_does_not_name_its_clips():
    soup = BeautifulSoup(notebook.quiz([tone(), tone(), tone()], ["rock", "<pop>", "rock"], 22_050).data, "html.parser")
    assert json.loads(soup.select_one(".quiz")["data-choices"]) == ["<pop>", "rock"]
    assert [answer.span.text for answer in soup.find_all("details")] == ["rock", "<pop>", "rock"]
    assert [audio["aria-label"] for audio in soup.find_all("audio")] == ["clip 1", "clip 2", "clip 3"]
    with pytest.raises(ValueError):
        notebook.quiz([tone()], ["rock", "pop"], 22_050)


def test_a_finding_is_told_only_while_the_numbers_bear_it():
    assert notebook.finding("Half is more.", 0.5 > 0.4, 0.5 < 1).data == "Half is more."
    with pytest.raises(ValueError, match="do not bear this sentence any more: Half is more."):
        notebook.finding("Half is more.", True, 0.3 > 0.4)


@pytest.mark.parametrize(
    "low, high, verdict",
    [(0.01, 0.1, "A is better"), (-0.1, -0.01, "B is better"), (0, 0.1, "no difference is shown")],
)
def test_a_difference_is_told_by_its_interval(low, high, verdict):
    assert notebook.told(0.05, low, high, "A", "B").endswith(f"; {verdict}.")


@pytest.mark.parametrize(
    "given, expected, verdict",
    [
        (..., 3, "No answer yet."),
        (3, 3, "Right."),
        (3.1, 3, "Not yet: 3.1 is too large. Think."),
        (2, 3, "Not yet: 2 is too small. Think."),
        ("three", 3, "Not yet: a number is expected. Think."),
        (" Jazz", "jazz", "Right."),
        ("rock", "jazz", "Not yet: 'rock' is not it. Think."),
        (3, "jazz", "Not yet: a text is expected. Think."),
        ([1, 2, 3], [1, 2, 4], "Not yet: 1 of 3 numbers differ. Think."),
        ([1, 2], [1, 2, 4], "Not yet: the shape is (2,), expected (3,). Think."),
    ],
)
def test_an_answer_is_checked_without_telling_it(capsys, given, expected, verdict):
    notebook.check(given, expected, "Think.")
    assert capsys.readouterr().out.strip() == verdict


def but_densenet(kept, name):
    if name == "gtzan_filtered_densenet121":
        raise FileNotFoundError
    return kept(name)


def test_the_scoreboard_has_a_row_for_each_kept_network_and_the_demonstration(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(notebook.show, "display", shown.append)
    monkeypatch.setattr(evaluation, "kept", functools.partial(but_densenet, evaluation.kept))
    here = evaluation.accuracy([0, 1, 1, 1], [0, 1, 1, 0])
    notebook.scoreboard("inception_resnet", "densenet121", here=here, source="synthetic")
    (table,) = shown
    assert table.data.index.tolist() == ["SVM", "logistic regression", "Inception-ResNet", "this page's demonstration"]
    networks = {"SVM": "svm", "logistic regression": "logistic_regression", "Inception-ResNet": "inception_resnet"}
    runs = {label: evaluation.kept(f"gtzan_filtered_{name}") for label, name in networks.items()}
    for label, several in runs.items():
        right = np.mean([np.mean(run.predictions["predicted"] == run.predictions["label"]) for run in several])
        assert table.data.loc[label, "accuracy (%)"].startswith(f"{100 * right:.1f}\xa0(")
    means = (np.mean([run.right.mean() for run in runs[label]]) for label in ("Inception-ResNet", "SVM"))
    gap = 100 * np.subtract(*means)
    low, high = map(float, re.findall(r"[+-][\d.]+", table.data.loc["Inception-ResNet", "minus SVM (points)"])[1:])
    assert table.data.loc["Inception-ResNet", "minus SVM (points)"].startswith(f"{gap:+.1f}\xa0(") and low < gap < high
    assert table.data.loc["this page's demonstration", "accuracy (%)"].startswith("75.0\xa0(")
    told = capsys.readouterr().out
    assert "Not run yet: gtzan_filtered_densenet121" in told and f"minus the SVM: {gap:+.1f} points" in told


def test_the_scoreboard_of_a_single_kept_run_has_no_difference(monkeypatch, capsys):
    shown, kept = [], notebook.show.kept
    monkeypatch.setattr(notebook.show, "display", shown.append)
    monkeypatch.setattr(notebook.show, "kept", lambda *names: kept(names[1]))
    notebook.scoreboard()
    assert shown[0].data["minus SVM (points)"].tolist() == ["–"] and not capsys.readouterr().out


def test_source_code_keeps_the_first_line_of_a_docstring_and_all_of_the_code():
    text = notebook.source_code(notebook.told, notebook.finding).data
    assert text.count("```python") == 2 and text.count('"""') == 4 and "Parameters" not in text
    assert '"""Say what a difference between two accuracies shows."""\n    verdict =' in text
    assert "if not all(conditions):" in text


def test_player_is_small_inside_a_live_notebook_and_a_file_in_the_book(tmp_path, monkeypatch):
    live = notebook.player(tone(30), 22_050, 'a "quoted" <clip>').data
    assert 'preload="none"' in live and "data:audio/mpeg;base64," in live and len(live) < 250_000
    assert "<clip>" not in live and "&lt;clip&gt;" in live
    monkeypatch.setenv("GENRE_UTILS_MEDIA_DIR", str(tmp_path))
    name = re.search(r"_static/media/(\w+\.mp3)", notebook.player(tone(30), 22_050, "a clip").data)[1]
    import soundfile

    y, sr = soundfile.read(Path(tmp_path, name))
    assert sr == 22_050 and abs(len(y) / sr - notebook.play.MP3_SECONDS) < 0.2
    with pytest.raises(ValueError, match="need their rate"):
        notebook.player(tone())


def test_table_names_its_data_and_puts_the_index_in_the_corner():
    frame = pd.DataFrame({"clips": [1_234]}, index=pd.Index(["a & b"], name="genre"))
    text = notebook.table(frame, "Counts.", "synthetic <sound>").to_html()
    assert "Data: synthetic &lt;sound&gt;" in text and "1,234" in text
    assert text.count("<tr>") == 2 and ">genre</th>" in text


def test_provenance_tells_parameters_packages_and_data(collection, session):
    session.execute(f'seed: int = 3\nmodel: str = "<b>"\ndata_dir: str = "{collection}"')
    index = datasets.load("gtzan", collection)
    text = notebook.provenance(index).data
    assert "seed = 3" in text and "&lt;b&gt;" in text and datasets.fingerprint(index) in text
    assert f"numpy {np.__version__}" in text
    assert f"data_dir = &#x27;…/{collection.name}&#x27;" in text and str(collection.parent) not in text
