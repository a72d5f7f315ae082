"""Models come into force: the folder TX_MODEL_DIR, as fraudstack.model.champion describes it, changed."""

import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import files
from fraudstack.model.artefact import Model, load, save, write
from fraudstack.model.champion import CHAMPION, facts, of_version

# What was trained last, and what was found about it.
CANDIDATE, EVALUATION = "candidate", "evaluation.json"


def champion(folder: Path) -> Model | None:
    """The model in force; None where none was ever promoted. Raises InputError when it can't be loaded."""
    named = facts(folder)
    return None if named is None else load(of_version(folder, named["version"]), NAMES, named["version"])


def promote(folder: Path, candidate: Path, why: Mapping[str, Any]) -> Model:
    """Make the model in the folder `candidate` the champion; a copy of it is kept.

    Raises InputError, and leaves the champion, when it can't be loaded or was made for other features.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = load(candidate, NAMES)
    before = _replaced(folder)
    named = {"version": model.version, "before": before, **why}
    kept = of_version(folder, model.version)
    draft = kept.with_name(f".{model.version}.{uuid.uuid4().hex}")
    damaged = draft.with_suffix(".old")
    pointer = folder / f".{CHAMPION}.{uuid.uuid4().hex}"
    try:
        if not _whole(kept):
            shutil.copytree(candidate, draft)
            # As it was read and tried, whatever the folder holds by now.
            write(model, draft)
            if kept.exists():
                kept.rename(damaged)
            draft.rename(kept)
        with pointer.open("wb") as file:
            file.write(to_json(named, indent=2, inf_nan_mode="null") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        pointer.replace(folder / CHAMPION)
    except OSError as error:
        raise InputError(f"the folder {folder} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(damaged, ignore_errors=True)
        pointer.unlink(missing_ok=True)
    return model


def _replaced(folder: Path) -> str | None:
    """The version of the champion that another replaces; one that nobody can name is replaced all the same."""
    try:
        named = facts(folder)
    except InputError:
        return None
    return str(named["version"]) if named else None


def _whole(kept: Path) -> bool:
    try:
        files.read(kept, kept.name)
    except InputError:
        return False
    return True


def roll_back(folder: Path) -> Model:
    """Make the champion before this one the champion again; raises InputError where there is none."""
    named = facts(folder)
    if named is None or named.get("before") is None:
        raise InputError(f"there was no champion before the one in {folder}")
    why = {"reason": f"rolled back from {named['version']}"}
    return promote(folder, of_version(folder, named["before"]), why)


def every(folder: Path, say: Callable[[str], object]) -> list[Model]:
    """All models that are kept and can be used with these features; what can't be is said."""
    found = []
    for kept in sorted((folder / "versions").glob("[!.]*")):
        try:
            found.append(load(kept, NAMES, kept.name))
        except InputError as error:
            say(str(error))
    return found


def keep(folder: Path, model: Model) -> Model:
    """Keep a model beside the champion; raises InputError when that can't be written."""
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    save(model, of_version(folder, model.version))
    return model
