"""Files that are there whole or not at all."""

import json
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


def refuse_another_run(folder, found, run):
    """Compare what a folder was made with, with what is asked for now.

    Parameters
    ----------
    folder : Path
    found, run : dict
        Then, and now.

    Raises
    ------
    ValueError
        If they differ; the message says in what.
    """
    run = json.loads(json.dumps(run))
    if found != run:
        differ = [name for name in run if found.get(name) != run[name]]
        told = "; ".join(f"{name} was {found.get(name)}, now {run[name]}" for name in differ)
        raise ValueError(f"{folder} holds another run ({told}): name another folder")
