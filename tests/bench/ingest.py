"""`make bench-ingest ROWS=N`: the ingest beside its floor, on the same rows, in turn in one run.

Two ways of the ingest: `fraudstack ingest`, the three jobs in one Spark session, and the three processes with a JVM
each that the DAG starts. Memory is the sum of what all processes hold at one moment (proportional set size), sampled.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from data.generate import generate
from jobs import JOBS

_SAMPLE_SECONDS = 0.5
# The floor has nothing to set against these: they are told apart.
_APART = ("profiles", "memories", "decide")


@dataclass
class Measured:
    """Wall-clock seconds and peak memory, in bytes, of a process with all its children."""

    seconds: float = 0.0
    peak: int = 0
    # Bytes that the process itself read and wrote, from and into whatever.
    read: int = 0
    written: int = 0
    # What the command printed: seconds by phase.
    answer: dict[str, Any] = field(default_factory=dict)


def measure(command: list[str], environment: Mapping[str, str]) -> Measured:
    """Run a command whose last line of output is JSON."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True)
    found = Measured()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            found.peak = max(found.peak, _held(process.pid))
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                counters = psutil.Process(process.pid).io_counters()
                found.read, found.written = counters.read_chars, counters.write_chars

    sampler = threading.Thread(target=sample)
    sampler.start()
    output, _ = process.communicate()
    over.set()
    sampler.join()
    found.seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    found.answer = json.loads(output.splitlines()[-1])
    return found


def _held(pid: int) -> int:
    """Bytes that a process and its descendants hold, shared pages counted once."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return total


def main() -> None:
    """Generate the rows if they aren't there, run floor and ingest in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--processes", action="store_true", help="also as three processes, as the DAG runs them")
    arguments = parser.parse_args()
    inputs = arguments.folder / f"inputs-{arguments.rows}"
    if not (inputs / "transactions_data.csv").exists():
        generate(arguments.rows, 1, inputs)
    floors, ingests, apart = [], [], []
    for _ in range(arguments.runs):
        floors.append(_floor(inputs, arguments.folder))
        ingests.append(_ingest(inputs, arguments.folder))
        if arguments.processes:
            apart.append(_processes(inputs, arguments.folder))
    _print(arguments.rows, floors, ingests, apart)


def _floor(inputs: Path, folder: Path) -> Measured:
    script = Path(__file__).with_name("ingest_floor.py")
    database = folder / "floor.db"
    try:
        return measure([sys.executable, str(script), str(inputs), str(database)], os.environ)
    finally:
        database.unlink(missing_ok=True)


def _ingest(inputs: Path, folder: Path) -> Measured:
    with _store(inputs, folder) as environment:
        return measure([str(Path(sys.executable).with_name("fraudstack")), "ingest", "--json"], environment)


def _processes(inputs: Path, folder: Path) -> Measured:
    with _store(inputs, folder) as environment:
        jobs = {job: measure([sys.executable, "-m", "jobs", job, "--run-id", "bench"], environment) for job in JOBS}
    phases = {job: measured.seconds for job, measured in jobs.items() if job in _APART}
    return Measured(
        sum(job.seconds for job in jobs.values()),
        max(job.peak for job in jobs.values()),
        answer={"phases": phases},
    )


@contextmanager
def _store(inputs: Path, folder: Path) -> Iterator[dict[str, str]]:
    """An environment that names the inputs and an empty store, which is removed in the end."""
    store = folder / "store"
    shutil.rmtree(store, ignore_errors=True)
    try:
        yield os.environ | {
            "TX_CSV_PATH": str(inputs / "transactions_data.csv"),
            "TX_LABELS_PATH": str(inputs / "train_fraud_labels.json"),
            "TX_SQLITE_DB": str(store / "transactions.db"),
            "TX_CLUSTERS_DB": str(store / "transactions_clusters.db"),
            "TX_STAGING_DIR": str(store / "staging"),
        }
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _three(found: Measured) -> float:
    """The seconds without what the floor doesn't do."""
    phases: dict[str, float] = found.answer["phases"]
    return found.seconds - sum(seconds for phase, seconds in phases.items() if phase.startswith(_APART))


def _print(rows: int, floors: list[Measured], ingests: list[Measured], apart: list[Measured]) -> None:
    runs = len(floors)
    table = Table(title=f"Ingest of {rows:,} rows", title_justify="left")
    for name in ("stage", *(f"run {number + 1}, s" for number in range(runs))):
        table.add_column(name, justify="left" if name == "stage" else "right")

    def add(name: str, values: Iterable[float], form: str = ".1f", *, end: bool = False) -> None:
        strong = "" if name.startswith(" ") else "bold"
        table.add_row(name, *(f"{value:{form}}" for value in values), style=strong, end_section=end)

    floor_phases = [floor.answer for floor in floors]
    for phase in floor_phases[0]:
        add(f"  floor: {phase}", (found[phase] for found in floor_phases))
    add("floor", (floor.seconds for floor in floors), end=True)
    phases = [ingest.answer["phases"] for ingest in ingests]
    for phase in phases[0]:
        add(f"  {phase}", (found[phase] for found in phases))
    add(
        "  imports, small queries, the end", (i.seconds - sum(p.values()) for i, p in zip(ingests, phases, strict=True))
    )
    for name, found in (("fraudstack ingest", ingests), ("a process a job", apart)):
        if found:
            add(f"{name}, all of it", (measured.seconds for measured in found))
            add(f"{name}: clean, cluster, label", map(_three, found))
            ratios = (_three(measured) / floor.seconds for measured, floor in zip(found, floors, strict=True))
            add(f"{name}: clean, cluster, label / floor", ratios, ".2f", end=True)
    add("peak memory of the ingest, GiB", (ingest.peak / 2**30 for ingest in ingests), ".2f")
    add("peak memory of the floor, GiB", (floor.peak / 2**30 for floor in floors), ".2f")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
