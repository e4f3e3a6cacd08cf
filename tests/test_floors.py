"""The package's floors: each room imports only from those above it, nothing in a circle, and all of it stays short."""

import ast
import io
import tokenize
from graphlib import CycleError, TopologicalSorter

import pytest
from conftest import ROOT

pytestmark = pytest.mark.quick

FLOORS = [
    "_store",
    "papers",
    "audio",
    "synthesis",
    "datasets",
    "augment",
    "features",
    "models",
    "training",
    "evaluation",
    "plots",
    "notebook",
]
MAX_LINES = 3_000
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "genre_utils").rglob("*.py"))
}


def imported(source, module, is_package=False):
    """Modules of the package that a module's source imports, at the top or within functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            here = module.split(".")
            here = here[: len(here) - node.level + is_package] if node.level else []
            base = ".".join([*here, *filter(None, [node.module])])
            for alias in node.names:
                name = f"{base}.{alias.name}"
                found.add(name if name in SOURCES else base)
    return {name for name in found if name in SOURCES and name != module}


def room(module):
    return module.split(".")[1]


@pytest.fixture(scope="module")
def graph():
    return {
        module: imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
        for module, path in SOURCES.items()
        if module != "genre_utils"
    }


def lines_of_code(source):
    """Lines without docstrings, comments and blank ones."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_imports_of_every_kind_are_seen():
    source = """
import genre_utils.audio
from genre_utils import plots
from .. import synthesis
from ..papers import FMA_FAULTY
from . import gtzan
def late():
    from .fma import load
"""
    expected = {"audio", "plots", "synthesis", "papers", "datasets.gtzan", "datasets.fma"}
    assert imported(source, "genre_utils.datasets.synthetic") == {f"genre_utils.{name}" for name in expected}
    inside = imported("from .fma import load\nfrom .._store import digest", "genre_utils.datasets", is_package=True)
    assert inside == {"genre_utils.datasets.fma", "genre_utils._store"}


def test_every_room_is_on_a_floor(graph):
    assert {room(module) for module in graph} == set(FLOORS)


def test_rooms_import_only_from_those_above(graph):
    upward = [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in others
        if other != "genre_utils"
        and room(other) != room(module)
        and FLOORS.index(room(other)) >= FLOORS.index(room(module))
    ]
    assert not upward


def test_no_module_imports_in_a_circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_a_line_of_code_is_neither_comment_nor_docstring_nor_blank():
    source = '''"""What it

holds."""

# why
x = """two
lines"""


def f():
    """One."""
    return (
        x
    )  # it
'''
    assert lines_of_code(source) == 6


def test_the_package_fits_in_a_readers_head():
    lines = {module: lines_of_code(path.read_text(encoding="utf-8")) for module, path in SOURCES.items()}
    lines = {module: n for module, n in lines.items() if not module.startswith("genre_utils.synthesis")}
    assert sum(lines.values()) < MAX_LINES, lines
