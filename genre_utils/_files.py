"""Files that are there whole or not at all."""

import os


def write_atomically(path, content):
    """Write a file so that it is there whole or not at all, whoever else writes the same one.

    Parameters
    ----------
    path : Path
    content : str or bytes
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except FileNotFoundError:  # tidied away by another process, which had finished
        if not path.exists():
            raise
    finally:
        part.unlink(missing_ok=True)
