"""The command: ``python -m book.build.slides`` makes lectures of tagged cells of the notebooks last executed.

A cell is tagged by nbconvert's own metadata, ``"slideshow": {"slide_type": "slide"}``. Of code, a slide shows the
outputs under the last heading above. Of prose, it shows what stands out: heading, formulas, lists, quotations, tables.
The rest is in the speaker's notes.
"""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import nbformat
import yaml

from . import ROOT
from .extension import copy_mathjax

LECTURES = {
    "lecture_1": ("Lecture 1: from sound to network", ["01", "02", "03", "00"]),
    "lecture_2": ("Lecture 2: the networks of two papers", ["04", "05", "06", "07", "08"]),
    "lecture_3": ("Lecture 3: evidence", ["10", "11", "12", "13"]),
}
REVEAL_PARTS = ["dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js"]
STANDS_OUT = re.compile(r"#+ |[-*] |\d+\. |> |\||\$\$")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)")


def slides(nb: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Cells of one notebook's slides: on each what stands out, and the running text as notes."""
    heading, cells = "", []
    for i, cell in enumerate(nb.cells):
        prose = LINK.sub(r"\1", cell.source) if cell.cell_type == "markdown" else ""
        if cell.metadata.get("slideshow", {}).get("slide_type") == "slide":
            if prose:
                blocks = re.split(r"\n{2,}", re.split(r"^(?=#)", prose, flags=re.MULTILINE)[-1])
                shown = blocks if i == 0 else [block for block in blocks if STANDS_OUT.match(block)]
                notes = [block for block in blocks if block not in shown]
                cells += [_cell("\n\n".join(shown), "slide")]
            else:
                below = nb.cells[i + 1] if i + 1 < len(nb.cells) else {}
                told = LINK.sub(r"\1", below.source) if below.get("cell_type") == "markdown" else ""
                notes = [re.split(r"^#+ ", told, maxsplit=1, flags=re.MULTILINE)[0]]
                cells += [_cell(f"## {heading}", "slide"), cell]
                cell.metadata.slideshow.slide_type = "-"
            cells.append(_cell("\n\n".join(notes), "notes"))
        heading = (re.findall(r"^#+ (.+)", prose, re.MULTILINE) or [heading])[-1]
    return [cell for cell in cells if cell.cell_type == "code" or cell.source.strip()]


def _cell(source: str, kind: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def write(executed: Path, out: Path) -> None:
    """Write the lectures, with the scripts, sounds and pictures that they use, into a new folder.

    Parameters
    ----------
    executed : Path
        The build's folder of executed notebooks.
    out : Path

    Raises
    ------
    FileNotFoundError
        When a notebook has not been executed.
    """
    from nbconvert.exporters import SlidesExporter

    shutil.rmtree(out, ignore_errors=True)
    (out / "media").mkdir(parents=True)
    exporter = SlidesExporter(
        template_name="slides_template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        reveal_url_prefix="reveal",
        reveal_theme="book",
        embed_images=False,
    )
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
    for name, (title, numbers) in LECTURES.items():
        cells = [_cell(f"# {title}\n\n{book}. Text and figures: CC BY 4.0.", "slide")]
        for number in numbers:
            last = next(executed.glob(f"{number}_*.last"), None)
            if not last:
                raise FileNotFoundError(f"notebook {number} has not been executed; run make book first")
            run = executed / last.stem / last.read_text()
            cells += slides(nbformat.read(run / "notebook.ipynb", as_version=4))
            shutil.copytree(run / "media", out / "media", dirs_exist_ok=True)
        for place, cell in enumerate(cells):
            cell.id = f"slide-{place}"  # notebooks give the same id to like cells
        page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=cells, metadata={"title": title}))
        (out / f"{name}.html").write_text(page.replace("../_static/media/", "media/"), encoding="utf-8")
    package = Path(importlib.util.find_spec("sphinx_revealjs").submodule_search_locations[0])
    for part in REVEAL_PARTS:
        (out / "reveal" / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / "_static/revealjs" / part, out / "reveal" / part)
    copy_mathjax(out / "mathjax")
    styles = [ROOT / "book/_static/custom.css", Path(__file__).parent / "slides_template/slides.css"]
    theme = out / "reveal/dist/theme/book.css"
    theme.parent.mkdir()
    theme.write_text("".join(path.read_text(encoding="utf-8") for path in styles), encoding="utf-8")
    shutil.copy(ROOT / "genre_utils/notebook/moving.js", out)


def main() -> int:
    out = ROOT / "_build/slides"
    try:
        write(ROOT / "_build/executed", out)
    except FileNotFoundError as error:
        print(f"no slides made: {error}", file=sys.stderr)
        return 1
    print(f"the slides are at {out}: {', '.join(f'{name}.html' for name in LECTURES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
