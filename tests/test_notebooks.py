"""The contract that every notebook keeps. Executed ones are checked where the book is built."""

import ast
import re
import sys
import tokenize
import tomllib
from io import StringIO

import nbformat
import papermill
import pytest
import yaml
from conftest import NOTEBOOKS, ROOT

from book.build import checks, student
from genre_utils import evaluation

pytestmark = pytest.mark.quick

PARAMETER_TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool}
MAX_FUNCTION_LINES = 12
GENERATED = "../book/claims.md"  # written when the book is staged

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def tagged(nb, tag):
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]


def python(cell):
    """The cell's source without IPython's own lines, which no Python parser reads."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)


def test_there_are_notebooks():
    assert NOTEBOOKS


@every_notebook
def test_is_a_valid_source_without_outputs(path):
    nb = read(path)
    nbformat.validate(nb)
    assert nb.metadata.kernelspec.name == "python3"
    assert (nb.nbformat, nb.nbformat_minor) >= (4, 5), "cells have no ids; save the notebook as nbformat 4.5"
    for cell in nb.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, f"has outputs: {cell.source[:60]!r}"


@every_notebook
def test_opens_with_what_the_reader_gets(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \S", first.source)
    for phrase in ("You will learn", "Needs", "Time"):
        assert phrase in first.source


@every_notebook
def test_has_one_title(path):
    titles = [line for cell in read(path).cells if cell.cell_type == "markdown" for line in prose_lines(cell.source)]
    assert sum(bool(re.match(r"# \S", line)) for line in titles) == 1


def prose_lines(source):
    return re.sub(r"^(`{3,}).*?^\1", "", source, flags=re.MULTILINE | re.DOTALL).splitlines()


@every_notebook
def test_set_up_acts_in_colab_only(path):
    (cell,) = tagged(read(path), "setup")
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f'"genre-utils @ git+{url}@v{version}"' in cell.source
    assert cell.source == tagged(read(NOTEBOOKS[0]), "setup")[0].source.replace(NOTEBOOKS[0].stem, path.stem)
    assert cell.source.endswith(f'notebook.setup("{path.stem}")')
    install = [line for line in cell.source.splitlines() if "pip install" in line]
    assert install and all(line.startswith("    ") for line in install)
    assert 'if "google.colab" in sys.modules:' in cell.source


def test_set_up_is_one_sentence_where_the_package_is_missing(monkeypatch):
    """As in a fork whose address names no repository, or without a network: pip has said so, and the cell goes on."""
    (cell,) = tagged(read(NOTEBOOKS[0]), "setup")
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setitem(sys.modules, "genre_utils", None)
    with pytest.raises(SystemExit, match="genre_utils.*does the address above exist.*`make repository`"):
        exec(python(cell), {})


@every_notebook
def test_profile_and_drive_are_parameters_of_every_notebook(path):
    told = papermill.inspect_notebook(str(path))
    assert list(told)[-2:] == ["profile", "drive"]
    assert {told[name]["default"] for name in ("profile", "drive")} == {'""'}


@every_notebook
def test_parameters_have_type_and_meaning(path):
    nb = read(path)
    (cell,) = tagged(nb, "parameters")
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(StringIO(cell.source).readline)
        if token.type == tokenize.COMMENT
    }
    statements = ast.parse(cell.source).body
    for statement in statements:
        assert isinstance(statement, ast.AnnAssign), f"not `name: type = value`: {ast.unparse(statement)}"
        name, kind = statement.target.id, ast.unparse(statement.annotation)
        value = ast.literal_eval(statement.value)
        assert kind in PARAMETER_TYPES, f"{name}: papermill cannot read the type {kind}"
        assert isinstance(value, PARAMETER_TYPES[kind]) and isinstance(value, bool) == (kind == "bool"), name
        assert statement.lineno == statement.end_lineno and len(comments.get(statement.lineno, "")) > 5, name
    told = papermill.inspect_notebook(str(path))
    assert list(told) == [statement.target.id for statement in statements]
    assert all(entry["help"] and entry["inferred_type_name"] in PARAMETER_TYPES for entry in told.values())


@every_notebook
def test_parameters_are_set_in_their_cell_only(path):
    nb = read(path)
    (parameters,) = tagged(nb, "parameters")
    names = set(papermill.inspect_notebook(str(path)))
    for cell in nb.cells:
        if cell.cell_type == "code" and cell is not parameters:
            stored = {
                node.id
                for node in ast.walk(ast.parse(python(cell)))
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            assert not stored & names, f"sets {stored & names} again"


@every_notebook
def test_parameters_are_checked_before_anything_else(path):
    nb = read(path)
    call = parameter_check(nb)
    assert call, "the first code cell after the parameters is not notebook.check_parameters(…)"
    told = papermill.inspect_notebook(str(path))
    for keyword in call.keywords:
        known = ast.literal_eval(keyword.value)
        assert ast.literal_eval(told[keyword.arg]["default"]) in known, keyword.arg
        if keyword.arg == "protocol":
            assert known == tuple(evaluation.PROTOCOLS)


def parameter_check(nb):
    """The call of `notebook.check_parameters` that begins the first code cell after the parameters, or None."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    (parameters,) = tagged(nb, "parameters")
    return called(ast.parse(python(cells[cells.index(parameters) + 1])).body[0], "notebook.check_parameters")


