"""`make bench-api`: the scorer beside its floor, with wrk, on 127.0.0.1, in turn in one run.

A round is: the floor at full load, the scorer with a short history at full load, the scorer with a long one at full
load, the scorer at half of what it did, and the last two with a model in force. Figures are medians over the rounds.
Latencies of the full loads are the client's, those of the half load the server's own (its histogram).
Beside another checkout of this repository nothing is measured but the full loads of both, in turn.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.api_beside import compare
from tests.bench.load import CONNECTIONS, WORKERS, Stream, load, scorer, served
from tests.bench.stores import empty, ingest, store, with_model


def main() -> None:
    """Prepare the stores, measure, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--short", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=200_000, help="rows of the long history (13305915)")
    parser.add_argument(
        "--ingest", type=int, help="rows of the ingest beside which it is measured; as the long history"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--postgresql", help="the address of a server on which databases may be created")
    parser.add_argument("--beside", type=Path, help="only compare it with another checkout, which has its .venv")
    arguments = parser.parse_args()
    arguments.ingest = arguments.ingest or arguments.long
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: on Debian and Ubuntu, apt-get install wrk")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stores = {
        # The short one anew: after some benchmarks its posts, which go on where the last ended, would reach today.
        arguments.short: store(arguments.folder, arguments.short, arguments.postgresql, anew=True),
        arguments.long: store(arguments.folder, arguments.long, arguments.postgresql),
    }
    streams = {rows: Stream(arguments.folder, rows, url) for rows, url in stores.items()}
    if arguments.beside is not None:
        compare(arguments, stores, streams)
        return
    modelled, models = with_model(arguments.folder, arguments.long, arguments.postgresql)
    with_memory = Stream(arguments.folder, arguments.long, modelled)
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(arguments.rounds):
        found: dict[str, dict[str, float]] = {}
        with _floor(arguments.folder, arguments.postgresql) as url:
            found["floor"] = load(url, streams[arguments.long], arguments.seconds)
        for name, rows in (("short", arguments.short), ("long", arguments.long)):
            with scorer(stores[rows], arguments.folder) as url:
                found[name] = load(url, streams[rows], arguments.seconds)
                if name == "long":
                    pause = _pause(found[name])
                    found["half"] = _half(url, streams[rows], arguments.seconds, pause)
        with scorer(modelled, arguments.folder, models) as url:
            found["model"] = load(url, with_memory, arguments.seconds)
            found["model half"] = _half(url, with_memory, arguments.seconds, _pause(found["model"]))
            found["opinion"] = _opinion(url)
        rounds.append(found)
        Console(stderr=True).print(f"round {number + 1}: {json.dumps(found)}", soft_wrap=True)
    _print(arguments, rounds, _while_an_ingest_runs(arguments, pause))


def _while_an_ingest_runs(arguments: argparse.Namespace, pause: int) -> dict[str, float]:
    """Decisions at half load from the first to the last second of an ingest; the worst load's p99.

    The store has the short history before.
    """
    url, _ = empty(arguments.folder, "growing", arguments.postgresql, anew=True)
    subprocess.run(ingest(arguments.folder, arguments.short, url), check=True, stdout=subprocess.DEVNULL)
    command = ingest(arguments.folder, arguments.ingest, url)
    stream = Stream(arguments.folder, arguments.ingest, url)
    loads = []
    with (
        scorer(url, arguments.folder) as address,
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as running,
    ):
        while running.poll() is None:
            loads.append(load(address, stream, arguments.seconds, pause))
        log.seek(0)
        if running.returncode:
            raise SystemExit(f"the ingest failed: {log.read()[-1000:]}")
    return {name: max(load[name] for load in loads) for name in ("p50", "p99", "most")} | {
        "rate": sum(load["rate"] for load in loads) / len(loads)
    }


@contextmanager
def _floor(folder: Path, server: str | None) -> Iterator[str]:
    database = server or str(folder / "floor.db")
    for leftover in folder.glob("floor.db*"):
        leftover.unlink()
    environment = os.environ | {"FLOOR_URL": database}
    subprocess.run([sys.executable, "-m", "tests.bench.api_floor"], env=environment, check=True)
    command = ["-w", str(WORKERS), "-k", "uvicorn_worker.UvicornWorker", "tests.bench.api_floor:app"]
    with served(command, environment, "/openapi.json") as url:
        yield url


