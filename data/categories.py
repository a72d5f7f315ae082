"""The 109 merchant category codes: what each is, how often it comes and what is paid there."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.sampling import Bools, Floats, Ints

TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class Categories:
    """One entry per code. Shares are of all rows; amounts are split log-normal around a median in dollars."""

    code: Ints
    name: list[str]
    share: Floats
    online: Floats
    negative: Floats
    median: Floats
    spread_below: Floats
    spread_above: Floats
    travel: Bools
    transfer: Bools
    fraud_remote: Floats
    fraud_present: Floats


def read_categories() -> Categories:
    """The codes of tables/mcc.csv, in ascending order."""
    with (TABLES / "mcc.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> Floats:
        return np.array([float(row[name]) for row in rows])

    kind = np.array([row["kind"] for row in rows])
    share = column("share")
    return Categories(
        code=column("code").astype(np.int64),
        name=[row["name"] for row in rows],
        share=share / share.sum(),
        online=column("online"),
        negative=column("negative"),
        median=column("median"),
        spread_below=column("spread_below"),
        spread_above=column("spread_above"),
        travel=kind == "travel",
        transfer=kind == "transfer",
        fraud_remote=column("fraud_remote"),
        fraud_present=column("fraud_present"),
    )