def tells_provenance(cell):
    """Whether a cell ends with `notebook.provenance`, which is given the clips alone."""
    call = called(ast.parse(python(cell)).body[-1], "notebook.provenance")
    return bool(call) and not call.keywords and [ast.unparse(value) for value in call.args] in ([], ["index"])


def called(statement, name):
    is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return statement.value if is_call and ast.unparse(statement.value.func) == name else None


@pytest.mark.parametrize(
    "cells, checked",
    [
        (["notebook.check_parameters();"], True),
        (["notebook.check_parameters(model=('bbnn',))", "import numpy"], True),
        (["import numpy", "notebook.check_parameters()"], False),
        (["import numpy\nnotebook.check_parameters()"], False),
        (["checked = notebook.check_parameters"], False),
    ],
)
def test_an_unchecked_notebook_is_found(cells, checked):
    parameters = nbformat.v4.new_code_cell("seed: int = 0", metadata={"tags": ["parameters"]})
    prose = nbformat.v4.new_markdown_cell("The next cell checks them.")
    nb = nbformat.v4.new_notebook(cells=[parameters, prose, *map(nbformat.v4.new_code_cell, cells)])
    assert bool(parameter_check(nb)) == checked


@pytest.mark.parametrize(
    "source, told",
    [
        ("notebook.provenance()", True),
        ("folder.cleanup()\nnotebook.provenance(index)", True),
        ("notebook.provenance(index)\nfolder.cleanup()", False),
        ("notebook.provenance({'seed': seed}, index)", False),
        ("print('notebook.provenance(index)')", False),
    ],
)
def test_a_notebook_without_provenance_is_found(source, told):
    assert tells_provenance(nbformat.v4.new_code_cell(source)) == told


@every_notebook
def test_functions_are_short(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(python(cell))):
                if isinstance(node, ast.FunctionDef):
                    lines = node.end_lineno - node.lineno + 1
                    assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines; it belongs in genre_utils"


@every_notebook
def test_is_read_in_one_sitting(path):
    assert 20 <= len(read(path).cells) <= 45


ANSWER = re.compile(r'<details class="answer"><summary>[^<]+</summary>\n\n.+?\n\n</details>', re.DOTALL)


@every_notebook
def test_exercises_are_graded_checked_and_solved(path):
    cells = read(path).cells
    starts = [i for i, cell in enumerate(cells) if re.search(r"^#+ .*Exercise", cell.source, re.MULTILINE)]
    assert 3 <= len(starts) <= 5
    grades = []
    ends = [*starts[1:], next(i for i, cell in enumerate(cells) if cell.source.startswith("## Summary"))]
    for number, (start, end) in enumerate(zip(starts, ends), start=1):
        heading = cells[start].source.splitlines()[0]
        told = re.fullmatch(rf"##+ Exercise {number} \((recall|change|explore)\): .+", heading)
        assert told and cells[start].cell_type == "markdown", heading
        grades.append(told[1])
        by_tag = {tag: [c for c in cells[start:end] if tag in c.metadata.get("tags", [])] for tag in EXERCISE_TAGS}
        for cell in by_tag["answer"]:
            assert re.search(r"^answer\w* = \.\.\.", cell.source, re.MULTILINE), f"no place for an answer: {heading}"
        assert by_tag["answer"], f"no cell for an answer: {heading}"
        assert by_tag["check"] or told[1] == "explore", f"no check: {heading}"
        assert all("notebook.check(" in cell.source for cell in by_tag["check"]), heading
        kinds = [cell.cell_type for cell in by_tag["solution"]]
        assert "code" in kinds, f"no solution in code: {heading}"
        prose = [cell.source for cell in by_tag["solution"] if cell.cell_type == "markdown"]
        assert prose and all(map(ANSWER.fullmatch, prose)), f"no folded solution in words: {heading}"
        assert all("hide-cell" in c.metadata.tags for c in by_tag["solution"] if c.cell_type == "code"), heading
    assert set(grades) == {"recall", "change", "explore"}


EXERCISE_TAGS = ("answer", "check", "solution")


@every_notebook
def test_the_students_edition_has_no_answer_and_all_else(path):
    nb = read(path)
    solved = [cell.source for cell in tagged(nb, "solution")]
    answers = [found for cell in nb.cells for found in ANSWER.findall(cell.source)]
    bare = student.without_answers(read(path))
    told = "\n".join(cell.source for cell in bare.cells)
    assert solved and answers and '<details class="answer"' not in told
    for answer in [*solved, *answers]:
        text = re.sub(r"</?details[^>]*>|<summary>.*?</summary>", "", answer).strip()
        assert text and text not in told, text[:80]
    assert len(bare.cells) == len(nb.cells) - len(solved)
    assert all(cell.source.strip() for cell in bare.cells)
    for tag in ("answer", "check", "parameters", "provenance"):
        assert len(tagged(bare, tag)) == len(tagged(nb, tag))


