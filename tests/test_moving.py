"""What moves on a page without a kernel, by mouse and by keyboard."""

import matplotlib.pyplot as plt
import pytest
from conftest import tone

from genre_utils import notebook

SR = 22_050


def draw(gain, hz):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot(gain * tone(0.01, hz=hz))
    plt.close(fig)
    return fig, gain * tone(1.0, hz=hz), SR


@pytest.fixture
def page(browser, tmp_path, monkeypatch):
    """A page with a playhead, a quiz and sliders, the script as the book loads it, and what went wrong on it."""
    monkeypatch.setenv("GENRE_UTILS_BOOK", "1")
    shown = [
        notebook.listen({"a tone": tone(4.0)}, SR),
        notebook.quiz([tone(hz=220), tone(hz=880), tone(hz=220)], ["low", "high", "low"], SR, "High or low?"),
        notebook.knobs(draw, "A tone.", gain=[0.5, 0.1, 1.0], hz=[220, 440]),
    ]
    body = "".join(part.data for part in shown) + f"<script>{notebook.play.SCRIPT.read_text(encoding='utf-8')}</script>"
    (tmp_path / "page.html").write_text(f"<!doctype html><html lang=en><title>t</title><body>{body}", encoding="utf-8")
    page = browser.new_page()
    wrong = []
    page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "page.html").as_uri())
    page.evaluate("document.querySelectorAll('audio').forEach(a => { a.muted = true; })")
    yield page
    assert wrong == []
    page.close()


def test_the_playhead_follows_the_sound_and_a_click_moves_both(page):
    line = "parseFloat(document.querySelector('figure.listen i').style.left)"
    page.evaluate("document.querySelector('figure.listen audio').play()")
    page.wait_for_function(f"{line} > 5")
    page.evaluate("document.querySelector('figure.listen audio').pause()")
    seen = page.locator("figure.listen .seen")
    box = seen.bounding_box()
    seen.click(position={"x": 0.75 * box["width"], "y": box["height"] / 2})
    page.wait_for_function(f"Math.abs({line} - 75) < 2")
    assert page.evaluate("document.querySelector('figure.listen audio').currentTime") == pytest.approx(3.0, abs=0.1)


def test_a_click_on_the_spectrogram_before_anything_was_played(page):
    seen = page.locator("figure.listen .seen")
    seen.click(position={"x": 0.5 * seen.bounding_box()["width"], "y": 10})
    page.wait_for_function("document.querySelector('figure.listen audio').currentTime > 1.8")


def test_the_playhead_follows_the_keyboard(page):
    page.locator("figure.listen audio").focus()
    page.keyboard.press("Space")
    page.wait_for_function("parseFloat(document.querySelector('figure.listen i').style.left) > 1")


def test_the_quiz_counts_first_answers_by_mouse_and_keyboard(page):
    score = page.locator(".quiz output")
    assert score.inner_text() == "0 of 3 answered, 0 right."
    assert page.locator(".quiz details").count() == 0
    page.get_by_role("button", name="clip 1: low").click()
    assert score.inner_text() == "1 of 3 answered, 1 right."
    page.get_by_role("button", name="clip 1: high").click(force=True)
    assert score.inner_text() == "1 of 3 answered, 1 right."
    page.get_by_role("button", name="clip 2: low").focus()
    page.keyboard.press("Enter")
    assert score.inner_text() == "2 of 3 answered, 1 right."
    assert page.locator(".choices").nth(1).locator("button").all_inner_texts() == ["high ✓", "low ✗"]
    assert page.get_by_role("button", name="clip 2: low, wrong").count() == 1


def test_the_sliders_change_figure_text_and_sound(page):
    image, audio = page.locator("figure.knobs img"), page.locator("figure.knobs audio")
    gain, hz = page.locator("figure.knobs input").all()
    assert image.get_attribute("alt") == "A tone. gain 0.5, hz 220"
    before = image.get_attribute("src"), audio.get_attribute("src")
    gain.focus()
    page.keyboard.press("ArrowRight")
    assert image.get_attribute("alt") == "A tone. gain 1.0, hz 220"
    assert gain.get_attribute("aria-valuetext") == "1"
    box = hz.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert image.get_attribute("alt") == "A tone. gain 1.0, hz 440"
    assert image.get_attribute("src") != before[0] and audio.get_attribute("src") != before[1]
    assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") == 300


def test_a_script_that_comes_twice_begins_once(page):
    page.evaluate(notebook.play.SCRIPT.read_text(encoding="utf-8"))
    assert page.locator(".quiz .choices").count() == 3 and page.locator("figure.knobs .sliders").count() == 1
