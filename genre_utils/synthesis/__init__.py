"""Music-like clips made from a seed, so that the book runs without a download. Explained in notebook 01.

Genres differ mostly in rhythm, harmony and form; their average spectra overlap on purpose, as those of music do. What a
network learns from them is no evidence about music.
"""

from .band import GENRES, SR, render
from .collections import FMA_GENRES, VERSION, write, write_fma

__all__ = ["FMA_GENRES", "GENRES", "SR", "VERSION", "render", "write", "write_fma"]
