"""The picture of the landing page: short clips of synthetic sound, seen and heard."""

import base64
import html
import io
from dataclasses import replace

PLACEHOLDER = "% picture"
CLIPS = {"classical": 3, "reggae": 3, "metal": 3}  # genre to seed
SECONDS = 6.0
WIDTH, HEIGHT = 240, 150  # of the spectrogram in the picture's own units
TICKS = (200, 1_000, 5_000)


def block(folder):
    """One spectrogram and one player a clip, in MyST Markdown.

    Text takes the colour of the page, so that the picture suits a light and a dark one.

    Parameters
    ----------
    folder : Path
        That gets the sound files.

    Returns
    -------
    str
    """
    figures = "".join(_figure(genre, seed, folder) for genre, seed in CLIPS.items())
    style = "display: flex; flex-wrap: wrap; gap: 1rem; margin-bottom: 1rem;"
    return f'```{{raw}} html\n<div class="clips" style="{style}">\n{figures}</div>\n```'


def _figure(genre, seed, folder):
    import soundfile

    from genre_utils import features, synthesis

    y = synthesis.render(genre, seed, SECONDS)
    config = replace(features.preset("bbnn"), hop_length=512, n_samples=len(y))
    name = f"clip-{genre}.mp3"
    soundfile.write(folder / name, 0.9 * y / abs(y).max(), synthesis.SR, format="MP3", compression_level=0.6)
    label = html.escape(genre)
    return (
        '<figure style="flex: 1 1 13rem; max-width: 22rem; margin: 0;">\n'
        f"{_drawing(features.log_mel(y, config), config, label)}\n"
        f'<audio controls preload="none" src="../_static/audio/{name}" style="width: 100%; height: 2.2rem;" '
        f'aria-label="Synthetic {label}"></audio>\n<figcaption>Synthetic {label}</figcaption>\n</figure>\n'
    )


def _drawing(log_mel, config, label):
    import librosa

    left, below = 40, 16
    mel = librosa.hz_to_mel
    lines = [
        f'<svg viewBox="0 0 {left + WIDTH + 4} {HEIGHT + below}" role="img" font-size="11" fill="currentColor" '
        f'aria-label="Log-mel spectrogram of {SECONDS:.0f} seconds of synthetic {label}" style="width: 100%;">',
        f'<image x="{left}" width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{_png(log_mel.T[::-1])}"/>',
    ]
    for hz in TICKS:
        y = HEIGHT * (1 - mel(hz) / mel(config.sr / 2))
        lines.append(f'<text x="{left - 4}" y="{y + 4:.0f}" text-anchor="end">{hz:,}</text>')
    for seconds in (0, SECONDS / 2, SECONDS):
        x, anchor = left + WIDTH * seconds / SECONDS, {0: "start", SECONDS: "end"}.get(seconds, "middle")
        unit = " s" * (seconds == SECONDS)
        lines.append(f'<text x="{x:.0f}" y="{HEIGHT + 13}" text-anchor="{anchor}">{seconds:.0f}{unit}</text>')
    lines.append('<text x="2" y="11">Hz</text>')
    return "\n".join([*lines, "</svg>"])


def _png(levels):
    """Levels as colours, the lowest row last, in base64."""
    import matplotlib
    from PIL import Image

    low, high = levels.min(), levels.max()
    pixels = (255 * (levels - low) / max(high - low, 1e-9)).astype("uint8")
    image = Image.fromarray(pixels, mode="P")
    colours = matplotlib.colormaps["magma"](range(256), bytes=True)[:, :3]
    image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
