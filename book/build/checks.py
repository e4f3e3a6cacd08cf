"""What keeps an executed notebook, or a page, from being published."""

import gzip
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

MAX_PAGE_BYTES = 2_000_000
PROGRESS = re.compile(r"\r(?!\n)|\x08|\d%\||━{3}|\b\d+/\d+ \[|\bETA\b")
LOGS = re.compile(
    r"^(?:\[src/libmpg123/"
    r"|Note: (?:Illegal Audio-MPEG-Header|Junk at the beginning|Looks like a RIFF header|Could be a BMP album art"
    r"|Trying to resync|Skipped \d+ bytes in input|Hit end of \(available\) data|missing \d+ bytes in bit reservoir)"
    r"|Warning: (?:Xing stream size|Encountered more data after|Big change|Real sample count)"
    r"|WARNING: All log messages before absl::InitializeLog"
    r"|[IW]\d{4} [\d:.]+ +\d+ \S+:\d+\]|\d{4}-\d\d-\d\d [\d:.]+: [IW] )[^\n]*\n?",
    re.MULTILINE,
)
ADDRESS = re.compile(r"(?:https?:)?//", re.IGNORECASE)
MATHJAX_PARTS = ["core.js", "a11y/assistive-mml.js", "input/tex.js", "output/chtml.js", "output/chtml/fonts/tex.js"]
MATHJAX_FONTS = [
    f"output/chtml/fonts/woff-v2/MathJax_{name}.woff" for name in ("Main-Regular", "Math-Italic", "Size2-Regular")
]
ICON_FONTS = ["fa-solid-900.woff2", "fa-brands-400.woff2"]
LOADED_RELATIONS = ["stylesheet", "preload", "icon", "modulepreload", "manifest"]


def drop_logs(nb) -> None:
    """Take what compiled libraries log out of an executed notebook: they write to the process's standard error.

    libmpg123 tells of a damaged mp3, of which the notebook's own report says what became. XLA tells of its first
    compilation, whatever ``TF_CPP_MIN_LOG_LEVEL`` says (abseil/abseil-cpp pull request 1718). Errors stay.
    """
    for cell in nb.cells:
        logged = [o for o in cell.get("outputs", []) if o.output_type == "stream" and o.name == "stderr"]
        for output in logged:
            output.text = LOGS.sub("", output.text)
            if not output.text.strip():
                cell.outputs.remove(output)


def check_executed(nb) -> list[str]:
    """What keeps an executed notebook from being published; empty when nothing does.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    problems : list of str
        Each begins with the cell it is about.
    """
    problems = []
    for number, cell in enumerate(nb.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        found = _check_outputs(cell.outputs)
        shown = [item for output in cell.outputs for item in output.get("data", {}).items()]
        images = [data for mime, data in shown if mime.startswith("image/")]
        tagged = "figure" in cell.metadata.get("tags", [])
        if cell.execution_count is None:
            found.append("was not executed")
        if images and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip():
            found.append('shows a figure without alt text; add "mystnb": {"image": {"alt": "…"}} to its metadata')
        if bool(images) != tagged:
            found.append("is tagged `figure` but shows none" if tagged else "shows a figure but is not tagged `figure`")
        if len(images) > len(set(images)):
            found.append("shows the same figure twice; end its last line with a semicolon")
        label = cell.source.strip().splitlines()[0]
        problems += [f"cell {number} ({label!r}) {problem}" for problem in found]
    return problems


def _check_outputs(outputs) -> list[str]:
    found = []
    for output in outputs:
        if output.output_type == "error":
            found.append(f"raised {output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            if output.name == "stderr":
                found.append(f"wrote to stderr: {output.text.strip()[:200]!r}")
            if PROGRESS.search(output.text):
                found.append(f"left progress-bar debris: {output.text.strip()[:80]!r}")
        else:
            html = "".join(output.data.get("text/html", ""))
            if any("widget" in mime or "javascript" in mime for mime in output.data):
                found.append("shows a widget, dead on a page; show it still when GENRE_UTILS_BOOK is set")
            if re.search(r"<img(?![^>]*\balt=)", html):
                found.append("shows an <img> without alt")
            if re.search(r"<audio(?![^>]*\bpreload=[\"']?none)", html):
                found.append('shows an <audio> without preload="none"')
    return found


def check_pages(html: Path) -> list[str]:
    """What is wrong with built pages: files from other hosts, broken links inside, images without alt, too much weight.

    Weight counts what a browser fetches to show the page, text compressed as web hosts do; audio loads on demand and
    is left out.

    Returns
    -------
    problems : list of str
        Each begins with the page it is about.
    """
    from bs4 import BeautifulSoup

    problems, transferred = [], cache(_transferred)
    for page in sorted(path for path in html.rglob("*.html") if "_static" not in path.parts):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        loaded = [tag["src"] for tag in soup.find_all(src=True)]
        loaded += [tag["href"] for tag in soup.find_all("link", href=True, rel=LOADED_RELATIONS)]
        linked = [tag["href"] for tag in soup.find_all("a", href=True)]
        found = [f"loads {address} from another host" for address in loaded if ADDRESS.match(address)]
        found += [f"has an image without alt: {tag.get('src')}" for tag in soup.find_all("img") if not tag.get("alt")]
        for address in [*loaded, *linked]:
            target = _local_target(html, page, address)
            if target is not None and not target.is_file():
                found.append(f"points at {address}, which is not in the book")
        files = {page, *(_local_target(html, page, address) for address in loaded)} - {None}
        files |= {html / "_static/vendor/fontawesome/webfonts" / font for font in ICON_FONTS}
        if soup.select(".math"):
            files |= {html / "_static/mathjax" / part for part in [*MATHJAX_PARTS, *MATHJAX_FONTS]}
        weight = sum(transferred(path) for path in files if path.is_file() and path.suffix != ".mp3")
        if weight > MAX_PAGE_BYTES:
            found.append(f"weighs {weight / 1e6:.1f} MB, more than {MAX_PAGE_BYTES / 1e6:.0f} MB")
        problems += [f"{page.relative_to(html)} {problem}" for problem in dict.fromkeys(found)]
    return problems


def _local_target(html: Path, page: Path, address: str) -> Path | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    base = html if parts.path.startswith("/") else page.parent
    target = base / unquote(parts.path).lstrip("/")
    return target / "index.html" if target.is_dir() else target


def _transferred(path: Path) -> int:
    content = path.read_bytes()
    return len(gzip.compress(content)) if path.suffix in {".html", ".js", ".css", ".svg"} else len(content)
