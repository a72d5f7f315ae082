"""A model for tests, quickly made, and transactions of every kind for it to look at."""

import hashlib
import json
import random
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fraudstack.features.table import NAMES
from fraudstack.model import files, prior
from fraudstack.model.artefact import Model, load, save
from fraudstack.model.fit import Examples, fit

FIRST = datetime(2019, 1, 1)


def examples(rows: int = 6000, days: int = 60, share: float = 0.1, seed: int = 1) -> Examples:
    """Of which the first feature tells the odds."""
    chance = np.random.default_rng(seed)
    figures = chance.normal(size=(rows, len(NAMES))).astype(np.float32)
    # What is thought beforehand is the same of all.
    figures[:, [NAMES.index(name) for name in ("online", *prior.BEGINS)]] = 0
    odds = share / (1 - share) * np.exp(2 * figures[:, 0])
    frauds = (chance.random(rows) < odds / (1 + odds)).astype(np.int64)
    clients = np.array([f"c{number}" for number in chance.integers(0, 500, rows)])
    on = np.sort(chance.integers(0, days, rows))
    return Examples(figures, on, clients, frauds, np.ones(rows), np.arange(rows), on)


@cache
def _fitted(seed: int) -> tempfile.TemporaryDirectory[str]:
    """A folder with the model of a seed, fitted once and kept as long as the process lives."""
    data = examples(seed=seed)
    data.figures[:, 0] *= 100
    folder = tempfile.TemporaryDirectory(prefix="model")
    save(fit(data, until=59, delay=7), Path(folder.name) / "model")
    return folder


def kept_model(folder: Path, seed: int = 1) -> Model:
    """A model in that folder: an amount of 20 is fraud in a seventh of all cases, one of 300 nearly always."""
    shutil.copytree(Path(_fitted(seed).name) / "model", folder)
    return load(folder, NAMES)


def posts(count: int, first_day: int, days: int, first_id: int = 1, seed: int = 5) -> list[dict[str, Any]]:
    """Bodies in the order of time: refunds, zeros, declines, bursts, places, fields that are missing."""
    draw = random.Random(seed)
    moments = sorted(draw.randrange(days * 24 * 60) for _ in range(count))
    rows: list[dict[str, Any]] = []
    for id, minute in enumerate(moments, first_id):
        # Now and then somebody is in a hurry.
        burst = draw.random() < 0.2 and rows
        fields = {
            "id": id,
            "date": str(FIRST + timedelta(days=first_day, minutes=minute)),
            "client_id": rows[-1]["client_id"] if burst else str(draw.randrange(12)),
            "amount": draw.choice([0, -20.5, 12.34, 700.01, draw.randint(1, 9999) / 100, draw.randint(1, 99999) / 100]),
            "merchant_id": draw.choice([None, *map(str, range(15))]),
            "merchant_state": draw.choice([None, "ND", "CA", "CA", "Italy"]),
            "mcc": draw.choice([None, 5411, 5812, 0]),
            "use_chip": draw.choice([None, "Online Transaction", "Chip Transaction"]),
            "errors": draw.choice([None, None, None, "Bad PIN"]),
        }
        rows.append({name: value for name, value in fields.items() if value is not None})
    return rows


def rewritten(folder: Path, **changes: Any) -> None:
    """What a model's model.json says changed, under the version that is then right."""
    said = json.loads((folder / "model.json").read_text()) | changes
    line = said["calibration"]
    with suppress(TypeError, KeyError, ValueError):
        said["version"] = files.version(
            (folder / "model.txt").read_text(),
            said["features"],
            said["label_delay"],
            said["prior"],
            line["slope"],
            line["intercept"],
        )
    (folder / "model.json").write_text(json.dumps(said))


def as_of_the_first_release(folder: Path) -> str:
    """The model under the version that its trees alone gave it; returns that."""
    version = hashlib.sha256((folder / "model.txt").read_bytes()).hexdigest()[:12]
    said = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(said | {"version": version}, indent=2) + "\n")
    return version
