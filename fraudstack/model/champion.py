"""Which model of the folder TX_MODEL_DIR is in force, for whoever reads of it and doesn't ask it.

`versions/VERSION/` are artefacts, `champion.json` names one of them: replaced in one step, so that whoever looks finds
the old or the new.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from fraudstack.errors import InputError
from fraudstack.model import files
from fraudstack.model.files import Files

CHAMPION = "champion.json"
_MOST_BYTES = 1 << 20


def facts(folder: Path) -> dict[str, Any] | None:
    """What was written of the champion: version, the one before, and why it became that; None where there is none."""
    try:
        named = from_json(files.bounded(folder / CHAMPION, _MOST_BYTES), allow_inf_nan=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{folder / CHAMPION} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{folder / CHAMPION} can't be read: it isn't JSON: {error}") from error
    # It becomes the name of a folder.
    if not isinstance(named, dict) or not _is_version(named.get("version")):
        raise InputError(f"{folder / CHAMPION} can't be read: it names no version")
    if named.get("before") is not None and not _is_version(named["before"]):
        raise InputError(f"{folder / CHAMPION} can't be read: what was before is no version")
    return named


def _is_version(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(files.VERSION, value) is not None


def read(folder: Path, named: Mapping[str, Any]) -> Files:
    """The files of the model that is named; raises InputError where they aren't its own."""
    return files.read(of_version(folder, named["version"]), named["version"])


def of_version(folder: Path, version: object) -> Path:
    """The folder of a model that is kept."""
    return folder / "versions" / str(version)
