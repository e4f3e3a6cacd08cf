"""Sound to play and figures to move. Used in notebooks 01 to 03, 10, 13 and 14.

On a page a small script moves them, in Jupyter and Colab widgets do.
"""

import base64
import hashlib
import html
import io
import itertools
import json
import os
from pathlib import Path

import numpy as np
from IPython import get_ipython
from IPython.display import HTML, display

MP3_SECONDS = 10.0
SCRIPT = Path(__file__).with_name("moving.js")
# In the page itself, for Jupyter and Colab know nothing of the book's style sheet.
SEEN = "position: relative; width: 100%; cursor: pointer"
PLAYHEAD = "position: absolute; top: 0; bottom: 0; left: 0; width: 2px; background: #fff; mix-blend-mode: difference"


def player(sound, sr=None, caption="", seconds=MP3_SECONDS):
    """A clip to listen to: compressed, and in the published book loaded only when played.

    Parameters
    ----------
    sound : np.ndarray [shape=(n_samples,)] or str or Path
        Mono samples, or a sound file.
    sr : int, optional
        Sample rate in Hz; needed with samples.
    caption : str
        Told under the player.
    seconds : float
        So much from the middle of the clip is kept.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    ValueError
        If samples come without their rate.
    """
    return HTML(_figure("player", _audio(*_middle(sound, sr, seconds), caption), caption))


