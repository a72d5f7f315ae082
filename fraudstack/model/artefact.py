"""A model as a folder: what it takes to score with it, and what is known about it.

`model.txt` is LightGBM's own text, `model.json` the rest; `card.md` with its pictures is for people.
"""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fraudstack.errors import InputError
from fraudstack.model import files, prior
from fraudstack.model.files import Files

if TYPE_CHECKING:
    import lightgbm

# Whoever scores has processes beside each other; threads of LightGBM's would only wait for each other, at full speed.
_THREADS = 1


@dataclass(frozen=True)
class Model:
    """A fitted model; scores are probabilities of fraud."""

    # LightGBM's text.
    trees: str
    # The names of its inputs, in order.
    features: tuple[str, ...]
    # Whole days after which the features take a label as known.
    label_delay: int
    # The probability is sigmoid(slope * (prior + trees) + intercept), slope > 0 (Platt 1999).
    slope: float
    intercept: float
    # Training window, figures of the fold, parameters, fingerprints of the data.
    facts: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Twelve digits that tell it from every other model."""
        return files.version(self.trees, self.features, self.label_delay, prior.FACTS, self.slope, self.intercept)

    @property
    def first_unseen(self) -> int:
        """The first day, since 1970, of which it had seen nothing."""
        return int(np.datetime64(str(self.facts["trained"]["until"]), "D").astype(np.int64)) + 1

    @property
    def first_in_force(self) -> int:
        """The first day, since 1970, on which it could have been in force: what it learned from was known."""
        return self.first_unseen + self.label_delay

    @cached_property
    def booster(self) -> "lightgbm.Booster":
        """The trees, as LightGBM reads them; of what is no text of its own it may end the process."""
        # A second of imports, which whoever has no model to ask is spared.
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)

    def scores(self, figures: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities (n,) of the rows of figures (n, features); raises InputError where they are no numbers."""
        raw = np.asarray(self.booster.predict(figures, raw_score=True, num_threads=_THREADS), dtype=np.float64)
        raw = self._finite(raw, (len(figures),))
        return probabilities(raw + prior.log_odds(figures, self.features), self.slope, self.intercept)

    def contributions(self, figures: Sequence[float]) -> NDArray[np.float64]:
        """What each feature of one row (features,) adds to its calibrated log odds (features,); raises as `scores`."""
        row = np.array([figures], dtype=np.float32)
        # The last is what all rows have in common.
        found = np.array(self.booster.predict(row, pred_contrib=True, num_threads=_THREADS), dtype=np.float64)[0, :-1]
        place, known = prior.contribution(row, self.features)
        found[place] += known
        return self._finite(self.slope * found, (len(self.features),))

    def _finite(self, found: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        if found.shape != shape or not np.isfinite(found).all():
            raise InputError(f"the model {self.version} gives what is no number")
        return found


def probabilities(raw: NDArray[np.float64], slope: float, intercept: float) -> NDArray[np.float64]:
    """Raw scores (n,), which are log odds, as calibrated probabilities."""
    # Beyond, a double holds nothing but 0 and 1.
    return np.asarray(1 / (1 + np.exp(-np.clip(slope * raw + intercept, -500, 500))), dtype=np.float64)


def save(model: Model, folder: Path) -> None:
    """Write the folder whole or not at all; what was there makes way."""
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.old")
    try:
        draft.mkdir(parents=True)
        write(model, draft)
        # Brings matplotlib, which nobody needs who only scores.
        from fraudstack.model import card

        card.write(draft, files.facts(_files(model)))
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    except OSError as error:
        raise InputError(f"the folder {folder} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write(model: Model, folder: Path) -> None:
    """Write what it takes to score with it into a folder, for good; raises OSError."""
    files.write(folder, _files(model))


def load(folder: Path, features: tuple[str, ...] | None, named: str | None = None) -> Model:
    """Read a model and try it on a few rows.

    Raises InputError where there is none, where it isn't what its version or `named` says, where it was made for other
    features than these (None: whatever they are), and where what it says is no probability.
    """
    found = files.read(folder, named)
    if features is not None and found.features != features:
        other = sorted(set(found.features) ^ set(features))
        raise InputError(
            f"the model in {folder} was made for other features ({', '.join(other[:3]) or 'in another order'}): "
            "train it anew"
        )
    if found.prior != prior.FACTS:
        raise InputError(f"the model in {folder} was made beside another prior: train it anew")
    model = Model(found.trees, found.features, found.label_delay, found.slope, found.intercept, found.facts)
    try:
        _try(model)
    except Exception as error:
        raise InputError(f"the model in {folder} can't be used: tried on a few rows, {_why(error)}") from error
    return model


def _try(model: Model) -> None:
    if tuple(model.booster.feature_name()) != model.features:
        raise InputError("its trees ask for other features")
    unknown = np.full(len(model.features), np.nan, dtype=np.float32)
    rows = np.stack([unknown, np.zeros_like(unknown), np.full_like(unknown, 1e6), -np.ones_like(unknown)])
    model.scores(rows)
    for row in rows:
        model.contributions(row.tolist())


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"it raises {type(error).__name__}"


def _files(model: Model) -> Files:
    return Files(
        model.version,
        model.trees,
        model.features,
        model.label_delay,
        prior.FACTS,
        model.slope,
        model.intercept,
        model.facts,
    )
