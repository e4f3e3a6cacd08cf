"""GTZAN (Tzanetakis and Cook 2002), in any of the layouts in which copies of it circulate."""

import pandas as pd

from .. import audio


def load(root):
    """Files and genres of a folder that holds one folder a genre.

    Parameters
    ----------
    root : Path
        The folder of genre folders, or one above it: `genres/` (.au), `genres_original/` (.wav) or any other name.
        Files of other kinds and hidden ones are passed over.

    Returns
    -------
    pd.DataFrame
        Columns `clip_id`, `path`, `genre`.

    Raises
    ------
    ValueError
        If there is no folder of genre folders, or more than one.
    FileNotFoundError
        If the folder is empty.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is a file; expected a folder that holds one folder a genre")
    if not any(root.iterdir()):
        raise FileNotFoundError(f"the folder {root} is empty; expected one folder a genre")
    found = {}
    for path in sorted(root.rglob("*")):
        genre_dir = path.parent
        if path.suffix.lower() in audio.EXTENSIONS and not path.name.startswith(".") and genre_dir != root:
            found.setdefault(genre_dir.parent, []).append((path.stem, str(path), genre_dir.name.lower()))
    if not found:
        raise ValueError(
            f"no genre folders with sound ({', '.join(audio.EXTENSIONS)}) in {root}; expected for example "
            f"{root.name}/blues/blues.00000.wav"
        )
    if len(found) > 1:
        raise ValueError(
            f"{root} holds {len(found)} collections ({', '.join(str(p.relative_to(root)) for p in found)}); "
            "name one of them as data_dir"
        )
    return pd.DataFrame(*found.values(), columns=["clip_id", "path", "genre"])
