"""The book's build: execute the notebooks, check their outputs, publish the pages.

``python -m book.build --profile demo`` copies the book's tree to ``_build/stage``, executes the notebooks there with
the parameters that ``book/profiles.yml`` gives them, checks the outputs, and has Jupyter Book turn the copy into HTML.
Sources are never written to, and a book that is there stays until its successor is complete.

In the order of their work: `profiles`, `execute`, `publish` (with `extension`, which runs inside Sphinx), and `checks`
for the outputs of notebooks and for pages.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FULL = "the disk is full; free some space and run again"
EDITED = "what it reads was edited meanwhile; run again"


class BookError(Exception):
    """The book cannot be built; the message says what to do."""
