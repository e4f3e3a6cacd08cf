"""Every figure of the book, each returned as a matplotlib figure. Used in every notebook.

A figure that shows data takes `source`, the words of `datasets.source`, and prints them at its foot.
"""

from ._figure import CMAP, PALETTE, finalize, style
from .diagram import diagram
from .networks import feature_maps, parts, receptive_field
from .results import confusion, history, intervals
from .sound import spectrograms, windows
