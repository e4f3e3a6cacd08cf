"""The page on teaching, the slides and the printed book."""

import re
import shutil

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT

from book.build import BookError, pdf, publish, slides


def cells_of(number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    return nbformat.read(path, as_version=4).cells


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book/teaching.md", tmp_path / "book")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


@pytest.mark.quick
def test_the_table_of_chapters_comes_from_the_notebooks(stage):
    publish.write_in_places(stage, {"% chapters": publish.chapters(stage)})
    text = (stage / "book/teaching.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| \[(Primer|\d+ [^]]+)\]\(\.\./notebooks/", line)]
    assert [re.search(r"notebooks/(\w+)\.ipynb", row)[1] for row in rows] == [path.stem for path in NOTEBOOKS]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4 and all(cells), row
        assert re.search("minute|hour", cells[2]) and len(re.findall(r"\b[P\d]+\.[1-5] ", cells[3])) >= 3


@pytest.mark.quick
def test_every_exercise_that_a_plan_names_exists():
    text = (ROOT / "book/teaching.md").read_text(encoding="utf-8")
    known = set()
    for path in NOTEBOOKS:
        number = "P" if path.stem.startswith("00") else str(int(path.stem[:2]))
        sources = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        known |= {f"{number}.{task}" for task in re.findall(r"^## Exercise (\d)", sources, re.MULTILINE)}
    named = set(re.findall(r"(?<![\w.])((?:P|\d{1,2})\.\d)(?![\w.])", text))
    assert len(named) > 30 and named - {"4.0"} <= known, named - known


# Slides


@pytest.mark.quick
@pytest.mark.parametrize("name", slides.LECTURES)
def test_a_lecture_has_fifteen_to_thirty_slides_and_no_solution(name):
    title, numbers = slides.LECTURES[name]
    chosen = [cell for number in numbers for cell in cells_of(number) if "slideshow" in cell.metadata]
    assert 14 <= len(chosen) <= 29
    for cell in chosen:
        assert not {"solution", "answer", "check"} & set(cell.metadata.get("tags", [])), cell.id
        assert cell.cell_type == "code" or "Exercise" not in cell.source


@pytest.mark.quick
def test_a_slide_shows_what_stands_out_and_tells_the_rest():
    tag = {"slideshow": {"slide_type": "slide"}}
    prose = (
        "Before.\n\n## Means\n\nRunning [text](../book/glossary.md#mean).\n\n- a list\n- of two\n\n$$x = 1$$\n\nMore."
    )
    nb = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A chapter"),
            nbformat.v4.new_markdown_cell(prose, metadata=tag),
            nbformat.v4.new_code_cell("draw()", metadata=tag),
            nbformat.v4.new_markdown_cell("What to see.\n\n## Next\n\nNot this."),
        ]
    )
    made = [(cell.metadata.slideshow.slide_type, cell.source) for cell in slides.slides(nb)]
    assert made == [
        ("slide", "## Means\n\n- a list\n- of two\n\n$$x = 1$$"),
        ("notes", "Running text.\n\nMore."),
        ("slide", "## Means"),
        ("-", "draw()"),
        ("notes", "What to see.\n\n"),
    ]


@pytest.mark.quick
def test_slides_and_pdf_without_a_book_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="make book"):
        slides.write(tmp_path / "executed", tmp_path / "slides")
    with pytest.raises(BookError, match="make book"):
        pdf.print_book(tmp_path / "html", tmp_path / "book.pdf")


# The printed book


@pytest.mark.quick
def test_the_printed_book_is_one_document(tmp_path):
    page = '<html><head></head><body><article class="bd-article"><h1 id="top">{}</h1>{}</article></body></html>'
    (tmp_path / "book").mkdir()
    first = (
        '<a href="two.html#top">x</a><a href="two.html">y</a><a href="#top">z</a><a href="https://example.org">w</a>'
    )
    second = '<audio aria-label="a clip of jazz" src="a.mp3"></audio><img src="a.png"><a href="a.mp3">a file</a>'
    (tmp_path / "book/one.html").write_text(page.format("One", first))
    (tmp_path / "book/two.html").write_text(page.format("Two", second))
    joined = pdf.one_document(tmp_path, ["book/one", "book/two"])
    links = [tag.get("href") for tag in joined.find_all("a")]
    assert links == ["#book-two-top", "#book-two", "#book-one-top", "https://example.org", None]
    ids = [tag["id"] for tag in joined.find_all(id=True)]
    assert len(ids) == len(set(ids)) and {link[1:] for link in links[:3]} <= set(ids)
    assert joined.find("audio") is None and "Sound: a clip of jazz" in joined.text
    assert joined.img["src"] == (tmp_path / "book/a.png").as_uri()
