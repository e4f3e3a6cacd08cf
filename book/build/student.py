"""The students' edition: the staged notebooks without their solutions and without the answers to their questions."""

import html
import json
import re
import shutil
from pathlib import Path

import nbformat
import yaml

ANSWER = re.compile(r'\n*<details class="answer">.*?</details>', re.DOTALL)
TELLING = 40  # letters and digits of a sentence or line of code, from which on it is known again
TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
READ = {".html", ".ipynb", ".js", ".json", ".md", ".txt", ".py"}


def without_answers(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave out cells tagged `solution`, and what is folded as an answer in the others.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        Changed in place.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    nb.cells = [cell for cell in nb.cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = ANSWER.sub("", cell.source)
    return nb


def strip(stage: Path, target: Path) -> set[str]:
    """Write the students' notebooks into the staged book, and a copy of them to hand out.

    Parameters
    ----------
    stage : Path
        The staged book.
    target : Path
        Folder of the copies.

    Returns
    -------
    set of str
        What no student may find: lines and sentences of the solutions and answers that stand nowhere else in the book,
        as `squash` leaves them.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    answers = set()
    for path in sorted((stage / "notebooks").glob("*.ipynb")):
        whole = nbformat.read(path, as_version=4)
        for cell in whole.cells:
            solution = "solution" in cell.metadata.get("tags", [])
            if cell.cell_type == "code":
                answers.update(cell.source.splitlines() if solution else ())
            else:
                for told in [cell.source] if solution else ANSWER.findall(cell.source):
                    told = re.sub(r"<summary>.*?</summary>|\]\([^)]*\)", " ", told)
                    answers.update(re.split(r"(?<=[.?!:])\s+", told))
        nb = without_answers(whole)
        for place in (path, target / path.name):
            nbformat.write(nb, place)
    config = stage / "_config.yml"  # whose buttons lead to the repository, where the solutions are
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings.pop("launch_buttons", None)
    settings["html"] = settings.get("html", {}) | {"use_repository_button": False}
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    pages = [*(stage / "notebooks").glob("*.ipynb"), *(stage / "book").glob("*.md")]
    told = "".join(squash(path) for path in pages)
    squashed = {_letters(TAG.sub(" ", answer)) for answer in answers}
    return {answer for answer in squashed if len(answer) >= TELLING and answer not in told}


def squash(path: Path) -> str:
    """Letters and digits of a file, without markup, so that the same words are the same in every format."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(_strings(json.loads(text)))
    return _letters(html.unescape(TAG.sub(" ", text)))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def check_answers(answers: set[str], *folders: Path) -> list[str]:
    """Search what the students get for solutions and answers.

    Parameters
    ----------
    answers : set of str
        What `strip` returned.
    *folders : Path

    Returns
    -------
    list of str
        One line for each file that tells an answer.
    """
    problems = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in READ):
        text = squash(path)
        found = [answer for answer in answers if answer in text]
        problems += [f"{path.name} tells an answer: {found[0][:60]}" for found in [found] if found]
    return problems
