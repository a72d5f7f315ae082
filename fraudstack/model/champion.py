"""Which model of the folder TX_MODEL_DIR is in force, for whoever reads of it and doesn't ask it.

`versions/VERSION/` are artefacts, `champion.json` names one of them: replaced in one step, so that whoever looks finds
the old or the new.
"""

import json
from pathlib import Path
from typing import Any

from fraudstack.errors import InputError

CHAMPION = "champion.json"


def facts(folder: Path) -> dict[str, Any] | None:
    """What was written of the champion: version, the one before, and why it became that; None where there is none."""
    try:
        named = json.loads((folder / CHAMPION).read_text())
        if not isinstance(named, dict) or not str(named["version"]).isalnum():
            raise ValueError("it names no version")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder / CHAMPION} can't be read: {error}") from error
    return named


def of_version(folder: Path, version: object) -> Path:
    """The folder of a model that is kept."""
    return folder / "versions" / str(version)
