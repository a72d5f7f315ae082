"""The files of a model, read once and checked before anything is made of them.

LightGBM ends the process over trees that were cut off, so it sees none that their digest doesn't vouch for.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json, to_json

from fraudstack.errors import InputError

TREES, FACTS = "model.txt", "model.json"
# Twenty times what the largest have.
_MOST_TREES, _MOST_FACTS = 64 << 20, 16 << 20
_DIGITS = 12
# It names a folder, too.
VERSION = "[0-9A-Za-z]{1,64}"


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Calibration(_Part):
    """Far wider than any that was ever fitted."""

    slope: Annotated[float, Field(gt=0, le=100)]
    intercept: Annotated[float, Field(ge=-100, le=100)]


class _Bins(_Part):
    """What drift is measured against; the last bin is that of what isn't known."""

    edges: list[float]
    shares: list[Annotated[float, Field(ge=0, le=1)]]

    @model_validator(mode="after")
    def _fit(self) -> "_Bins":
        if len(self.shares) != len(self.edges) + 2:
            raise ValueError("there must be two shares more than edges")
        return self


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


class _Window(_Part):
    until: Annotated[str, AfterValidator(_day)]


class _Facts(_Part):
    version: Annotated[str, Field(pattern=f"^{VERSION}$")]
    features: list[str]
    label_delay: Annotated[int, Field(ge=0, le=30)]
    prior: dict[str, Any]
    calibration: _Calibration
    trained: _Window
    reference: dict[str, _Bins] = {}


# Of the facts those without which the trees say something else.
_MEANT = ("features", "label_delay", "prior", "calibration")


@dataclass(frozen=True)
class Files:
    """A model as it lies in a folder, whole and as it was written."""

    version: str
    # LightGBM's own text.
    trees: str
    features: tuple[str, ...]
    label_delay: int
    prior: Mapping[str, Any]
    slope: float
    intercept: float
    # Everything else that model.json says.
    facts: dict[str, Any]


def version(
    trees: str, features: Sequence[str], label_delay: int, prior: Mapping[str, Any], slope: float, intercept: float
) -> str:
    """Twelve digits that tell a model from every other: a digest of all that its scores depend on."""
    meant = [list(features), label_delay, prior, float(slope), float(intercept)]
    return _digest(trees.encode() + json.dumps(meant, sort_keys=True).encode())


def read(folder: Path, named: str | None = None) -> Files:
    """A model's files; raises InputError where they aren't what their version, or who names it, says.

    A model of the first release is told by its trees alone. It is taken if they are whole, under the version that it
    would have today.
    """
    try:
        content = bounded(folder / FACTS, _MOST_FACTS)
        trees = bounded(folder / TREES, _MOST_TREES)
    except FileNotFoundError as error:
        raise InputError(f"there is no model in {folder}: {Path(str(error.filename)).name} is missing") from error
    except OSError as error:
        raise InputError(f"the model in {folder} can't be read: {error.strerror}") from error
    try:
        raw = from_json(content, allow_inf_nan=False)
        said = _Facts.model_validate(raw)
        text = trees.decode()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or FACTS
        raise InputError(f"the model in {folder} can't be used: {place} in {FACTS}: {first['msg']}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the model in {folder} can't be read: {TREES} isn't text") from error
    except ValueError as error:
        raise InputError(f"the model in {folder} can't be read: {FACTS} isn't JSON: {error}") from error
    line = said.calibration
    found = version(text, said.features, said.label_delay, said.prior, line.slope, line.intercept)
    if said.version not in (found, _digest(trees)):
        raise InputError(
            f"the model in {folder} isn't the one that its version {said.version} names: a file was changed or cut "
            "off; copy it again, or train one anew"
        )
    if named not in (None, said.version):
        raise InputError(f"the model in {folder} has the version {said.version}, and {named} was asked for")
    more = {name: value for name, value in raw.items() if name not in ("version", *_MEANT)}
    return Files(found, text, tuple(said.features), said.label_delay, said.prior, line.slope, line.intercept, more)


def facts(files: Files) -> dict[str, Any]:
    """What model.json says."""
    return {
        "version": files.version,
        "features": files.features,
        "label_delay": files.label_delay,
        "prior": files.prior,
        "calibration": {"slope": files.slope, "intercept": files.intercept},
        **files.facts,
    }


def write(folder: Path, files: Files) -> None:
    """Put a model's files into a folder, for good; raises OSError."""
    said = to_json(facts(files), indent=2, inf_nan_mode="null") + b"\n"
    for name, content in ((TREES, files.trees.encode()), (FACTS, said)):
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def bounded(path: Path, most: int) -> bytes:
    """What a file holds; raises OSError, and InputError where it is no file or larger than any of its kind."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file")
    with path.open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise InputError(f"{path} has more than {most:,} bytes, as no file of its kind has")
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
