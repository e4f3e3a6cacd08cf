"""Sphinx extension: mends what the theme, docutils and pandas write into pages, and leaves out what no reader needs.

Each mending fails the build when it finds nothing to mend in the whole book: what wrote it has changed then, and the
mending must be looked at or deleted.
"""

import importlib.util
import re
import shutil
from pathlib import Path

from sphinx.errors import SphinxError

# What it is about: the pattern to find in a page, and not in a mended one, and what to put there.
PAGE_MENDINGS = {
    # A screen reader announces a heading cell without words.
    "empty heading cell of a table": (
        r'<th class="(blank[^"]*|head)"\s*>(?:&nbsp;|<p></p>)</th>',
        r'<td class="\1"></td>',
    ),
    "sidebar without a role": (r'(id="pst-primary-sidebar")(?! role)', r'\1 role="region" aria-label="Book"'),
    # A list whose items are no list items.
    "citation list with a role": (r'role="list" (class="citation-list")', r"\1"),
    "citation with a deprecated role": (r'(class="citation" id="[^"]*") role="doc-biblioentry"', r"\1"),
    # The style sheets have all icons as fonts; the script has 2,000 of them again.
    "script of icons": (r'<script defer src="[^"]*/fontawesome\.js[^"]*"></script>', ""),
    "icon that is read aloud": (r'<i (class="(?:theme-switch )?fa)', r'<i aria-hidden="true" \1'),
}
# What our formulas need of MathJax, of the 24 MB that it has.
MATHJAX_PARTS = [
    "startup.js",
    "core.js",
    "a11y/assistive-mml.js",
    "input/tex.js",
    "input/tex",
    "output/chtml.js",
    "output/chtml",
]
UNUSED_FILES = "scripts/fontawesome.js*"
COLOURS = 256


class NothingToMend(SphinxError):
    """A mending has no place in the book; the message names it."""

    category = "Book error"


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("build-finished", finish)
    app.connect("autodoc-skip-member", is_field)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def is_field(app, parent, name, thing, skip, options) -> bool:
    """Whether a member has no entry of its own on the package's page: a field of a named tuple, told with its class."""
    return skip or type(thing).__name__ == "_tuplegetter"


def finish(app, exception) -> None:
    """Mend the written pages, unless Sphinx has failed.

    Raises
    ------
    NothingToMend
        One line for each mending that found no place.
    """
    if exception or app.builder.format != "html":
        return
    html = Path(app.outdir)
    static = html / "_static"
    unused = list(static.glob(UNUSED_FILES))
    for path in unused:
        path.unlink()
    missing = copy_mathjax(static / "mathjax")
    counts = mend_pages(html) | {"file of icons": len(unused), "figure": shrink_figures(html / "_images")}
    problems = [f"MathJax has no {part} any more; see MATHJAX_PARTS" for part in missing]
    # A later build into this folder writes only pages that have changed; the others are mended.
    whole = Path(app.doctreedir, "mended")
    if not whole.exists():
        problems += [f"nothing to mend: no page has a {name} any more" for name, count in counts.items() if not count]
    if problems:
        raise NothingToMend("\n".join(f"ERROR: book/build/extension.py: {problem}" for problem in problems))
    whole.touch()


def mend_pages(html: Path) -> dict[str, int]:
    """Apply `PAGE_MENDINGS`.

    Returns
    -------
    dict of str to int
        Places that each has found in all pages.
    """
    counts = dict.fromkeys(PAGE_MENDINGS, 0)
    for page in sorted(html.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        for name, (pattern, better) in PAGE_MENDINGS.items():
            text, found = re.subn(pattern, better, text)
            counts[name] += found
        page.write_text(text, encoding="utf-8")
    return counts


def copy_mathjax(target: Path) -> list[str]:
    """Copy what is used of the MathJax in the package sphinx-mathjax-offline.

    Returns
    -------
    list of str
        Parts that the package does not have.
    """
    package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
    missing = []
    for part in MATHJAX_PARTS:
        source = Path(package, "static/mathjax", part)
        if source.is_dir():
            shutil.copytree(source, target / part, dirs_exist_ok=True)
        elif source.is_file():
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / part)
        else:
            missing.append(part)
    return missing


def shrink_figures(folder: Path) -> int:
    """Keep 256 colours of each figure that has more, and no transparent part.

    Returns
    -------
    int
        Figures that were shrunk.
    """
    from PIL import Image

    count = 0
    for figure in folder.glob("*.png"):
        with Image.open(figure) as image:
            if image.mode != "P" and image.convert("RGBA").getextrema()[3][0] == 255:
                palette = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                palette.save(figure, optimize=True)
                count += 1
    return count
