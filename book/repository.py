"""The command: ``python -m book.repository URL`` writes the repository's address wherever it stands."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+?")


def move(root: Path, url: str) -> list[Path]:
    """Replace the address in _config.yml by another, in every text file that git tracks.

    Returns
    -------
    list of Path
        Files that were changed.

    Raises
    ------
    ValueError
        If the address is none of a repository, such as ``https://github.com/owner/name``.
    """
    url = url.strip().removesuffix("/").removesuffix(".git")
    if not ADDRESS.fullmatch(url):
        raise ValueError(f"{url!r} is no repository's address; expected for example https://github.com/owner/name")
    old = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    changed = []
    for path in map(root.joinpath, filter(None, tracked.split("\0"))):
        content = path.read_bytes() if path.is_file() else b""
        if (better := re.sub(rb"%s(?![\w-])" % re.escape(old.encode()), url.encode(), content)) != content:
            path.write_bytes(better)
            changed.append(path)
    return changed


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: make repository URL=https://github.com/owner/name", file=sys.stderr)
        return 2
    try:
        changed = move(ROOT, sys.argv[1])
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(changed)} files now name {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
