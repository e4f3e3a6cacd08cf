"""The built book: how it is built, what stops a build, and how its pages behave in a browser."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT

from book.build import BookError, checks, execute, profiles, slides
from book.build.__main__ import build, only_build

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]


def run_build(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "GENRE_UTILS_CACHE"}
    return subprocess.run(
        [sys.executable, "-m", "book.build", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )


# The book from the smoke profile: all notebooks executed, checked and published


@pytest.fixture(scope="session")
def book():
    html = ROOT / "_build/test/html"
    result = run_build(ROOT, "--profile", "smoke", "--out", html)
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    return html


@pytest.fixture(scope="session")
def lectures(book, tmp_path_factory):
    out = tmp_path_factory.mktemp("lectures") / "slides"
    slides.write(book.parent / "executed", out)
    return out


def test_every_page_is_built(book):
    assert (book / "index.html").is_file()
    for page in PAGES:
        assert (book / f"{page}.html").is_file()


def test_toc_and_profiles_know_every_notebook():
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {Path(page).name for page in PAGES if page.startswith("notebooks/")} == notebooks
    known = yaml.safe_load((ROOT / "book/profiles.yml").read_text(encoding="utf-8"))
    assert set(known) == {"smoke", "demo", "mini", "paper"}
    for name, profile in known.items():
        assert set(profile["notebooks"]) == notebooks, name


def test_every_profile_fits_the_notebooks(collection):
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert profiles.load_profile("smoke", notebooks).keys() == {path.stem for path in notebooks}
    assert profiles.load_profile("demo", notebooks)
    for name in ("mini", "paper"):
        parameters = profiles.load_profile(name, notebooks, str(collection))
        theirs = {values["data_dir"] for values in parameters.values() if values["dataset"] == "gtzan"}
        others = {stem for stem, values in parameters.items() if values["dataset"] != "gtzan"}
        assert theirs == {str(collection)} and others == {"00_primer", "12_fma_study"}


def test_sources_stay_without_outputs(book):
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)


# In a browser


@pytest.fixture(scope="session")
def site(book):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


LOOKS = {
    "laptop": {"viewport": {"width": 1280, "height": 844}},
    "phone in the dark": {"viewport": {"width": 360, "height": 780}, "color_scheme": "dark"},
}


@pytest.fixture(params=LOOKS)
def visit(request, browser, site):
    """Opens a page, and hands back what went wrong meanwhile."""
    page = browser.new_page(**LOOKS[request.param])
    wrong = []
    page.on("request", lambda r: r.url.startswith((site, "data:")) or wrong.append(f"asks {r.url}"))
    page.on("response", lambda r: r.status < 400 or wrong.append(f"{r.status} for {r.url}"))
    page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))

    def open_page(name):
        page.goto(f"{site}/{name}.html", wait_until="load")
        if page.locator("span.math, div.math").count():
            page.wait_for_function("window.MathJax?.startup?.promise")
            page.evaluate("MathJax.startup.promise.then(() => null)")
        return page, wrong

    yield open_page
    page.close()


# axe asks every token of a program for its contrast, thousands a page: of tokens that look alike, one stays.
EACH_COLOUR_OF_CODE_ONCE = """() => {
  const seen = new Set(), again = [];
  for (const token of document.querySelectorAll(":is(pre, code, .sig) :is(span, em)")) {
    const style = getComputedStyle(token), ground = getComputedStyle(token.closest("pre, code, .sig"));
    const look = [style.color, style.backgroundColor, style.fontSize, style.fontWeight, ground.backgroundColor].join();
    if (seen.has(look)) again.push(token); else seen.add(look);
  }
  again.forEach(token => token.replaceWith(...token.childNodes));
  document.body.normalize();
}"""


@pytest.mark.parametrize("name", PAGES)
def test_page_works_in_a_browser_and_is_accessible(visit, name):
    from axe_playwright_python.sync_playwright import Axe

    page, wrong = visit(name)
    assert wrong == []
    assert page.locator("article h1").count() == 1
    assert page.evaluate("[...document.images].filter(i => !i.alt).map(i => i.src)") == []
    assert page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)") == []
    wide = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.evaluate(
        f"{wide}.slice(0, 5).map(e => e.outerHTML.slice(0, 120))"
    )
    maths = page.locator("span.math, div.math").count()
    assert page.locator("mjx-container").count() >= maths
    assert page.locator("mjx-merror, .MathJax_Error").count() == 0
    inside = "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => decodeURIComponent(a.hash.slice(1)))"
    assert page.evaluate(f"{inside}.filter(id => id && !document.getElementById(id))") == []
    for address, preload in page.evaluate("[...document.querySelectorAll('audio')].map(a => [a.src, a.preload])"):
        assert preload == "none"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200 and answer.headers["Content-Type"] == "audio/mpeg" and answer.read(3)
    page.evaluate(EACH_COLOUR_OF_CODE_ONCE)
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"][:2]] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_tells_everything_without_scripts(browser, site, name):
    page = browser.new_page(**LOOKS["phone in the dark"], java_script_enabled=False)
    wrong = []
    page.on("request", lambda r: r.url.startswith((site, "data:")) or wrong.append(f"asks {r.url}"))
    page.goto(f"{site}/{name}.html", wait_until="load")
    for still in ("figure.knobs > img", "figure.listen img", ".quiz details"):
        for box in page.locator(still).all():
            assert box.is_visible(), still
    assert page.locator(".quiz button, figure.knobs input").count() == 0
    assert wrong == [] and page.locator("article h1").inner_text()
    page.close()


def test_the_first_notebook_can_be_heard(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/notebooks/01_sound_and_genre.html")
    audio = page.locator("audio").first
    audio.evaluate("a => { a.muted = true; return a.play(); }")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    page.close()


@pytest.mark.parametrize("name", slides.LECTURES)
def test_the_slides_in_a_browser(browser, lectures, name):
    page = browser.new_page(viewport={"width": 1100, "height": 700})
    wrong = []
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or wrong.append(f"asks {r.url}"))
    page.on("requestfailed", lambda r: wrong.append(f"misses {r.url}"))
    page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.goto((lectures / f"{name}.html").as_uri(), wait_until="load")
    page.wait_for_function("Reveal.isReady() && MathJax.startup.promise.then(() => true)")
    assert wrong == []
    assert 15 <= page.evaluate("Reveal.getTotalSlides()") <= 30
    assert page.evaluate("[...document.images].filter(i => !i.alt).length") == 0
    assert page.locator("mjx-merror").count() == 0
    page.close()


# What stops a build


@pytest.mark.parametrize(
    "profile, data, problem",
    [
        ("nonsense", None, "'nonsense' is unknown; book/profiles.yml has: smoke, demo"),
        ("smoke", ".", "PROFILE=mini"),
        ("mini", None, "DATA_DIR=folder"),
        ("mini", "nowhere", "nowhere"),
        ("mini", "empty", "empty"),
        ("mini", "no_genres", "no_genres"),
    ],
)
def test_bad_input_is_refused_before_any_work(tmp_path, profile, data, problem):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no_genres").mkdir()
    (tmp_path / "no_genres/letter.txt").write_text("no music")
    with pytest.raises(BookError) as error:
        build(profile, data and str(tmp_path / data), out=tmp_path / "out/html")
    assert problem in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_book(tmp_path):
    return write_small_book(tmp_path)


def write_small_book(folder):
    """A book of one small notebook, built by a copy of the build package."""
    for name in ("book", "notebooks"):
        (folder / name).mkdir(exist_ok=True)
    shutil.copytree(
        ROOT / "book/build", folder / "book/build", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
    )
    (folder / "book/profiles.yml").write_text("smoke:\n  all: {answer: 42}\n  notebooks: {01_a: {}}\n")
    (folder / "book/intro.md").write_text("# Start\n\nSee [the notebook](../notebooks/01_a.ipynb).\n")
    (folder / "_config.yml").write_text('title: Small\nexecute: {execute_notebooks: "off"}\n')
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/01_a\n")
    write_notebook(folder, "print(f'the answer is {answer}')")
    return folder


def write_notebook(folder, *sources):
    cells = [
        nbformat.v4.new_markdown_cell("# A notebook"),
        nbformat.v4.new_code_cell("answer: int = 1  # to print", metadata={"tags": ["parameters"]}),
        *map(nbformat.v4.new_code_cell, sources),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "notebooks/01_a.ipynb")


def test_a_full_disk_is_told_in_one_line(small_book):
    write_notebook(small_book, "raise OSError(28, 'No space left on device')")
    result = run_build(small_book, "--profile", "smoke")
    assert result.returncode == 1
    assert result.stderr.strip().endswith("book not built: the disk is full; free some space and run again")


def test_what_is_edited_during_a_build_is_not_kept_as_if_it_had_been_read(small_book):
    package = small_book / "genre_utils/__init__.py"
    package.parent.mkdir()
    package.write_text("ANSWER = 42")
    edit = f"from pathlib import Path\nPath({str(package)!r}).write_text('ANSWER = 43')"
    write_notebook(small_book, "print('the answer is 42')", edit)
    refused = run_build(small_book, "--profile", "smoke")
    told = "notebooks/01_a.ipynb, what it reads was edited meanwhile; run again"
    assert refused.returncode == 1 and told in refused.stderr
    assert not (small_book / "_build/html").exists()
    again = run_build(small_book, "--profile", "smoke")
    assert again.returncode == 0 and "reused" not in again.stdout

    config = small_book / "_config.yml"  # which no notebook reads, but each page
    write_notebook(small_book, f"from pathlib import Path\nPath({str(config)!r}).write_text('title: Other')")
    refused = run_build(small_book, "--profile", "smoke")
    assert refused.returncode == 1 and "the book: what it reads was edited meanwhile" in refused.stderr


def test_runs_of_old_are_deleted_but_a_few(small_book):
    run_build(small_book, "--profile", "smoke")
    kept = small_book / "_build/executed/01_a"
    for number in range(5):
        (kept / f"old{number}").mkdir()
    (small_book / "book/intro.md").write_text("# Start\n\nOther text.\n")
    again = run_build(small_book, "--profile", "smoke")
    assert again.returncode == 0 and "reused: 1 of 1" in again.stdout
    assert len(list(kept.iterdir())) == execute.KEPT_RUNS


def test_a_folder_of_other_files_is_no_place_for_pages(small_book):
    before = sorted(small_book.rglob("*"))
    for place in (".", "html", "book/html"):
        refused = run_build(small_book, "--profile", "smoke", "--out", place)
        assert refused.returncode == 1 and "holds other files" in refused.stderr
        assert [path for path in sorted(small_book.rglob("*")) if "__pycache__" not in str(path)] == before


def test_a_failing_notebook_is_named_and_the_old_book_stays(small_book):
    page = small_book / "_build/html/notebooks/01_a.html"
    first = run_build(small_book, "--profile", "smoke")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "the answer is 42" in page.read_text()
    last = small_book / "_build/executed/01_a.last"
    of_the_book = last.read_text()
    assert (small_book / "_build/executed/01_a" / of_the_book).is_dir()

    assert float((small_book / "_build/executed/01_a.seconds").read_text()) > 0

    written = page.stat().st_mtime_ns
    again = run_build(small_book, "--profile", "smoke")
    assert again.returncode == 0 and "reused: 1 of 1 notebooks and all pages" in again.stdout
    assert page.stat().st_mtime_ns == written

    (small_book / "_build/html").rename(small_book / "_build/html.old")  # as a kill between two renames leaves it
    again = run_build(small_book, "--profile", "smoke")
    assert again.returncode == 0 and "all pages" in again.stdout and page.stat().st_mtime_ns == written

    page.write_text(page.read_text().replace("the answer is 42", "the answer is 43"))
    mended = run_build(small_book, "--profile", "smoke")
    assert mended.returncode == 0 and "the answer is 42" in page.read_text()

    write_notebook(small_book, "x = 0", "# divide\n1 / x")
    broken = run_build(small_book, "--profile", "smoke")
    assert broken.returncode == 1
    assert "notebooks/01_a.ipynb, cell In [4] ('# divide'): ZeroDivisionError: division by zero" in broken.stderr
    assert "the answer is 42" in page.read_text()
    finished = [run for run in (small_book / "_build/executed/01_a").iterdir() if run.suffix != ".part"]
    assert len(finished) == 1 and last.read_text() == of_the_book  # what lectures are made of

    write_notebook(small_book, "import sys", "print('oops', file=sys.stderr)")
    noisy = run_build(small_book, "--profile", "smoke")
    assert noisy.returncode == 1 and "wrote to stderr: 'oops'" in noisy.stderr

    (small_book / "book/intro.md").write_text("# Start\n\nSee [nothing](../notebooks/99_none.ipynb).\n")
    write_notebook(small_book, "print(f'the answer is {answer}')")
    unlinked = run_build(small_book, "--profile", "smoke")
    assert unlinked.returncode == 1 and "99_none.ipynb" in unlinked.stderr
    assert "the answer is 42" in page.read_text()


def test_only_pages_whose_text_has_changed_are_written_again(small_book):
    def built():
        result = run_build(small_book, "--profile", "smoke")
        assert result.returncode == 0 and "reused: 1 of 1 notebooks" in result.stdout, result.stdout + result.stderr
        return {path.name: path.stat().st_mtime_ns for path in (intro, page)}

    pages = small_book / "_build/fresh/_build/html"
    intro, page = pages / "book/intro.html", pages / "notebooks/01_a.html"
    published = small_book / "_build/html"
    assert run_build(small_book, "--profile", "smoke").returncode == 0
    first = {path.name: path.stat().st_mtime_ns for path in (intro, page)}

    text = small_book / "book/intro.md"
    text.write_text(text.read_text() + "\nMore about it.\n")
    os.utime(text, (0, 0))  # as after a checkout that keeps times
    second = built()
    assert "More about it" in (published / "book/intro.html").read_text()
    assert second["intro.html"] > first["intro.html"] and second["01_a.html"] == first["01_a.html"]

    notebook = small_book / "notebooks/01_a.ipynb"
    nb = nbformat.read(notebook, as_version=4)
    nb.cells.insert(2, nbformat.v4.new_markdown_cell("Now it prints.", id="new"))
    nbformat.write(nb, notebook)
    third = built()
    written = BeautifulSoup((published / "notebooks/01_a.html").read_text(), "html.parser").article.get_text()
    parts = ["A notebook", "# to print", "answer = 42", "Now it prints", "the answer is 42"]
    places = [written.index(part) for part in parts]
    assert places == sorted(places)
    (executed,) = (small_book / "_build/executed/01_a").iterdir()
    assert "Now it prints" in (executed / "notebook.ipynb").read_text()

    text.write_text(text.read_text().replace("# Start", "# The start"))
    fourth = built()
    assert fourth["01_a.html"] > third["01_a.html"] and "The start" in (published / "notebooks/01_a.html").read_text()

    text.write_text(text.read_text() + "\nSee [nothing](../notebooks/99_none.ipynb).\n")
    for _ in range(2):
        unlinked = run_build(small_book, "--profile", "smoke")
        assert unlinked.returncode == 1 and "99_none.ipynb" in unlinked.stderr


@pytest.mark.quick
@pytest.mark.parametrize(
    "name",
    ["book/intro.md", "book/results/x.json", "_toc.yml", "notebooks/01_a.ipynb", "benchmarks/RESULTS.md", "moved"],
)
def test_a_book_is_built_again_when_a_source_changes(tmp_path, name):
    write_small_book(tmp_path)
    for made in ("book/results/x.json", "genre_utils/moving.js", "benchmarks/RESULTS.md"):
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).write_text("1")

    def read(parameters):
        return execute.what_a_book_reads(tmp_path, parameters, execute.what_pages_share(tmp_path))

    before = read({"01_a": {"seed": 0}})
    assert before == read({"01_a": {"seed": 0}})
    assert before != read({"01_a": {"seed": 1}})
    if name == "moved":
        (tmp_path / "genre_utils/moving.js").rename(tmp_path / "genre_utils/moved.js")
    else:
        (tmp_path / name).write_text((tmp_path / name).read_text() + " ")
    assert before != read({"01_a": {"seed": 0}})


@pytest.mark.quick
def test_a_changed_number_in_a_kept_file_has_the_pages_executed_again(tmp_path):
    results = tmp_path / "book/results"
    results.mkdir(parents=True)
    (results / "one_0.json").write_text('{"predicted": 1}')
    before = execute.what_all_read(tmp_path)
    assert before == execute.what_all_read(tmp_path)
    (results / "one_0.json").write_text('{"predicted": 2}')
    changed = execute.what_all_read(tmp_path)
    (results / "bbnn.npz").write_bytes(b"weights")
    assert len({before, changed, execute.what_all_read(tmp_path)}) == 3


@pytest.mark.quick
@pytest.mark.parametrize(
    "name, value, shown",
    [("KERAS_BACKEND", "jax", True), ("CUDA_VISIBLE_DEVICES", "1", True), ("GENRE_UTILS_CACHE", "/else", False)],
)
def test_a_setting_that_matters_has_the_pages_executed_again(name, value, shown, monkeypatch, tmp_path):
    before = execute.what_all_read(tmp_path)
    monkeypatch.setenv(name, value)
    assert (execute.what_all_read(tmp_path) != before) == shown


@pytest.mark.quick
def test_a_file_of_equal_size_and_time_has_the_pages_executed_again(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(b"one sound")
    before, times = execute._listing(str(tmp_path)), path.stat()
    assert before == execute._listing(str(tmp_path))
    path.write_bytes(b"two sound")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert execute._listing(str(tmp_path)) != before
    (tmp_path / "clips").mkdir()
    path.rename(tmp_path / "clips/clip.wav")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/genres").symlink_to(tmp_path / "clips")  # which reading follows, too
    [[name, *_]] = execute._listing(str(tmp_path / "linked"))
    assert name == str(tmp_path / "linked/genres/clip.wav")


@pytest.mark.quick
@pytest.mark.parametrize("name", execute.READ_FROM)
def test_other_data_have_a_notebook_executed_again(tmp_path, name):
    for folder in ("notebooks", "clips"):
        (tmp_path / folder).mkdir()
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks/01_a.ipynb")
    values = {name: str(tmp_path / "clips")}

    def keys():
        return {execute._key("", "01_a", values, tmp_path), execute.what_a_book_reads(tmp_path, {"01_a": values}, "")}

    before = keys()
    (tmp_path / "clips/a.wav").write_bytes(b"one")
    assert not before & keys()


@pytest.mark.quick
def test_a_book_is_built_again_when_a_page_is_not_as_it_was_written(tmp_path):
    (tmp_path / "page.html").write_text("42")
    before = execute.what_lies_in(tmp_path, tmp_path / "none")
    assert before == execute.what_lies_in(tmp_path, tmp_path / "none")
    (tmp_path / "page.html").write_text("43")
    edited = execute.what_lies_in(tmp_path)
    (tmp_path / "page.html").unlink()
    assert len({before, edited, execute.what_lies_in(tmp_path)}) == 3


def test_what_a_decoder_logs_is_neither_on_the_page_nor_on_the_terminal(small_book):
    line = "[src/libmpg123/layer3.c:INT123_do_layer3():1774] error: part2_3_length (1024) too large\\n"
    write_notebook(small_book, f"import os\nos.write(2, b'{line}')")
    logging = run_build(small_book, "--profile", "smoke")
    assert logging.returncode == 0 and "mpg123" not in logging.stdout + logging.stderr


def test_the_students_edition_is_searched_before_it_is_published(small_book):
    solution = "the_answer_that_nobody_may_read = sum(range(10)) + 12345"
    told = "It is the sum of the numbers below ten, and of twelve thousand more."
    write_notebook(small_book, "answer_1 = ...", solution)
    path = small_book / "notebooks/01_a.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[-1].metadata["tags"] = ["solution"]
    folded = f'<details class="answer"><summary>An answer</summary>\n\n{told}\n\n</details>'
    question = nbformat.v4.new_markdown_cell(f"How many?\n\n{folded}", id="question")
    nb.cells.append(question)
    nbformat.write(nb, path)
    buttons = "repository: {url: https://github.com/one/two}\nhtml: {use_repository_button: true}\n"
    buttons += "launch_buttons: {colab_url: https://colab.research.google.com}\n"
    (small_book / "_config.yml").write_text((small_book / "_config.yml").read_text() + buttons)
    first = run_build(small_book, "--profile", "smoke", "--student")
    assert first.returncode == 0, first.stdout + first.stderr
    out = small_book / "_build/student"
    for page in (out / "html/notebooks/01_a.html", out / "notebooks/01_a.ipynb"):
        text = page.read_text(encoding="utf-8")
        assert "How many?" in text and "nobody_may_read" not in text and "twelve thousand" not in text
        assert "one/two" not in text and "colab.research" not in text

    pages = [out / "html/notebooks/01_a.html", out / "notebooks/01_a.ipynb"]
    before = [page.read_bytes() for page in pages]
    for leak in (solution, told):
        nb.cells[2].source = f"print({leak[::-1]!r}[::-1])"  # in the output alone
        nbformat.write(nb, path)
        leaking = run_build(small_book, "--profile", "smoke", "--student")
        assert leaking.returncode == 1 and "01_a.html tells an answer: " in leaking.stderr
        assert "01_a.ipynb tells an answer: " in leaking.stderr
        assert [page.read_bytes() for page in pages] == before


def test_a_mending_without_a_place_stops_the_build(small_book):
    config = "sphinx: {local_extensions: {book.build.extension: .}}\n"
    (small_book / "_config.yml").write_text((small_book / "_config.yml").read_text() + config)
    result = run_build(small_book, "--profile", "smoke")
    assert result.returncode == 1
    assert "nothing to mend: no page has a citation list with a role any more" in result.stderr
    assert "nothing to mend: no page has a sidebar without a role" not in result.stderr
    assert not (small_book / "_build/html").exists()


def test_the_longest_notebook_starts_first(tmp_path):
    for name, seconds in (("01_a", 3), ("02_b", 20), ("04_d", 100)):
        (tmp_path / f"{name}.seconds").write_text(f"{seconds}\n")
    assert execute.longest_first(["01_a", "02_b", "03_c", "04_d"], tmp_path) == ["03_c", "04_d", "02_b", "01_a"]


def test_one_build_at_a_time(tmp_path):
    with only_build(tmp_path):
        with pytest.raises(BookError, match="another build is running"):
            with only_build(tmp_path):
                pass


@pytest.mark.parametrize(
    "body, problem",
    [
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js from another host"),
        ('<img src="//cdn.example/x.png" alt="x">', "from another host"),
        ('<a href="gone.html">x</a>', "points at gone.html, which is not in the book"),
        ('<img src="big.png">', "has an image without alt"),
        ('<img src="big.png" alt="big">', "weighs 2.1 MB, more than 2 MB"),
    ],
)
def test_flawed_pages_are_refused(tmp_path, body, problem):
    (tmp_path / "big.png").write_bytes(os.urandom(2_100_000 if "weighs" in problem else 10))
    (tmp_path / "page.html").write_text(f"<html><body>{body}</body></html>")
    found = checks.check_pages(tmp_path)
    assert len(found) == 1 and problem in found[0] and found[0].startswith("page.html ")


def test_links_out_of_the_book_and_audio_are_fine(tmp_path):
    (tmp_path / "a.mp3").write_bytes(os.urandom(3_000_000))
    body = '<a href="https://example.org">x</a><a href="page.html#top">y</a><audio src="a.mp3"></audio>'
    (tmp_path / "page.html").write_text(body)
    assert checks.check_pages(tmp_path) == []


def test_a_page_tells_no_folder_of_the_builder():
    source = '# Parameters\ndata_dir = "/srv/somebody/my clips"\nseed = 3\n'
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})],
    )
    execute._fold(nb)
    assert nb.cells[0].source == '# Parameters\ndata_dir = "…/my clips"\nseed = 3\n'
