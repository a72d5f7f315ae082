"""A job by its name: with a Spark session where it needs one, or not at all where nothing is to be done."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache

from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.reading import paths
from fraudstack.settings import Settings
from jobs import OF_A_LARGE_LOAD, WITHOUT_SPARK
from jobs.spark import session
from jobs.steps.summary import Summary
from jobs.steps.turn import is_current, skipped

Session = Callable[[], SparkSession]

# 250,000 transactions; packed, ten times as many, of which it makes no difference.
_LITTLE_BYTES = 24_000_000


@contextmanager
def session_when_needed(settings: Settings, app: str, phases: Phases) -> Iterator[Session]:
    """What gives a session, the same to all who ask; it starts with the first, and ends with the block."""
    with ExitStack() as stack:
        yield cache(
            lambda: stack.enter_context(session.started(settings, app, phases, little=_reads_little(settings, app)))
        )


def run(name: str, spark: Session, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Run a job as a part of a run; its summary."""
    if name in OF_A_LARGE_LOAD and is_current(settings, OF_A_LARGE_LOAD[name]):
        return skipped(settings, run_id, name, phases)
    job = importlib.import_module(f"jobs.{name}")
    if name == "cluster" and job.is_current(settings):
        return skipped(settings, run_id, name, phases)
    summary: Summary = (
        job.run(settings, run_id, phases) if name in WITHOUT_SPARK else job.run(spark(), settings, run_id, phases)
    )
    return summary


def _reads_little(settings: Settings, app: str) -> bool:
    """Whether a job, or an ingest, is done soon; of what reads all transactions of the store that isn't known."""
    if app == "cluster":
        return bool(importlib.import_module("jobs.cluster").reads_sums(settings))
    csv, labels = settings.csv_path, settings.labels_path
    named = {"clean": [csv], "label": [labels], "ingest": [csv, labels]}.get(app, [])
    sizes: list[int] = []
    for path in named:
        # What isn't there the job tells.
        with suppress(InputError, OSError):
            sizes += [file.stat().st_size for file in paths.found(path)]
    return bool(sizes) and sum(sizes) <= _LITTLE_BYTES
