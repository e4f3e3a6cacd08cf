"""The students' edition: the staged notebooks without their solutions and without the answers to their questions."""

import re
from pathlib import Path

import nbformat

ANSWER = re.compile(r'\n*<details class="answer">.*?</details>', re.DOTALL)


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


def strip(stage: Path, target: Path) -> None:
    """Write the students' notebooks into the staged book, and a copy of them to hand out.

    Parameters
    ----------
    stage : Path
        The staged book.
    target : Path
        Folder of the copies.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((stage / "notebooks").glob("*.ipynb")):
        nb = without_answers(nbformat.read(path, as_version=4))
        for place in (path, target / path.name):
            nbformat.write(nb, place)
