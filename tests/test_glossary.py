"""The glossary: every term in its place, and every link to one finds it."""

import re

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT

pytestmark = pytest.mark.quick

GLOSSARY = ROOT / "book/glossary.md"
PAGES = sorted((ROOT / "book").glob("*.md"))


def terms():
    return re.findall(r"^### (.+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)


def slug(heading):
    """As myst-parser makes it, which takes GitHub's way."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def text_of(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def test_terms_are_in_alphabetical_order_under_their_letters():
    found = terms()
    assert found == sorted(set(found), key=str.lower)
    letter = None
    for level, heading in re.findall(r"^(##|###) (.+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE):
        if level == "##":
            letter = heading
        assert heading[0].upper() == letter, heading


def test_each_entry_is_short_and_names_a_chapter():
    entries = re.split(r"^### ", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for entry in entries:
        assert re.search(r"\]\(\.\./notebooks/\w+\.ipynb\)", entry), entry
        assert len(entry) < 600, entry


@pytest.mark.parametrize("path", [*NOTEBOOKS, *PAGES], ids=lambda path: path.stem)
def test_links_to_terms_find_them(path):
    anchors = re.findall(r"glossary\.md#([^)\s\"]*)", text_of(path))
    if path == GLOSSARY:
        anchors += re.findall(r"\]\(#([^)]*)\)", text_of(path))
    assert set(anchors) <= {slug(term) for term in terms()}


def test_the_book_makes_anchors_of_terms():
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert re.search(r"^    myst_heading_anchors: 3\b", config, re.MULTILINE)


def test_the_chapters_it_names_exist():
    for target in re.findall(r"\]\((\.\./[^)#]+)", GLOSSARY.read_text(encoding="utf-8")):
        assert (GLOSSARY.parent / target).is_file(), target
