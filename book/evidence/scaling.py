"""What larger collections take, from the rate of extraction that `make bench` measured."""

import re

from genre_utils import features

from . import ROOT, hours

MEASURED = ROOT / "benchmarks/RESULTS.md"
ROW = r"^\| extraction, mp3, 1 core \(s for (\d+) clips\) \| ([\d.]+) \|"
CLIP = 30.0  # seconds of sound that were measured, and that GTZAN's and most of FMA's clips have
# Clips, and seconds of sound: of fma_full 343 days.
COLLECTIONS = {
    "GTZAN": (1_000, 1_000 * CLIP),
    "fma_small": (8_000, 8_000 * CLIP),
    "fma_large": (106_574, 106_574 * CLIP),
    "fma_full": (106_574, 343 * 86_400.0),
}


def rate(text):
    """Seconds of sound that one core decodes and turns into log-mels in a second; None where it was not measured."""
    found = re.search(ROW, text, re.MULTILINE)
    return int(found[1]) * CLIP / float(found[2]) if found else None


def block(path=MEASURED):
    """The table, and how its numbers are made, in MyST Markdown."""
    speed = rate(path.read_text(encoding="utf-8")) if path.is_file() else None
    if not speed:
        return "The rate of extraction has not been measured yet: `make bench` does it."
    preset = features.preset("bbnn")
    epoch = hours.seconds_per_mac() * hours.macs("inception_resnet")
    columns = ["Collection", "Clips", "Sound (hours)", "Extraction (core-hours)", "Log-mels (GB)", "Epoch (minutes)"]
    lines = [f"| {' | '.join(columns)} |", "|---|--:|--:|--:|--:|--:|"]
    for name, (clips, seconds) in COLLECTIONS.items():
        size = 4 * clips * preset.shape[0] * preset.shape[1] / 1e9
        told = [f"{clips:,}", f"{seconds / 3600:,.0f}", _short(seconds / speed / 3600), _short(size)]
        lines.append(f"| {' | '.join([name, *told, _short(clips * epoch / 60)])} |")
    about = (
        f"Extraction: one core turned {speed:,.0f} s of mp3 into log-mels in a second, decoding included "
        f"(`benchmarks/RESULTS.md`). Log-mels: {preset.shape[0]} frames × {preset.shape[1]} bands of four bytes, "
        "before compression. Epoch: Inception-ResNet on a GPU and on all clips, 30 s of each, from the epoch that [the "
        "page on running](running.md) estimates its hours from. Of fma_full all sound is decoded, and 30 s of each "
        "track are kept."
    )
    return "\n".join([*lines, "", about])


def _short(number):
    return f"{number:,.0f}" if number >= 9.5 else f"{number:.2g}"
