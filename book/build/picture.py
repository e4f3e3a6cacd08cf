"""The picture of the landing page: short clips of synthetic sound, to see and to hear."""

import os
from pathlib import Path
from unittest import mock

CLIPS = {"classical": 3, "reggae": 3, "metal": 3}  # genre to seed
SECONDS = 6.0
STYLE = "display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0 1rem; margin: 1rem 0;"


def block(folder: Path) -> str:
    """Draw a spectrogram and record the sound of each clip.

    Parameters
    ----------
    folder : Path
        That gets the pictures and the sounds.

    Returns
    -------
    str
        MyST Markdown that shows and plays them.
    """
    from genre_utils import notebook, synthesis

    sounds = {f"{genre} (synthetic)": synthesis.render(genre, seed, SECONDS) for genre, seed in CLIPS.items()}
    with mock.patch.dict(os.environ, GENRE_UTILS_BOOK="1", GENRE_UTILS_MEDIA_DIR=str(folder)):
        shown = notebook.listen(sounds, synthesis.SR, SECONDS).data
    return f'```{{raw}} html\n<div class="cell_output" style="{STYLE}">{shown}</div>\n```'
