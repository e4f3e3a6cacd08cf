"""The command: ``python -m book.build.pdf`` prints the pages of the last build into one PDF, by a browser.

The articles of all pages become one document in the order of the table of contents. What is folded stays folded, and a
sound is told as such.
"""

import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import yaml

from . import ROOT, BookError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
STYLE = """
.bd-article { max-width: none; padding: 0; }
section.page { break-before: page; }
.headerlink, .copybtn, .quiz output, .seen i, button { display: none !important; }
:is(tr, img, svg, figure, pre, .admonition, mjx-container) { break-inside: avoid; }
:is(h1, h2, h3, caption, summary) { break-after: avoid; }
.cell_output .output.text_html, pre, mjx-container[display="true"] { overflow: visible !important; }
pre, code { white-space: pre-wrap !important; }
p.sound { font-size: 0.85em; font-style: italic; }
"""
FIT_TABLES = """for (const table of document.querySelectorAll('table')) {
  const room = table.closest('section').clientWidth;
  if (table.scrollWidth > room) table.style.zoom = room / table.scrollWidth;
}"""


def one_document(html: Path, pages: list[str]):
    """Join the articles of built pages.

    Parameters
    ----------
    html : Path
        The built book.
    pages : list of str
        Their names, as in the table of contents.

    Returns
    -------
    bs4.BeautifulSoup
        The first page with all articles, whose links lead from one to the other.
    """
    from bs4 import BeautifulSoup

    joined = BeautifulSoup((html / f"{pages[0]}.html").read_text(encoding="utf-8"), "html.parser")
    body = joined.new_tag("article", attrs={"class": "bd-article"})
    for page in pages:
        path = html / f"{page}.html"
        article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select_one("article.bd-article")
        place = {(html / f"{other}.html").resolve(): other.replace("/", "-") for other in pages}
        here = place[path.resolve()]
        for tag in article.find_all(id=True):
            tag["id"] = f"{here}-{tag['id']}"
        for tag in article.find_all(href=re.compile(r"^(?!\w+:)")):
            address, part = urldefrag(tag["href"])
            target = (path.parent / unquote(address)).resolve() if address else path.resolve()
            if name := place.get(target):
                tag["href"] = f"#{name}-{unquote(part)}" if part else f"#{name}"
            elif tag.name == "a":
                del tag["href"]
        for tag in article.find_all(src=re.compile(r"^(?!\w+:)")):
            tag["src"] = (path.parent / unquote(tag["src"])).resolve().as_uri()
            tag.attrs.pop("loading", None)
        for tag in article.find_all("audio"):
            told = joined.new_tag("p", attrs={"class": "sound"})
            told.string = f"Sound: {tag.get('aria-label', 'a clip')} (to be heard in the book's pages)"
            tag.replace_with(told)
        section = joined.new_tag("section", id=here, attrs={"class": "page"})
        section.extend(list(article.contents))
        body.append(section)
    joined.body.clear()
    joined.body.append(body)
    style = joined.new_tag("style")
    style.string = STYLE
    joined.head.append(style)
    return joined


def print_book(html: Path, out: Path) -> None:
    """Print the built book.

    Parameters
    ----------
    html : Path
    out : Path

    Raises
    ------
    BookError
        When there is no book or no browser.
    """
    from playwright.sync_api import sync_playwright

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    missing = [page for page in pages if not (html / f"{page}.html").is_file()]
    if missing:
        raise BookError(f"{html} has no {missing[0]}.html; run make book first")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise BookError(f"a browser prints the PDF; install one of {', '.join(BROWSERS)}")
    joined = (html / pages[0]).with_name("printed.html")
    joined.write_text(str(one_document(html, pages)), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            page = playwright.chromium.launch(executable_path=browser, args=QUIET).new_page()
            page.set_default_timeout(600_000)
            page.emulate_media(media="print", color_scheme="light")
            page.set_viewport_size({"width": 900, "height": 1200})
            page.goto(joined.as_uri(), wait_until="load")
            page.evaluate("MathJax.startup.promise.then(() => null)")
            page.evaluate(FIT_TABLES)
            margin = dict.fromkeys(("top", "bottom", "left", "right"), "15mm")
            number = '<p style="width: 100%; text-align: center; font-size: 8px" class="pageNumber"></p>'
            footer = {"display_header_footer": True, "header_template": "<p></p>", "footer_template": number}
            page.pdf(path=out, format="A4", scale=0.75, margin=margin, outline=True, tagged=True, **footer)
            page.context.browser.close()
    finally:
        joined.unlink()


def main() -> int:
    out = ROOT / "_build/book.pdf"
    try:
        print_book(ROOT / "_build/html", out)
    except BookError as error:
        print(f"no PDF made: {error}", file=sys.stderr)
        return 1
    print(f"the PDF is at {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
