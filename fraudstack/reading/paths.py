"""The files that a path names: one of exactly that name, else those of a glob."""

import glob
import re
from pathlib import Path

from fraudstack.errors import InputError

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
# Left behind by Spark, by macOS and by whoever is still writing: read where they are named.
_HIDDEN = ("_", ".")


def is_remote(path: str) -> bool:
    """Whether a path is the URL of something that isn't on this machine."""
    return _URL.match(path) is not None and not path.startswith("file://")


def found(path: str) -> list[Path]:
    """The files that a path on this machine names, in order of their names; a glob may hold *, ?, [a-z] and {a,b}.

    A file of exactly that name wins over the glob. Raises InputError where there is none.
    """
    path = path.removeprefix("file://")
    if path and _is_file(path):
        return [Path(path).absolute()]
    if path and Path(path).is_dir():
        raise InputError(f"{path} is a folder: name a file in it, or several as {path.rstrip('/')}/*.csv")
    matches = {Path(name).absolute() for pattern in _alternatives(path) for name in _matching(pattern)}
    files = {file for match in matches for file in (_shown_in(match) if match.is_dir() else [match])}
    if not files:
        raise InputError(f"there is no file at {path!r}")
    return sorted(files, key=str)


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        # Too long for a name, or with a NUL.
        return False


def _alternatives(pattern: str) -> list[str]:
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces is None:
        return [pattern]
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [each for option in braces[1].split(",") for each in _alternatives(f"{before}{option}{after}")]


def _matching(pattern: str) -> list[str]:
    if "\0" in pattern:
        return []
    matches = glob.glob(pattern.replace("[^", "[!"))  # noqa: PTH207 - Path.glob takes no absolute pattern
    named = Path(pattern).name.startswith(_HIDDEN)
    return [match for match in matches if named or not Path(match).name.startswith(_HIDDEN)]


def _shown_in(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.is_file() and not file.name.startswith(_HIDDEN)]