def listen(sounds, sr=None, seconds=MP3_SECONDS, pictures=None):
    """Clips to listen to, each with its log-mel spectrogram, over which a line moves while the clip plays.

    Parameters
    ----------
    sounds : dict of str to np.ndarray or str or Path
        Caption of each.
    sr : int, optional
        Sample rate in Hz of those given as samples.
    seconds : float
    pictures : dict of str to (Figure, str), optional
        By caption: a figure to show in place of the spectrogram, as wide as the clip's time from edge to edge, and what
        it shows.

    Returns
    -------
    IPython.display.HTML

    References
    ----------
    Notebooks 01 and 14.
    """
    from matplotlib import image

    from .. import features
    from ..plots import CMAP

    shown = []
    for caption, sound in sounds.items():
        y, rate = _middle(sound, sr, seconds)
        if caption in (pictures or {}):
            figure, told = pictures[caption]
            drawn, height = _webp(figure), "auto"
        else:
            config = features.MelConfig(rate, len(y), hop_length=max(1, len(y) // 600), n_mels=96, ref="max")
            picture, height = io.BytesIO(), "8rem"
            image.imsave(picture, features.log_mel(y, config).T, cmap=CMAP, origin="lower", vmin=-70, format="webp")
            told = f"Log-mel spectrogram of {caption}: {len(y) / rate:.1f} s from left to right, low bands below."
            drawn = picture.getvalue()
        seen = f'<div class="seen" style="{SEEN}">{_image(drawn, told, height)}<i style="{PLAYHEAD}"></i></div>'
        shown.append(_figure("player listen", seen + _audio(y, rate, caption), caption))
    return HTML("".join(shown) + _script())


def quiz(sounds, answers, sr=None, question="Which genre is it?", seconds=MP3_SECONDS):
    """A listening quiz: clips without their labels, a button for each answer, and a score.

    Parameters
    ----------
    sounds : list of np.ndarray or str or Path
    answers : list of str
        The right answer for each clip. Their set is what may be chosen.
    sr : int, optional
        Sample rate in Hz of those given as samples.
    question : str
    seconds : float

    Returns
    -------
    IPython.display.HTML
        Where scripts are off, each answer is folded under its clip.

    References
    ----------
    Notebooks 01 and 13.
    """
    shown = []
    for number, (sound, answer) in enumerate(zip(sounds, answers, strict=True), start=1):
        folded = f"<details><summary>Answer</summary><span>{html.escape(answer)}</span></details>"
        name = f"clip {number}"
        shown.append(_figure("player", _audio(*_middle(sound, sr, seconds), name), name, folded))
    choices = html.escape(json.dumps(sorted(set(answers))))
    label = html.escape(question)
    return HTML(
        f'<div class="quiz" role="group" aria-label="Listening quiz: {label}" data-choices="{choices}">'
        f"<p>{label}</p>{''.join(shown)}<output></output></div>{_script()}"
    )


def knobs(draw, caption="", **choices):
    """A figure, or a figure with sound, and a slider for each argument that it depends on.

    On a published page (``GENRE_UTILS_BOOK=1``) each combination is drawn beforehand and a script moves between them.
    Where somebody sits in front of a kernel, in JupyterLab or Colab, the sliders are ipywidgets. Under papermill,
    nbclient and nbconvert a widget may hang the notebook (jupyter/nbclient issue 312): there the first figure is shown.

    Parameters
    ----------
    draw : callable
        Returns a figure, or a figure, mono samples and their rate in Hz.
    caption : str
        What the figure shows, for those who do not see it.
    **choices : list
        Values of each argument, the one to begin with first. The sliders have numbers in ascending order.

    Returns
    -------
    Figure or IPython.display.HTML or None
        None where widgets show themselves.

    References
    ----------
    Notebooks 02, 03 and 10.
    """
    first = {name: values[0] for name, values in choices.items()}
    if not os.environ.get("GENRE_UTILS_BOOK"):
        if not _takes_input():
            drawn = draw(**first)
            return drawn[0] if isinstance(drawn, tuple) else drawn
        import ipywidgets

        sliders = {
            name: ipywidgets.SelectionSlider(options=_in_order(values), value=values[0], continuous_update=False)
            for name, values in choices.items()
        }
        ipywidgets.interact(lambda **values: _show(draw(**values)), **sliders)
        return None
    ordered = {name: _in_order(values) for name, values in choices.items()}
    states = [_state(draw, dict(zip(ordered, values)), caption) for values in itertools.product(*ordered.values())]
    begin = [ordered[name].index(value) for name, value in first.items()]
    data = {"names": [name.replace("_", " ") for name in ordered], "values": list(ordered.values()), "begin": begin}
    start = states[int(np.ravel_multi_index(begin, [len(values) for values in ordered.values()]))]
    told = html.escape(json.dumps(data | {"states": states}))
    picture = f'<img src="{start["image"]}" alt="{html.escape(start["alt"])}">'
    sound = f'<audio controls preload="none" src="{start["sound"]}" aria-label="{html.escape(caption)}"></audio>'
    return HTML(_figure("knobs", picture + sound * bool(start["sound"]), caption, data=f' data-states="{told}"'))


def upload(folder, kinds=".wav,.au,.flac,.mp3,.ogg"):
    """A button for a sound file of the reader's own, where somebody sits in front of a kernel; otherwise nothing.

    Parameters
    ----------
    folder : str or Path
        Where the file lies as soon as it is chosen.
    kinds : str
        Endings that the browser offers.

    References
    ----------
    Notebook 14.
    """
    if os.environ.get("GENRE_UTILS_BOOK") or not _takes_input():
        return
    import ipywidgets

    def keep(change):
        files = change["new"]
        for file in files.values() if isinstance(files, dict) else files:  # ipywidgets 7, and 8
            Path(folder, Path(file.get("name") or file["metadata"]["name"]).name).write_bytes(file["content"])

    button = ipywidgets.FileUpload(accept=kinds, description="Your sound")
    button.observe(keep, "value")
    display(button)


def _in_order(values):
    return sorted(values) if all(isinstance(value, int | float) for value in values) else list(values)


def _show(drawn):
    figure, *sound = drawn if isinstance(drawn, tuple) else (drawn,)
    display(figure, *([player(*sound)] if sound else []))


def _state(draw, values, caption):
    drawn = draw(**values)
    figure, *sound = drawn if isinstance(drawn, tuple) else (drawn,)
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
    heard = _url(_mp3(*_middle(*sound, MP3_SECONDS)), "mp3") if sound else ""
    return {"image": _url(_webp(figure), "webp"), "alt": f"{caption} {told}".strip(), "sound": heard}


def _takes_input():
    shell = get_ipython()
    if not hasattr(shell, "get_parent"):  # not in a kernel
        return False
    request = shell.get_parent() or {}
    return bool(request.get("content", {}).get("allow_stdin"))


def _script():
    """The script itself where no page has loaded it."""
    return "" if os.environ.get("GENRE_UTILS_BOOK") else f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"


def _figure(kind, content, caption, below="", data=""):
    return f'<figure class="{kind}"{data}>{content}<figcaption>{html.escape(caption)}</figcaption>{below}</figure>'


def _audio(y, sr, caption):
    label = html.escape(caption or "a clip")
    return f'<audio controls preload="none" src="{_url(_mp3(y, sr), "mp3")}" aria-label="{label}"></audio>'


def _image(data, alt, height):
    style = f'style="display: block; width: 100%; height: {height}; padding: 0"'
    return f'<img src="{_url(data, "webp")}" alt="{html.escape(alt)}" {style}>'


def _webp(figure):
    picture = io.BytesIO()
    figure.savefig(picture, format="webp", dpi=100, pil_kwargs={"quality": 80})
    return picture.getvalue()


def _url(data, kind):
    """Address of some bytes: a file of the book where it is being built, otherwise the bytes themselves."""
    if folder := os.environ.get("GENRE_UTILS_MEDIA_DIR"):
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{kind}"
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_bytes(data)
        return f"../_static/media/{name}"
    return f"data:{'audio/mpeg' if kind == 'mp3' else f'image/{kind}'};base64," + base64.b64encode(data).decode()


def _middle(sound, sr, seconds):
    """So many seconds from the middle of a file or of samples, and their rate."""
    if isinstance(sound, str | Path):
        from .. import audio

        sound, sr = audio.load(sound)[0], 22_050
    if sr is None:
        raise ValueError("samples need their rate: player(y, sr=…)")
    n = min(len(sound), int(seconds * sr))
    start = (len(sound) - n) // 2
    return np.asarray(sound)[start : start + n], sr


def _mp3(y, sr):
    import soundfile

    peak = max(float(np.abs(y).max(initial=0)), 1e-9)
    buffer = io.BytesIO()
    soundfile.write(buffer, y * min(1, 0.95 / peak), sr, format="MP3", compression_level=0.6)
    return buffer.getvalue()
