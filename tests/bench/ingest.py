"""`make bench-ingest ROWS=N`: the pipeline beside its floor, on the same rows in one run.

The pipeline is what the DAG runs: three jobs, each a process with a JVM of its own. Memory is the sum of what
all processes hold at one moment (proportional set size), sampled, and time is the wall clock's.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from data.generate import generate

_SAMPLE_SECONDS = 0.5
_JOBS = ("clean", "cluster", "label")


@dataclass
class Measured:
    """Wall-clock seconds and peak memory, in bytes, of a process with all its children."""

    seconds: float = 0.0
    peak: int = 0
    answer: dict[str, object] = field(default_factory=dict)


def measure(command: list[str], environment: Mapping[str, str]) -> Measured:
    """Run a command whose last line of output is JSON."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True)
    found = Measured()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(_SAMPLE_SECONDS):
            found.peak = max(found.peak, _held(process.pid))

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
    """Generate the rows if they aren't there, run floor and pipeline in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    inputs = arguments.folder / f"inputs-{arguments.rows}"
    if not (inputs / "transactions_data.csv").exists():
        generate(arguments.rows, 1, inputs)
    floors, pipelines = [], []
    for _ in range(arguments.runs):
        floors.append(_floor(inputs, arguments.folder))
        pipelines.append(_pipeline(inputs, arguments.folder))
    _print(arguments.rows, floors, pipelines)


def _floor(inputs: Path, folder: Path) -> Measured:
    script = Path(__file__).with_name("ingest_floor.py")
    database = folder / "floor.db"
    try:
        return measure([sys.executable, str(script), str(inputs), str(database)], os.environ)
    finally:
        database.unlink(missing_ok=True)


def _pipeline(inputs: Path, folder: Path) -> dict[str, Measured]:
    store = folder / "pipeline"
    shutil.rmtree(store, ignore_errors=True)
    environment = os.environ | {
        "TX_CSV_PATH": str(inputs / "transactions_data.csv"),
        "TX_LABELS_PATH": str(inputs / "train_fraud_labels.json"),
        "TX_SQLITE_DB": str(store / "transactions.db"),
        "TX_CLUSTERS_DB": str(store / "transactions_clusters.db"),
        "TX_STAGING_DIR": str(store / "staging"),
    }
    try:
        return {job: measure([sys.executable, "-m", f"jobs.{job}", "--run-id", "bench"], environment) for job in _JOBS}
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _print(rows: int, floors: list[Measured], pipelines: list[dict[str, Measured]]) -> None:
    table = Table(title=f"Ingest of {rows:,} rows", title_justify="left")
    for name in ("stage", *(f"run {n + 1}, s" for n in range(len(floors)))):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for phase in floors[0].answer:
        table.add_row(f"  floor: {phase}", *(f"{float(str(f.answer[phase])):.1f}" for f in floors))
    table.add_row("floor", *(f"{f.seconds:.1f}" for f in floors), style="bold", end_section=True)
    for job in _JOBS:
        phases = [dict(p[job].answer["phases"]) for p in pipelines]  # type: ignore[call-overload]
        for phase in phases[0]:
            table.add_row(f"  {phase}", *(f"{p.get(phase, 0.0):.1f}" for p in phases))
        rest = [p[job].seconds - sum(known.values()) for p, known in zip(pipelines, phases, strict=True)]
        table.add_row(f"  {job}: Python, JVM start, the rest", *(f"{seconds:.1f}" for seconds in rest))
    totals = [sum(measured.seconds for measured in p.values()) for p in pipelines]
    table.add_row("pipeline", *(f"{total:.1f}" for total in totals), style="bold", end_section=True)
    ratios = [total / f.seconds for total, f in zip(totals, floors, strict=True)]
    table.add_row("pipeline / floor", *(f"{ratio:.2f}" for ratio in ratios), style="bold")
    peaks = [max(measured.peak for measured in p.values()) / 2**30 for p in pipelines]
    table.add_row("peak memory of the pipeline, GiB", *(f"{peak:.2f}" for peak in peaks))
    table.add_row("peak memory of the floor, GiB", *(f"{f.peak / 2**30:.2f}" for f in floors))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
