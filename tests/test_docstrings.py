"""Every public thing of the package has a valid numpydoc docstring, a notebook that explains it, and true examples."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import operator
import pkgutil
import re
import textwrap

import numpy as np
import pytest
from conftest import ROOT
from numpydoc import validate
from numpydoc.docscrape import NumpyDocString
from test_floors import FLOORS

import genre_utils

pytestmark = pytest.mark.quick

NOT_ASKED = {
    "ES01": "one sentence may say all",
    "EX01": "examples are asked for by MOST_USED below",
    "PR07": "a name and a type may say all",
    "RT02": "what is returned may have a name",
    "RT03": "a type may say all",
    "SA01": "names in backticks say where to look",
    "SS05": "a function that returns something may be called by it: 'Length of a file …'",
    "YD01": "a context manager may give nothing",
}
MOST_USED = [
    "audio.fix_length",
    "augment.add_noise",
    "augment.augment",
    "datasets.genres",
    "datasets.load",
    "datasets.source",
    "evaluation.accuracy",
    "evaluation.bootstrap",
    "evaluation.confusion",
    "evaluation.corrected_t_test",
    "evaluation.holdout",
    "evaluation.k_fold",
    "evaluation.mcnemar",
    "evaluation.predefined_split",
    "evaluation.random_splits",
    "evaluation.scores",
    "evaluation.wilson",
    "features.extract",
    "features.log_mel",
    "features.preset",
    "features.standardise",
    "features.training_statistics",
    "models.build",
    "models.describe",
    "models.input_configs",
    "models.input_shape_of",
    "models.network",
    "papers.f1",
    "papers.ordinary_accuracy",
]


def public_modules():
    for found in pkgutil.walk_packages(genre_utils.__path__, "genre_utils."):
        if "._" not in found.name:
            yield importlib.import_module(found.name)


def defined_in(namespace, module):
    """Public functions and classes that a module defines, and the methods of its classes."""
    for name, thing in vars(namespace).items():
        thing = getattr(thing, "__func__", thing)
        if isinstance(thing, property):
            thing = thing.fget
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield f"{module.__name__}.{thing.__qualname__}", thing
        if inspect.isclass(thing):
            yield from defined_in(thing, module)


MODULES = {module.__name__: module for module in public_modules()}
THINGS = {name: thing for module in MODULES.values() for name, thing in defined_in(module, module)}


def fields_of(thing):
    """Fields of a record: a dataclass or a named tuple."""
    if dataclasses.is_dataclass(thing):
        return [field.name for field in dataclasses.fields(thing)]
    return list(getattr(thing, "_fields", []))


def sections_of(thing):
    return NumpyDocString(inspect.getdoc(thing))


def raised_in(thing):
    """Errors that a function raises itself, or a class where it is made or used as an object."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    nodes = [tree]
    if inspect.isclass(thing):
        methods = (node for node in tree.body[0].body if isinstance(node, ast.FunctionDef))
        nodes = [node for node in methods if node.name.startswith("_")]
    errors = [node.exc for part in nodes for node in ast.walk(part) if isinstance(node, ast.Raise) and node.exc]
    return {ast.unparse(error.func if isinstance(error, ast.Call) else error).split(".")[-1] for error in errors}


def test_public_things_are_found():
    known = {
        "genre_utils.models.build",
        "genre_utils.evaluation.result.Result.right",
        "genre_utils.features.crops.Crops",
    }
    assert known <= THINGS.keys()


def test_numpydoc_finds_nothing_to_mend():
    faults = {}
    for name, thing in THINGS.items():
        passed_over = NOT_ASKED.keys() | ({"PR01"} if fields_of(thing) else set())
        for code, message in validate.validate(name)["errors"]:
            if code not in passed_over:
                faults[name] = message
    assert not faults


def test_every_field_of_a_record_is_documented():
    records = {name: thing for name, thing in THINGS.items() if fields_of(thing)}
    documented = {
        name: [part for entry in sections_of(thing)["Attributes"] for part in entry.name.split(", ")]
        for name, thing in records.items()
    }
    assert documented == {name: fields_of(thing) for name, thing in records.items()}


def test_every_error_that_is_raised_is_documented():
    faults = {}
    for name, thing in THINGS.items():
        entries = sections_of(thing)["Raises"]
        if missing := raised_in(thing) - {entry.type.split(".")[-1] for entry in entries}:
            faults[name] = f"raises {missing}"
        if not all(entry.desc for entry in entries):
            faults[name] = "lists an error without its reason"
    assert not faults


def test_arrays_have_shapes_and_rates_have_units():
    faults = {}
    for name, thing in THINGS.items():
        sections = sections_of(thing)
        for entry in [*sections["Parameters"], *sections["Attributes"], *sections["Returns"]]:
            if entry.type.startswith(("np.ndarray", "array-like")) and "[shape=" not in entry.type:
                faults[name] = f"{entry.name} has no shape"
            if "sr" in entry.name.split("_") and "Hz" not in " ".join(entry.desc):
                faults[name] = f"{entry.name} is not said to be in Hz"
    assert not faults


def test_every_module_names_the_notebooks_that_explain_it():
    silent = [
        name for name, module in MODULES.items() if not re.search(r"[Nn]otebooks? \d\d|every notebook", module.__doc__)
    ]
    assert not silent


def test_notebooks_that_are_named_exist():
    numbers = {path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")}
    for name, thing in (MODULES | THINGS).items():
        for named in re.findall(r"[Nn]otebooks? ((?:\d\d(?:, | and | to )?)+)", thing.__doc__):
            assert set(re.findall(r"\d\d", named)) <= numbers, f"{name}: notebook {named}"


def test_names_in_backticks_exist():
    rooms = {name.split(".")[1] for name in MODULES}
    for thing in (MODULES | THINGS).values():
        for mentioned in re.findall(r"(?<!`)`([a-z]\w*(?:\.\w+)+)`(?!`)", thing.__doc__):
            if mentioned.split(".")[0] in rooms:
                operator.attrgetter(mentioned)(genre_utils)


def test_every_room_has_its_place_on_the_page_of_the_package():
    page = (ROOT / "book/api.md").read_text(encoding="utf-8")
    shown = re.findall(r"automodule:: genre_utils\.(\S+)", page)
    assert [name for name in shown if "." not in name] == FLOORS[1:]
    assert {f"genre_utils.{name}" for name in shown} <= MODULES.keys()


@pytest.mark.parametrize("name", MOST_USED)
def test_the_most_used_have_examples(name):
    room, function = name.split(".")
    assert sections_of(getattr(MODULES[f"genre_utils.{room}"], function))["Examples"]


@pytest.mark.parametrize("name", [name for name, thing in THINGS.items() if ">>>" in thing.__doc__])
def test_examples_give_what_they_show(name):
    """As a reader would run them, with nothing but numpy at hand."""
    (example,) = doctest.DocTestFinder(recurse=False).find(THINGS[name], name, globs={"np": np})
    report = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert not report, "".join(report)