def _pause(full: Mapping[str, float]) -> int:
    """Milliseconds between the posts of a connection that make half of a full load."""
    return max(1, round(CONNECTIONS / (full["rate"] / 2) * 1000 - full["p50"] / 2))


def _half(url: str, stream: Stream, seconds: int, pause: int) -> dict[str, float]:
    """At half load: the share of decisions within 15 ms, and the bucket in which the 99th percentile lies."""
    before = _histogram(url)
    result = load(url, stream, seconds, pause)
    after = _histogram(url)
    counts = {bound: after[bound] - before.get(bound, 0) for bound in after}
    total = counts[float("inf")]
    p99 = next(bound for bound in sorted(counts) if counts[bound] >= 0.99 * total)
    return result | {"server_p99": p99 * 1000, "within_15_ms": counts[0.015] / total}


def _opinion(url: str) -> dict[str, float]:
    """Bounds in milliseconds under which half and 99 % of a model's opinions came, their lookups included."""
    counts = _histogram(url, r'fraudstack_model_seconds_bucket\{le="([^"]+)"\} (\S+)')
    total = counts[float("inf")]
    return {
        name: 1000 * next(bound for bound in sorted(counts) if counts[bound] >= share * total)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


_DECISIONS = r'fraudstack_request_seconds_bucket\{le="([^"]+)",route="/transaction"\} (\S+)'


def _histogram(url: str, buckets: str = _DECISIONS) -> dict[float, float]:
    """Decisions, or what else is counted, by upper bound of the time that they took, in seconds."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {float(bound): float(count) for bound, count in re.findall(buckets, text)}


def _print(arguments: argparse.Namespace, rounds: list[dict[str, dict[str, float]]], beside: dict[str, float]) -> None:
    def median(name: str, figure: str) -> float:
        return statistics.median(found[name][figure] for found in rounds)

    kind = "PostgreSQL" if arguments.postgresql else "SQLite"
    table = Table(title=f"Decisions on {kind}, medians of {len(rounds)} rounds", title_justify="left")
    for name in ("", "requests/s", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right" if name else "left")
    names = {
        "floor": "floor: one INSERT",
        "short": f"scorer, {arguments.short:,} rows of history",
        "long": f"scorer, {arguments.long:,} rows of history",
        "half": "scorer at half load",
        "model": f"scorer with a model, {arguments.long:,} rows",
        "model half": "scorer with a model at half load",
    }
    for name, said in names.items():
        table.add_row(said, *(f"{median(name, figure):,.1f}" for figure in ("rate", "p50", "p99")))
    said = f"half load while {arguments.ingest:,} rows are ingested, worst"
    table.add_row(said, *(f"{beside[figure]:,.1f}" for figure in ("rate", "p50", "p99")))
    console = Console(width=100)
    console.print(table)
    ratio = statistics.median(found["short"]["rate"] / found["floor"]["rate"] for found in rounds)
    with_model = statistics.median(found["model"]["rate"] / found["floor"]["rate"] for found in rounds)
    p50 = statistics.median(found["long"]["p50"] / found["short"]["p50"] for found in rounds)
    p99 = statistics.median(found["long"]["p99"] / found["short"]["p99"] for found in rounds)
    console.print(f"scorer / floor, requests per second: {ratio:.2f}")
    console.print(f"with a model: {with_model:.2f}")
    console.print(
        f"a model's opinion and its lookups: half within {median('opinion', 'p50'):.0f} ms, "
        f"99 % within {median('opinion', 'p99'):.0f} ms"
    )
    console.print(f"long / short history: p50 {p50:.2f}, p99 {p99:.2f}")
    for name, said in (("half", "at half load"), ("model half", "with a model")):
        console.print(
            f"{said}: {median(name, 'within_15_ms'):.2%} of the decisions within 15 ms on the server, "
            f"its p99 at most {median(name, 'server_p99'):.0f} ms"
        )


if __name__ == "__main__":
    main()
