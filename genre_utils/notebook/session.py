"""How every notebook begins and ends: set-up, parameters, provenance."""

import ast
import difflib
import html
import logging
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

import yaml
from IPython import get_ipython
from IPython.display import HTML

from .._store import digest, version

PARAMETER_TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool}
PACKAGES = ("genre-utils", "keras", "tensorflow", "jax", "torch", "librosa", "numpy", "scikit-learn")
PROFILES = Path(__file__).with_name("profiles.yml")
DRIVE = Path("/content/drive")  # where Colab shows Google's Drive
RESULTS = ("results_dir", "results_file", "out_dir")  # parameters that say where results are kept
LEAST = {"epochs": 1, "n_folds": 2}
NO_GPU = "No GPU; for one, choose Runtime → Change runtime type → T4 GPU, then run all cells again."
_notebook = ""


def setup(name=""):
    """Quiet the libraries' logs, hide what only concerns their authors, set the figures' style; in Colab, name the GPU.

    Parameters
    ----------
    name : str
        The notebook's, without its ending: the entry of the profiles, and of what `drive` keeps.

    References
    ----------
    Every notebook's first cell.
    """
    global _notebook
    _notebook = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # What TensorFlow has to say of networks that are built anew for each fold is no news to a reader.
    logging.getLogger("tensorflow").addFilter(lambda record: record.levelno >= logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")  # joblib, and starts another

    import pooch

    from .. import plots

    pooch.get_logger().setLevel("WARNING")
    plots.style()
    if (shell := get_ipython()) is not None:
        shell.run_line_magic("config", "InlineBackend.figure_formats = ['png']")
    if "google.colab" in sys.modules:
        missing, gpu = subprocess.getstatusoutput("nvidia-smi --query-gpu=name --format=csv,noheader")
        print(f"genre_utils {version('genre-utils')} is ready. {NO_GPU if missing else f'GPU: {gpu}'}")


def check_parameters(**known):
    """Stop on a misnamed parameter, a wrong type or an unknown value; then apply `profile` and `drive`.

    For the first cell after the parameters, before anything heavy is imported. The parameters are declared in a cell
    that holds nothing but annotated assignments; of several versions, the one executed last counts. papermill puts the
    given values after it, in a cell that begins with ``# Parameters``.

    What changes a parameter, changes it in the notebook too. A `profile` of ``book/profiles.yml`` sets what papermill
    was not given and what the cell leaves at the notebook's own value. `drive` is a folder on Google's Drive in Colab,
    which is mounted, and any folder elsewhere: features are kept below it, and results under the notebook's name and a
    hash of its parameters, unless another place is named. A `data_dir` that is there is read from there. A leading
    ``~`` of parameters named ``…_dir`` is the home folder.

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
        If papermill was given a parameter that is not declared, or a value is of another type than its annotation, not
        among the known ones, or too small.
    OSError
        If `drive` cannot be mounted or written to.
    """
    shell = get_ipython()
    if shell is None:
        return {}
    types, given = _declared_parameters(shell)
    if not types:
        raise ValueError("no parameters are declared: run the cell of the parameters first")
    profiles = yaml.safe_load(PROFILES.read_text(encoding="utf-8"))
    if "profile" in types:
        known["profile"] = ("", *profiles)
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
        if name in LEAST and value < LEAST[name]:
            raise ValueError(f"{name} is {value}, expected at least {LEAST[name]}")
    if values.get("profile"):
        values |= _set_by_profile(profiles, values, given)
    values |= {name: os.path.expanduser(value) for name, value in values.items() if name.endswith("_dir")}
    if values.get("drive"):
        values |= _set_by_drive(values)
    shell.user_ns.update(values)
    return values


def _set_by_profile(profiles, values, given):
    chosen, kept = values["profile"], RESULTS if values.get("drive") else ()
    own, wanted = (profiles[name]["all"] | profiles[name]["notebooks"].get(_notebook, {}) for name in ("demo", chosen))
    free = [name for name in wanted if values[name] == own[name] and name not in (*given, *kept)]
    changed = {name: wanted[name] for name in free if wanted[name] != own[name]}
    told = ", ".join(f"{name} = {value!r}" for name, value in changed.items())
    print(f"profile {chosen} sets {told or 'nothing new'}")
    return changed


def _set_by_drive(values):
    folder = Path(values["drive"]).expanduser().absolute()
    try:
        if "google.colab" in sys.modules:
            from google.colab import drive

            drive.mount(str(DRIVE))
            folder = DRIVE / "MyDrive" / values["drive"]
        folder.mkdir(parents=True, exist_ok=True)
    except Exception as error:
        advice = "allow the access and run this cell again, or leave `drive` empty"
        raise OSError(f"the folder `drive` cannot be used ({error}): {advice}") from None
    os.environ["GENRE_UTILS_CACHE"] = str(folder / "cache")
    settings = {name: value for name, value in values.items() if name not in (*RESULTS, "drive", "n_jobs", "workers")}
    results = str(folder / _notebook / digest(settings))
    changed = {name: results + ".json" * (name == "results_file") for name in RESULTS if values.get(name) == ""}
    if values.get("data_dir") and (folder / values["data_dir"]).exists():
        changed["data_dir"] = str(folder / values["data_dir"])
    print(f"kept in {folder}: features" + f", and results in {results}" * bool(set(RESULTS) & set(changed)))
    return changed


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
    system = f"{platform.system()} {platform.machine()}"
    rows["machine"] = f"Python {platform.python_version()}, {system}, {os.cpu_count()} cores"
    if "keras" in sys.modules:
        from .. import training

        rows["device"] = training.device()
    cells = "".join(f'<tr><th scope="row">{k}</th><td>{html.escape(v)}</td></tr>' for k, v in rows.items())
    return HTML(f'<details class="provenance" open><summary>Provenance</summary><table>{cells}</table></details>')


def _public(value):
    """A parameter's value without the folders of this machine."""
    return f"…/{Path(value).name}" if isinstance(value, str) and Path(value).is_absolute() else value
