import os
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import tone

from genre_utils import datasets, notebook

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
    monkeypatch.setattr("genre_utils.notebook.get_ipython", lambda: shell)

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


def test_interact_makes_a_widget_only_where_the_front_end_takes_input(kernel):
    code = "from genre_utils import notebook; notebook.interact(lambda a, b: (a, b), a=[1, 2], b=[3])"

    still = outputs(kernel, code, allow_stdin=False)
    assert [m["content"]["data"]["text/plain"] for m in still if m["msg_type"] == "execute_result"] == ["(1, 3)"]
    assert "comm_open" not in [message["msg_type"] for message in still]
    assert "ipywidgets" not in kernel_modules(kernel)

    live = outputs(kernel, code, allow_stdin=True)
    assert "comm_open" in [message["msg_type"] for message in live]
    shown = [message["content"]["data"] for message in live if message["msg_type"] == "display_data"]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)

    book = outputs(kernel, f"import os; os.environ['GENRE_UTILS_BOOK'] = '1'; {code}", allow_stdin=True)
    assert "comm_open" not in [message["msg_type"] for message in book]


def kernel_modules(client):
    (message,) = [m for m in outputs(client, "import sys; print(*sys.modules)") if m["msg_type"] == "stream"]
    return message["content"]["text"].split()


def test_interact_is_a_figure_outside_a_kernel():
    assert notebook.interact(lambda a, b: (a, b), a=[1, 2], b=[3]) == (1, 3)


def test_quiet_stderr_drops_what_libraries_write_unless_an_error_follows(capfd):
    with notebook.quiet_stderr():
        os.write(2, b"Compiled cluster using XLA!")
    assert capfd.readouterr().err == ""
    with pytest.raises(MemoryError), notebook.quiet_stderr():
        os.write(2, b"the reason")
        raise MemoryError
    os.write(2, b", and more")
    assert capfd.readouterr().err == "the reason, and more"


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


def test_provenance_tells_parameters_packages_and_data(collection, session):
    session.execute('seed: int = 3\nmodel: str = "<b>"')
    index = datasets.load("gtzan", collection)
    text = notebook.provenance(index).data
    assert "seed = 3" in text and "&lt;b&gt;" in text and datasets.fingerprint(index) in text
    assert f"numpy {np.__version__}" in text