@every_notebook
def test_nothing_needs_what_a_solution_makes(path):
    made = {True: set(), False: set()}
    needed = set()
    for cell in read(path).cells:
        if cell.cell_type == "code":
            solution = "solution" in cell.metadata.get("tags", [])
            for node in ast.walk(ast.parse(python(cell))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    made[solution].add(node.name)
                elif isinstance(node, ast.alias):
                    made[solution].add((node.asname or node.name).split(".")[0])
                elif isinstance(node, ast.arg):
                    made[solution].add(node.arg)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    made[solution].add(node.id)
                elif isinstance(node, ast.Name) and not solution:
                    needed.add(node.id)
    assert not needed & (made[True] - made[False])


@every_notebook
def test_questions_have_folded_answers(path):
    prose = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    (quiz,) = [source for source in prose if source.startswith("## Check yourself")]
    assert len(ANSWER.findall(quiz)) == 3
    for source in prose:
        assert len(ANSWER.findall(source)) >= source.count("**Ask yourself"), source[:80]


@every_notebook
def test_nothing_is_drawn_in_letters(path):
    for cell in read(path).cells:
        assert not re.search(r"[┌┐└┘├┤│─]{2}", cell.source), cell.source[:80]


@every_notebook
def test_ends_with_summary_and_provenance(path):
    cells = read(path).cells
    assert any(re.search(r"^## Summary", cell.source, re.MULTILINE) for cell in cells if cell.cell_type == "markdown")
    assert cells[-1].cell_type == "code" and cells[-1].metadata.get("tags") == ["provenance"]
    assert tells_provenance(cells[-1])


@every_notebook
def test_figures_have_alt_text(path):
    for cell in tagged(read(path), "figure"):
        assert len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) > 20, cell.source[:60]


@every_notebook
def test_links_and_paths_are_relative(path):
    for cell in read(path).cells:
        assert not re.search(r"(?<![\w.])(/(home|root|Users|content|tmp|work|mnt)/|[A-Z]:\\\\)", cell.source), (
            cell.source
        )
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", cell.source):
                if not re.match(r"https?://|mailto:", target):
                    assert target == GENERATED or (path.parent / target).is_file(), f"broken link: {target}"


# What an executed notebook is refused for


def executed(source, *outputs, tags=(), alt="", count=1):
    metadata = {"tags": list(tags)} | ({"mystnb": {"image": {"alt": alt}}} if alt else {})
    cell = nbformat.v4.new_code_cell(source, metadata=metadata, outputs=list(outputs), execution_count=count)
    return nbformat.v4.new_notebook(cells=[cell])


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def display(**data):
    return nbformat.v4.new_output("display_data", data={key.replace("__", "/"): value for key, value in data.items()})


@pytest.mark.parametrize(
    "nb",
    [
        executed("x = 1"),
        executed("print(1)", stream("100 of 100 clips, 97 % right\n")),
        executed("draw();", display(image__png="aaaa"), tags=["figure"], alt="A line that rises."),
        executed("play()", display(text__html='<audio controls preload="none" src="a.mp3"></audio>')),
    ],
)
def test_a_clean_execution_passes(nb):
    assert checks.check_executed(nb) == []


@pytest.mark.parametrize(
    "nb, problem",
    [
        (executed("x = 1", count=None), "not executed"),
        (executed("1 / 0", nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="by zero")), "by zero"),
        (executed("warn()", stream("FutureWarning: soon", "stderr")), "stderr"),
        (executed("fit()", stream(" 30%|###   | 3/10 [00:01<00:02]")), "debris"),
        (executed("fit()", stream("1/3\r2/3\r3/3\n")), "debris"),
        (executed("slider()", display(**{"application__vnd.jupyter.widget-view+json": {}})), "widget"),
        (executed("draw();", display(image__png="aaaa"), tags=["figure"]), "alt text"),
        (executed("draw();", display(image__png="aaaa"), alt="A line that rises."), "not tagged"),
        (executed("x = 1", tags=["figure"], alt="A line that rises."), "shows none"),
        (executed("fig", *[display(image__png="aaaa")] * 2, tags=["figure"], alt="A line that rises."), "twice"),
        (executed("HTML()", display(text__html='<img src="a.png">')), "without alt"),
        (executed("play()", display(text__html='<audio src="a.mp3"></audio>')), "preload"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_flawed_execution_is_refused(nb, problem):
    (found,) = checks.check_executed(nb)
    assert problem in found
    assert found.startswith(f"cell 1 ({nb.cells[0].source!r})")
