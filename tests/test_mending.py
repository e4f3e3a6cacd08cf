"""What the book's Sphinx extension mends in pages, and that it says so when there is nothing left to mend."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from book.build import extension

pytestmark = pytest.mark.quick

FLAWED = {
    "empty heading cell of a table": '<th class="blank level0" >&nbsp;</th><th class="head"><p></p></th>',
    "sidebar without a role": '<div id="pst-primary-sidebar" class="bd-sidebar"></div>',
    "citation list with a role": '<div role="list" class="citation-list"></div>',
    "citation with a deprecated role": '<div class="citation" id="id1" role="doc-biblioentry"></div>',
    "script of icons": '<script defer src="../_static/scripts/fontawesome.js?digest=55c2"></script>',
    "icon that is read aloud": '<i class="fa-solid fa-list"></i><i class="theme-switch fa-solid fa-sun"></i>',
}
MENDED = (
    '<td class="blank level0"></td><td class="head"></td>'
    '<div id="pst-primary-sidebar" role="region" aria-label="Book" class="bd-sidebar"></div>'
    '<div class="citation-list"></div>'
    '<div class="citation" id="id1"></div>'
    '<i aria-hidden="true" class="fa-solid fa-list"></i>'
    '<i aria-hidden="true" class="theme-switch fa-solid fa-sun"></i>'
)


@pytest.fixture
def app(tmp_path):
    """What `finish` needs of a Sphinx that has written a flawed book."""
    (tmp_path / "_static/scripts").mkdir(parents=True)
    (tmp_path / "_static/scripts/fontawesome.js").write_text("icons")
    (tmp_path / "_images").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "_images/figure.png")
    (tmp_path / "page.html").write_text("".join(FLAWED.values()))
    (tmp_path / "doctrees").mkdir()
    return SimpleNamespace(
        outdir=str(tmp_path), doctreedir=str(tmp_path / "doctrees"), builder=SimpleNamespace(format="html")
    )


def test_everything_is_mended(app, tmp_path):
    assert FLAWED.keys() == extension.PAGE_MENDINGS.keys()
    extension.finish(app, None)
    assert (tmp_path / "page.html").read_text() == MENDED
    assert not list((tmp_path / "_static/scripts").iterdir())
    with Image.open(tmp_path / "_images/figure.png") as figure:
        assert len(figure.convert("RGB").getcolors()) <= 256
    for part in ("startup.js", "core.js", "input/tex.js", "output/chtml/fonts/tex.js"):
        assert (tmp_path / "_static/mathjax" / part).is_file()


@pytest.mark.parametrize("name", FLAWED)
def test_a_mending_without_a_place_is_named(app, tmp_path, name):
    (tmp_path / "page.html").write_text("".join(flaw for key, flaw in FLAWED.items() if key != name))
    with pytest.raises(extension.NothingToMend) as error:
        extension.finish(app, None)
    assert f"no page has a {name} any more" in str(error.value) and "\n" not in str(error.value)


def test_a_build_that_writes_few_pages_need_not_mend_all(app, tmp_path):
    extension.finish(app, None)
    figure = (tmp_path / "_images/figure.png").read_bytes()
    (tmp_path / "other.html").write_text(FLAWED["icon that is read aloud"])
    extension.finish(app, None)
    assert "aria-hidden" in (tmp_path / "other.html").read_text() and (tmp_path / "page.html").read_text() == MENDED
    assert (tmp_path / "_images/figure.png").read_bytes() == figure


@pytest.mark.parametrize("missing, name", [("_static/scripts/fontawesome.js", "file of icons"), ("_images", "figure")])
def test_a_missing_file_is_named(app, tmp_path, missing, name):
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(extension.NothingToMend, match=f"no page has a {name} any more"):
        extension.finish(app, None)


def test_a_missing_part_of_mathjax_is_named(app, monkeypatch):
    monkeypatch.setattr(extension, "MATHJAX_PARTS", ["startup.js", "gone.js"])
    with pytest.raises(extension.NothingToMend, match="MathJax has no gone.js any more"):
        extension.finish(app, None)


def test_a_figure_with_a_transparent_part_stays(app, tmp_path):
    path = tmp_path / "_images/transparent.png"
    Image.new("RGBA", (4, 4), (10, 20, 30, 40)).save(path)
    before = path.read_bytes()
    extension.finish(app, None)
    assert path.read_bytes() == before


def test_a_failed_build_is_left_alone(app, tmp_path):
    extension.finish(app, ValueError("no"))
    assert (tmp_path / "page.html").read_text() == "".join(FLAWED.values())
