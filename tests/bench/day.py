"""`make bench-day ROWS="200000 1330000"`: what a day's file costs on a store in use, step by step.

A history is ingested once. Then four days come, each a file of its own: one as it is, one that corrects older rows as
well, one of which some come late by a week, one with the labels of the whole history. Each step is a process, as the
DAGs run it; the seconds are its own, without the start of the process and of Spark, which stand below.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.generate import generate
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse as store_of
from fraudstack.storage.outdated import DECISIONS
from fraudstack.storage.outdated import bulk as outdated
from jobs import AFTER_INGEST, JOBS
from tests.bench import stores
from tests.bench.ingest import Measured, measure
from tests.jobs.databases import copy

# 13.3 M rows in ten years.
_ROWS_OF_A_DAY = 3_640
_CORRECTED, _LATE = 0.01, 0.05
_STEPS = (*JOBS, *AFTER_INGEST)
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Day:
    """A day's file and the labels that come with it."""

    name: str
    csv: Path
    labels: Path


def main() -> None:
    """Measure each size and print its table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--server", help="the URL of a PostgreSQL server's database; else SQLite")
    parser.add_argument(
        "--undecided", action="store_true", help="nothing of the history is decided, which takes longest"
    )
    arguments = parser.parse_args()
    for rows in arguments.rows:
        history, days = _files(arguments.folder / f"inputs-{rows}", rows)
        made, new = stores.empty(arguments.folder, f"days_{rows}", arguments.server, anew=False)
        if new:
            _run(_STEPS[:-1] if arguments.undecided else _STEPS, made, arguments.folder, history)
            if arguments.undecided:
                with bulk.connect(store_of(made)) as connection:
                    outdated.made(store_of(made), connection, DECISIONS)
        store, _ = stores.empty(arguments.folder, f"day_{rows}", arguments.server, anew=True)
        copy(made, store)
        _print(rows, store, [(day.name, _run(_STEPS, store, arguments.folder, day)) for day in days])


def _files(folder: Path, rows: int) -> tuple[Day, list[Day]]:
    """The history of `rows` transactions but for the last days, and these."""
    csv, labels = folder / "transactions_data.csv", folder / "train_fraud_labels.json"
    if not csv.exists():
        generate(rows, 1, folder)
    known = json.loads(labels.read_text())["target"]
    history = Day("history", folder / "history.csv", labels)
    with csv.open(encoding="utf-8") as file:
        header = next(file)
        names = header.strip().split(",")
        date, amount = names.index("date"), names.index("amount")
        several = rows - 4 * _ROWS_OF_A_DAY
        corrected: list[list[str]] = []
        with history.csv.open("w", encoding="utf-8") as kept:
            kept.write(header)
            every = several // round(_CORRECTED * _ROWS_OF_A_DAY)
            for place, line in enumerate(islice(file, several)):
                kept.write(line)
                if place % every == every // 2:
                    corrected.append(line.split(","))
        lines = [[line.split(",") for line in islice(file, _ROWS_OF_A_DAY)] for _ in range(4)]
    for row in corrected:
        row[amount] = "$41.07"
    for row in lines[2][:: round(1 / _LATE)]:
        row[date] = str(datetime.strptime(row[date], DATE_FORMAT) - timedelta(days=7))
    kinds = ("a day", "1 % corrections", "5 % late by a week", "labels of the whole history")
    days = []
    for number, (kind, rows_of) in enumerate(zip(kinds, lines, strict=True)):
        day = Day(kind, folder / f"day{number}.csv", labels if number == 3 else folder / f"day{number}.json")
        brought = [*rows_of, *(corrected if number == 1 else ())]
        day.csv.write_text(header + "".join(",".join(row) for row in brought), encoding="utf-8")
        if number < 3:
            said = {row[0]: known[row[0]] for row in rows_of if row[0] in known}
            day.labels.write_text(json.dumps({"target": said}))
        days.append(day)
    return history, days


def _run(steps: Sequence[str], url: str, folder: Path, day: Day) -> dict[str, Measured]:
    inputs = {"TX_CSV_PATH": str(day.csv), "TX_LABELS_PATH": str(day.labels), "TX_MODEL_DIR": str(folder / "no-model")}
    environment = os.environ | stores.given(url, folder) | inputs
    return {step: measure([sys.executable, "-m", "jobs", step, "--run-id", day.name], environment) for step in steps}


def _print(rows: int, url: str, days: Sequence[tuple[str, dict[str, Measured]]]) -> None:
    kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    table = Table(title=f"A day of {_ROWS_OF_A_DAY:,} rows after {rows:,} on {kind}", title_justify="left")
    table.add_column("seconds (megabytes read, written)")
    for name, _ in days:
        table.add_column(name, justify="right")
    for step in _STEPS:
        table.add_row(step, *_cells(found[step] for _, found in days), end_section=step == _STEPS[-1])
    table.add_row("all steps", *(f"{sum(map(_seconds, found.values())):.1f}" for _, found in days), style="bold")
    starts = (sum(one.seconds - _seconds(one) for one in found.values()) for _, found in days)
    table.add_row("starting their processes", *(f"{seconds:.1f}" for seconds in starts))
    Console(width=140).print(table)


def _cells(found: Iterator[Measured]) -> Iterator[str]:
    for one in found:
        yield f"{_seconds(one):.1f} ({one.read / _MEGABYTE:,.0f}, {one.written / _MEGABYTE:,.0f})"


def _seconds(found: Measured) -> float:
    return float(found.answer["seconds"])


if __name__ == "__main__":
    main()
