"""A model as a folder: what it takes to score with it, and what is known about it.

`model.txt` is LightGBM's own text, `model.json` the rest; `card.md` with its pictures is for people.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from fraudstack.errors import InputError
from fraudstack.model import prior

_BOOSTER, _FACTS = "model.txt", "model.json"
# Whoever scores has processes beside each other; threads of LightGBM's would only wait for each other, at full speed.
_THREADS = 1


@dataclass(frozen=True)
class Model:
    """A fitted model; scores are probabilities of fraud."""

    booster: lightgbm.Booster
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
        return hashlib.sha256(self.booster.model_to_string().encode()).hexdigest()[:12]

    def scores(self, figures: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities (n,) of the rows of figures (n, features)."""
        raw = np.asarray(self.booster.predict(figures, raw_score=True, num_threads=_THREADS), dtype=np.float64)
        return probabilities(raw + prior.log_odds(figures, self.features), self.slope, self.intercept)

    def contributions(self, figures: Sequence[float]) -> NDArray[np.float64]:
        """What each feature of one row (features,) adds to its calibrated log odds (features,)."""
        row = np.array([figures], dtype=np.float32)
        # The last is what all rows have in common.
        found = np.array(self.booster.predict(row, pred_contrib=True, num_threads=_THREADS), dtype=np.float64)[0, :-1]
        place, known = prior.contribution(row, self.features)
        found[place] += known
        return self.slope * found


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
        (draft / _BOOSTER).write_text(model.booster.model_to_string())
        facts = {
            "version": model.version,
            "features": model.features,
            "label_delay": model.label_delay,
            "prior": prior.FACTS,
            "calibration": {"slope": model.slope, "intercept": model.intercept},
            **model.facts,
        }
        (draft / _FACTS).write_text(json.dumps(facts, indent=2) + "\n")
        # Brings matplotlib, which nobody needs who only scores.
        from fraudstack.model import card

        card.write(draft, facts)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    except OSError as error:
        raise InputError(f"the folder {folder} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def load(folder: Path, features: tuple[str, ...]) -> Model:
    """Read a model; raises InputError where there is none, or one made for other features than these."""
    try:
        facts = json.loads((folder / _FACTS).read_text())
        booster = lightgbm.Booster(model_file=str(folder / _BOOSTER))
        model = Model(
            booster,
            tuple(facts.pop("features")),
            facts.pop("label_delay"),
            facts["calibration"]["slope"],
            facts.pop("calibration")["intercept"],
            facts,
        )
    except FileNotFoundError as error:
        raise InputError(f"there is no model in {folder}: {Path(str(error.filename)).name} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
        raise InputError(f"the model in {folder} can't be read: {error}") from error
    if model.features != features:
        other = sorted(set(model.features) ^ set(features))
        raise InputError(
            f"the model in {folder} was made for other features ({', '.join(other[:3]) or 'in another order'}): "
            "train it anew"
        )
    if facts.get("prior") != prior.FACTS:
        raise InputError(f"the model in {folder} was made beside another prior: train it anew")
    return model
