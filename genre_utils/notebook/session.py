"""How every notebook begins and ends: set-up, parameters, provenance."""

import ast
import difflib
import html
import logging
import os
import platform
import sys
import warnings
from pathlib import Path

from IPython import get_ipython
from IPython.display import HTML

from .._store import version

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

    from .. import plots

    pooch.get_logger().setLevel("WARNING")
    plots.style()
    if (shell := get_ipython()) is not None:
        shell.run_line_magic("config", "InlineBackend.figure_formats = ['png']")


def _errors_only(record):
    return record.levelno >= logging.ERROR


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
    from .. import datasets

    rows = {}
    if (shell := get_ipython()) is not None:
        types, _ = _declared_parameters(shell)
        rows["parameters"] = ", ".join(f"{name} = {_public(shell.user_ns[name])!r}" for name in types)
    if index is not None:
        rows["data"] = f"{datasets.source(index)}; fingerprint {datasets.fingerprint(index)}"
    rows["packages"] = ", ".join(f"{name} {found}" for name in PACKAGES if (found := version(name)))
    rows["machine"] = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    if "keras" in sys.modules:
        from .. import training

        rows["device"] = training.device()
    cells = "".join(f'<tr><th scope="row">{k}</th><td>{html.escape(v)}</td></tr>' for k, v in rows.items())
    return HTML(f'<details class="provenance" open><summary>Provenance</summary><table>{cells}</table></details>')


def _public(value):
    """A parameter's value without the folders of this machine."""
    return f"…/{Path(value).name}" if isinstance(value, str) and Path(value).is_absolute() else value
