"""What every notebook needs to begin and to end: set-up, players, tables, provenance."""

import ast
import base64
import difflib
import hashlib
import html
import io
import logging
import os
import platform
import sys
import tempfile
import warnings
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import numpy as np
from IPython import get_ipython
from IPython.display import HTML, Markdown

from ._store import results_folder

MP3_SECONDS = 10.0
PARAMETER_TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool}
PACKAGES = ("genre-utils", "keras", "tensorflow", "jax", "torch", "librosa", "numpy", "scikit-learn")


def setup():
    """Quiet the libraries' logs, hide what only concerns their authors, and set the figures' style."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # What TensorFlow has to say of networks that are built anew for each fold is no news to a reader.
    logging.getLogger("tensorflow").addFilter(_errors_only)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")  # joblib, and starts another

    import pooch

    from . import plots

    pooch.get_logger().setLevel("WARNING")
    plots.style()
    if (shell := get_ipython()) is not None:
        shell.run_line_magic("config", "InlineBackend.figure_formats = ['png']")


def _errors_only(record):
    return record.levelno >= logging.ERROR


@contextmanager
def quiet_stderr():
    """Keep off the page what compiled libraries write to the process's standard error, unless an error follows.

    XLA reports its first compilation there, whatever ``TF_CPP_MIN_LOG_LEVEL`` says: TensorFlow 2.20 does not initialise
    Abseil's log, and before that its thresholds do not count (abseil/abseil-cpp pull request 1718).

    References
    ----------
    Notebook 09.
    """
    with tempfile.TemporaryFile() as written, open(os.dup(2), "wb") as stderr:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            written.seek(0)
            stderr.write(written.read())
            raise
        finally:
            os.dup2(stderr.fileno(), 2)


def player(sound, sr=None, caption="", seconds=MP3_SECONDS):
    """A clip to listen to: compressed, and in the published book loaded only when played.

    Parameters
    ----------
    sound : np.ndarray [shape=(n_samples,)] or str or Path
        Mono samples, or a sound file.
    sr : int, optional
        Sample rate in Hz; needed with samples.
    caption : str
        Told under the player.
    seconds : float
        So much from the middle of the clip is kept.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    ValueError
        If samples come without their rate.
    """
    if isinstance(sound, str | Path):
        from . import audio

        sound, sr = audio.load(sound)[0], 22_050
    if sr is None:
        raise ValueError("samples need their rate: player(y, sr=…)")
    n = min(len(sound), int(seconds * sr))
    start = (len(sound) - n) // 2
    data = _mp3(np.asarray(sound)[start : start + n], sr)
    if folder := os.environ.get("GENRE_UTILS_AUDIO_DIR"):
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.mp3"
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_bytes(data)
        url = f"../_static/audio/{name}"
    else:
        url = "data:audio/mpeg;base64," + base64.b64encode(data).decode()
    label = html.escape(caption or "a clip")
    return HTML(
        f'<figure class="player"><audio controls preload="none" src="{url}" aria-label="{label}"></audio>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def players(sounds, sr=None, seconds=MP3_SECONDS):
    """Several clips to listen to, one below the other.

    Parameters
    ----------
    sounds : dict of str to np.ndarray or str or Path
        Caption of each.
    sr : int, optional
        Sample rate in Hz of those given as samples.
    seconds : float

    Returns
    -------
    IPython.display.HTML
    """
    return HTML("".join(player(sound, sr, caption, seconds).data for caption, sound in sounds.items()))


def interact(draw, **choices):
    """A figure with a menu for each of its arguments; where nobody answers, the figure of the first choices.

    A widget is made only when the front end takes input, as JupyterLab and Colab do. Under papermill, nbclient and
    nbconvert, which do not, a widget may hang the notebook (jupyter/nbclient issue 312). ``GENRE_UTILS_BOOK=1`` asks
    for the figure in any case.

    Parameters
    ----------
    draw : callable
        Returns the figure.
    **choices : list
        Values of each argument, the one to begin with first.

    Returns
    -------
    Figure or None
        The figure where nobody answers; elsewhere nothing, for the widget shows itself.
    """
    if os.environ.get("GENRE_UTILS_BOOK") or not _takes_input():
        return draw(**{name: values[0] for name, values in choices.items()})
    import ipywidgets

    ipywidgets.interact(draw, **choices)
    return None


def _takes_input():

    shell = get_ipython()
    if not hasattr(shell, "get_parent"):  # not in a kernel
        return False
    request = shell.get_parent() or {}
    return bool(request.get("content", {}).get("allow_stdin"))


def source_code(*things):
    """Source of functions or classes, as the reader of a paper would want it beside the page.

    Parameters
    ----------
    *things : function or class

    Returns
    -------
    IPython.display.Markdown
    """
    import inspect

    return Markdown("\n".join(f"```python\n{inspect.getsource(thing)}```" for thing in things))


def _mp3(y, sr):
    import soundfile

    peak = max(float(np.abs(y).max(initial=0)), 1e-9)
    buffer = io.BytesIO()
    soundfile.write(buffer, y * min(1, 0.95 / peak), sr, format="MP3", compression_level=0.6)
    return buffer.getvalue()


def table(frame, caption="", source="", digits=1):
    """A table that names its data.

    Parameters
    ----------
    frame : pd.DataFrame
    caption : str
    source : str
        Words of `datasets.source`, or a paper's table.
    digits : int
        Decimals of the numbers that are no counts.

    Returns
    -------
    pd.io.formats.style.Styler
    """
    if frame.columns.nlevels == frame.index.nlevels == 1 and frame.index.name:
        # In the corner, instead of in a row of its own.
        frame = frame.rename_axis(index=None, columns=frame.index.name)
    told = " ".join(filter(None, (html.escape(caption), source and f"<small>Data: {html.escape(source)}</small>")))
    styler = frame.style.format(thousands=",", precision=digits, na_rep="–").set_caption(told)
    return styler.set_table_attributes('class="dataframe"')


def kept(*names):
    """Kept results that are at hand, and in words why the others are not.

    Parameters
    ----------
    *names : str
        Of runs, as `evaluation.kept` takes them.

    Returns
    -------
    dict of str to list of Result
    """
    from . import evaluation

    found, missing = {}, []
    for name in names:
        try:
            found[name] = evaluation.kept(name)
        except FileNotFoundError:
            missing.append(name)
        except ValueError as error:
            print(f"Left out: {error}.")
    if missing:
        print(f"Not run yet: {', '.join(missing)}. `make results` computes what runs.toml lists.")
    return found


def model_card(name):
    """What the weights that the book ships are, what they score and what they are not for.

    Parameters
    ----------
    name : str
        As `models.load_trained` takes it.

    Returns
    -------
    IPython.display.Markdown
        A table, its numbers computed from the kept run; one sentence where weights or run are missing or damaged.

    References
    ----------
    Notebooks 05 and 06.
    """
    from . import evaluation, models

    try:
        network, told = models.load_trained(name)
        run = evaluation.load(results_folder() / "{}_{}.json".format(*told["run"]))
    except (OSError, ValueError):
        return Markdown(f"Left out: the trained weights of {name} or the run they come from are missing or damaged.")
    about, scores = run.about, evaluation.compare({name: run})
    found, swing = 100 * scores.scores.loc[name], 100 * run.history["val_accuracy"].diff().abs().max()
    frames, bands, _ = network.input_shape[1:]
    training, validation, test = about["splits"]["sizes"][0]
    rows = {
        "network": f"{network.count_params():,} parameters",
        "input": f"log-mels of {frames} frames × {bands} mel bands for 30 s, each clip standardised",
        "data": f"{run.source}; {training} training, {validation} validation and {test} test clips",
        "protocol": f"{about['protocol'].replace('_', ' ')}; learning rate {about['recipe']['learning_rate']:g}",
        "test": f"accuracy {found['accuracy']:.1f} % (95 % interval {found['low']:.1f} to {found['high']:.1f}, "
        f"{scores.groups} drawn), macro F1 {found['f1']:.1f} %",
        "labels": f"the folders' names: {', '.join(run.genres)}",
        "use": "teaching; not for sorting music",
        "fails": f"on other collections and genres; at other frame rates than {frames / 30:.1f} a second; it is one "
        f"epoch of one training, in which validation accuracy changed by up to {swing:.0f} points between two epochs",
    }
    return Markdown(
        "\n".join([f"| Model card | {name} |", "|---|---|", *(f"| {row} | {text} |" for row, text in rows.items())])
    )


def check_parameters(**known):
    """Stop on a parameter that is misnamed, of the wrong type or not among the known values; expand ``~`` in folders.

    For the first cell after the parameters, before anything heavy is imported. The parameters are declared in a cell
    that holds nothing but annotated assignments; of several versions, the one executed last counts. papermill puts the
    given values after it, in a cell that begins with ``# Parameters``. A leading ``~`` of parameters named ``…_dir``
    is replaced by the home folder, in the notebook too.

    Parameters
    ----------
    **known : sequence
        The known values of a parameter, by its name.

    Returns
    -------
    dict
        Value of each parameter by its name; empty outside IPython.

    Raises
    ------
    ValueError
        If papermill was given a parameter that is not declared, or a value is of another type than its annotation or
        not among the known ones.
    """
    shell = get_ipython()
    if shell is None:
        return {}
    types, given = _declared_parameters(shell)
    if not types:
        raise ValueError("no parameters are declared: run the cell of the parameters first")
    for name in [*given, *known]:
        if name not in types:
            near = difflib.get_close_matches(name, types, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{name} is not a parameter of this notebook, which has {', '.join(types)}{guess}")
    values = {name: shell.user_ns[name] for name in types}
    for name, value in values.items():
        _check_type(name, value, types[name])
        if name in known and value not in known[name]:
            raise ValueError(f"{name} is {value!r}, expected one of {', '.join(map(repr, known[name]))}")
        if name.endswith("_dir"):
            values[name] = shell.user_ns[name] = os.path.expanduser(value)
    return values


def _declared_parameters(shell):
    """Annotation of each declared parameter by its name, and the names that papermill has set after that cell."""
    types, given = {}, []
    for cell in shell.history_manager.input_hist_parsed:
        try:
            statements = ast.parse(cell).body
        except SyntaxError:
            continue
        if cell.startswith("# Parameters\n"):
            given = [ast.unparse(statement.targets[0]) for statement in statements if isinstance(statement, ast.Assign)]
        elif statements and all(isinstance(statement, ast.AnnAssign) for statement in statements):
            declared = {ast.unparse(statement.target): ast.unparse(statement.annotation) for statement in statements}
            if not types or types.keys() & declared.keys():  # not a reader's own variables further down
                types, given = declared, []
    return types, given


def _check_type(name, value, kind):
    if isinstance(value, PARAMETER_TYPES[kind]) and isinstance(value, bool) == (kind == "bool"):
        return
    advice = {
        "bool": f"-p {name} True or -p {name} False",
        "int": f"a whole number, such as -p {name} 10",
        "float": f"a number, such as -p {name} 0.5",
        "str": f"-r {name} {value}, which papermill leaves as text",
    }
    raise ValueError(f"{name} is {value!r} (of type {type(value).__name__}), expected {kind}: pass {advice[kind]}")


def provenance(index=None):
    """What this notebook ran with, its parameters among them: the last cell of each.

    Parameters
    ----------
    index : pd.DataFrame, optional
        The clips, of which the number and fingerprint are told.

    Returns
    -------
    IPython.display.HTML
    """
    from . import datasets

    rows = {}
    if (shell := get_ipython()) is not None:
        types, _ = _declared_parameters(shell)
        rows["parameters"] = ", ".join(f"{name} = {shell.user_ns[name]!r}" for name in types)
    if index is not None:
        rows["data"] = f"{datasets.source(index)}; fingerprint {datasets.fingerprint(index)}"
    rows["packages"] = ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name)))
    rows["machine"] = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    if "keras" in sys.modules:
        from . import training

        rows["device"] = training.device()
    cells = "".join(f'<tr><th scope="row">{k}</th><td>{html.escape(v)}</td></tr>' for k, v in rows.items())
    return HTML(f'<details class="provenance" open><summary>Provenance</summary><table>{cells}</table></details>')


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
