"""The parameters of each notebook under a profile, and whether its data are there."""

import re
from pathlib import Path

from . import ROOT, BookError

TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool}
GIVEN = ("authors_weights", "results_bbnn", "results_inception_resnet")  # paths of what a reader made elsewhere
PATH_ENDINGS = ("_dir", "_file", *GIVEN)


def read_profiles() -> dict[str, dict]:
    """What ``book/profiles.yml`` says, by profile."""
    import yaml

    return yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))


def load_profile(
    name: str, notebooks: list[Path], data_dir: str | None = None, overrides: list[str] | None = None
) -> dict[str, dict]:
    """Each notebook's parameters under a profile.

    Parameters whose names end in one of `PATH_ENDINGS` are paths. Relative ones start from the folder of the Makefile.

    Parameters
    ----------
    name : str
        One of the profiles in ``book/profiles.yml``.
    notebooks : list of Path
        The notebooks that will be executed.
    data_dir : str, optional
        Folder or file with real data; passed on to every notebook whose entry names no dataset of its own.
    overrides : list of str, optional
        ``"name=value"``, or several with spaces between, the values in YAML: each replaces that parameter in every
        notebook that declares it.

    Returns
    -------
    parameters : dict
        Notebook name (without ending) to its parameters.

    Raises
    ------
    BookError
        When the profile is unknown, a notebook is missing from it, a parameter is not declared or has another type
        there, or the profile and `data_dir` do not go together.
    """
    import papermill

    profiles = read_profiles()
    if name not in profiles:
        raise BookError(f"profile '{name}' is unknown; book/profiles.yml has: {', '.join(profiles)}")
    profile = profiles[name]
    with_data = [key for key, value in profiles.items() if value.get("needs_data")]
    if name in with_data and not data_dir:
        raise BookError(f"profile '{name}' reads real clips; where? make book PROFILE={name} DATA_DIR=folder")
    if data_dir and name not in with_data:
        raise BookError(
            f"profile '{name}' makes its own sound, without DATA_DIR; for real clips use PROFILE={'|'.join(with_data)}"
        )

    where = f"book/profiles.yml, profile '{name}'"
    extra = sorted(set(profile["notebooks"]) - {path.stem for path in notebooks})
    if extra:
        raise BookError(f"{where}: there is no notebook {', '.join(extra)}")
    everywhere = profile.get("all") or {}
    wanted = _parsed(overrides or [])
    unused = set(wanted)
    parameters = {}
    for path in notebooks:
        if path.stem not in profile["notebooks"]:
            raise BookError(f"{where}: no entry for notebooks/{path.name}; add one (it may be empty: {{}})")
        entry = profile["notebooks"][path.stem] or {}
        values = {**everywhere, **entry}
        if data_dir and "dataset" not in entry:
            values["data_dir"] = str(Path(data_dir).expanduser().resolve())
        declared = {key: told["inferred_type_name"] for key, told in papermill.inspect_notebook(path).items()}
        undeclared = sorted(set(values) - set(declared))
        if undeclared:
            raise BookError(f"{where}: notebooks/{path.name} declares no parameter {', '.join(undeclared)}")
        values |= {key: value for key, value in wanted.items() if key in declared}
        unused -= set(declared)
        for key, value in values.items():
            _check_type(f"notebooks/{path.name}", key, value, declared[key])
        parameters[path.stem] = {key: _resolved(key, value) for key, value in values.items()}
    if unused:
        raise BookError(f"no notebook declares the parameter {', '.join(sorted(unused))} that is to be set")
    return parameters


def check_data(profile: str, parameters: dict[str, dict]) -> None:
    """Read the index of every collection that the notebooks will read, so that a missing one is known at once.

    Parameters
    ----------
    profile : str
        Its ``min_clips_per_genre``, if any, holds for each collection; so does the number of folds.
    parameters : dict
        From `load_profile`.

    Raises
    ------
    BookError
        When a collection is not where it is expected, or has too few clips of a genre.
    """
    from genre_utils import datasets

    fewest = read_profiles()[profile].get("min_clips_per_genre", 1)
    readers = {}
    for notebook, values in parameters.items():
        if values.get("dataset", "synthetic") != "synthetic":
            readers.setdefault((values["dataset"], values.get("data_dir")), []).append(notebook)
    for (dataset, folder), notebooks in readers.items():
        needed = max(fewest, *(parameters[notebook].get("n_folds", 1) for notebook in notebooks))
        expected = f"notebooks/{notebooks[0]}.ipynb expects the dataset '{dataset}' in {folder or 'a data_dir'}"
        try:
            counts = datasets.load(dataset, folder)["genre"].value_counts()
        except (OSError, ValueError) as error:
            raise BookError(f"{expected}: {error}") from error
        if counts.min() < needed:
            raise BookError(
                f"{expected} with at least {needed} clips of each genre; {counts.idxmin()} has {counts.min()}: "
                "add clips, or ask for fewer folds"
            )


def _parsed(overrides: list[str]) -> dict:
    import yaml

    wanted = {}
    for override in (part for given in overrides for part in re.split(r"\s+(?=\w+=)", given.strip()) if part):
        key, equals, value = override.partition("=")
        if not (key.isidentifier() and equals):
            raise BookError(f"cannot set '{override}'; expected name=value, such as epochs=1")
        try:
            exponent = re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value)  # often text to YAML 1.1
            wanted[key] = float(value) if exponent else yaml.safe_load(value) if value else ""
        except yaml.YAMLError as error:
            raise BookError(f"cannot set '{override}'; its value is no YAML") from error
    return wanted


def _check_type(notebook: str, key: str, value, declared: str) -> None:
    if declared in TYPES and not (
        isinstance(value, TYPES[declared]) and isinstance(value, bool) == (declared == "bool")
    ):
        raise BookError(f"{notebook}: {key} is {value!r}, a {type(value).__name__}; expected {declared}")


def _resolved(key: str, value):
    return str(ROOT / Path(value).expanduser()) if key.endswith(PATH_ENDINGS) and value else value
