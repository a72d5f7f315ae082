"""What every step of an ingest has in common: its turn on the store, its row in ingest_runs, its summary."""

import hashlib
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_manager.dbapi import Connection
from pyspark.sql import SparkSession

from fraudstack.errors import InputError, Refusal, StoreError
from fraudstack.progress import Advance, Phases
from fraudstack.settings import Settings
from fraudstack.storage import batch, rebuild, runs
from fraudstack.storage.locks import ingest_turn
from fraudstack.storage.store import Store, parse
from fraudstack.storage.upgrade import is_current as upgrade_is_current
from fraudstack.storage.upgrade import upgrade

_POLL_SECONDS = 0.5
# Of an input that is refused whole, so many refused rows are kept to look at.
KEPT_OF_A_FAILURE = 100
# The reason of a row that contradicts what was decided online.
CONFLICT = "conflict"


@dataclass
class Summary:
    """What a step did; rows_in = loaded + quarantined + repeated (+ unmatched, for labels)."""

    step: str
    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    # What was said again, or of labels overtaken by a later one.
    repeated: int = 0
    unmatched: int | None = None
    fingerprint: str | None = None
    header: list[str] | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    # What a person should know of how the input was read, in sentences.
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    # Nothing was to be done.
    idle: bool = False

    def sentence(self) -> str:
        """The summary as a person reads it."""
        said = f"{self.step}: {self.rows_in:,} rows in, {self.loaded:,} loaded, {self.quarantined:,} quarantined"
        if self.reasons:
            said += f" ({', '.join(f'{reason} {count:,}' for reason, count in sorted(self.reasons.items()))})"
        if self.repeated:
            said += f", {self.repeated:,} repeated"
        if self.unmatched:
            said += f", {self.unmatched:,} without a transaction"
        said += f", in {self.seconds:.1f} s" if self.seconds else ""
        return "\n".join([said, *(f"{self.step}: {more}" for more in self.said)])


@dataclass(frozen=True)
class Step:
    """A step under way: its store, an open connection, a folder of its own to exchange data in."""

    store: Store
    connection: Connection
    staging: Path
    summary: Summary


@contextmanager
def step(settings: Settings, run_id: str, name: str, phases: Phases) -> Iterator[Step]:
    """Take the turn on the store, note the step's start and end in ingest_runs, clean up after it."""
    with (
        noted(settings, run_id, name, phases) as (store, summary),
        batch.connect(store) as connection,
        staging_folder(settings, store) as staging,
    ):
        yield Step(store, connection, staging, summary)


@contextmanager
def noted(settings: Settings, run_id: str, name: str, phases: Phases) -> Iterator[tuple[Store, Summary]]:
    """As `step`, without a connection: a process uses one kind on a file at a time."""
    started = time.perf_counter()
    store = parse(settings.store_url)
    _make_folder(store)
    with ingest_turn(store, lambda: phases.say(f"{name}: waiting for another ingest into {store.shown}")):
        upgrade(store, "transactions")
        with batch.connect(store) as connection:
            runs.start(store, connection, run_id, name)
        summary = Summary(name)
        error: str | None = None
        try:
            yield store, summary
        except BaseException as problem:
            error = str(problem) if isinstance(problem, Refusal) else repr(problem)
            raise
        finally:
            summary.seconds = time.perf_counter() - started
            summary.phases = {phase: s for phase, s in phases.seconds.items() if phase.startswith(name)}
            with batch.connect(store) as connection:
                runs.finish(
                    store,
                    connection,
                    run_id,
                    name,
                    seconds=summary.seconds,
                    rows_in=summary.rows_in,
                    loaded=summary.loaded,
                    quarantined=summary.quarantined,
                    repeated=summary.repeated,
                    unmatched=summary.unmatched,
                    fingerprint=summary.fingerprint,
                    header=summary.header,
                    error=error,
                )


def is_current(settings: Settings, name: str) -> bool:
    """Whether what a step makes of all transactions is right as it stands."""
    store = parse(settings.store_url)
    if not upgrade_is_current(store, "transactions"):
        return False
    with batch.connect(store, read_only=True) as connection:
        return not rebuild.is_due(connection, name)


def skipped(settings: Settings, run_id: str, name: str, phases: Phases) -> Summary:
    """A step of which nothing is to be done."""
    with noted(settings, run_id, name, phases) as (_, summary):
        summary.said.append("nothing to do: what there is counts each change")
        summary.idle = True
    return summary


def check_share(settings: Settings, summary: Summary, path: str) -> None:
    """Raise InputError when more of an input was refused than TX_MAX_REJECT_SHARE allows; nothing is loaded then.

    A conflict with what was decided online says nothing against a file.
    """
    reasons = {reason: count for reason, count in summary.reasons.items() if reason != CONFLICT}
    refused = sum(reasons.values())
    if refused > settings.max_reject_share * summary.rows_in:
        most = max(reasons, key=lambda reason: reasons[reason])
        summary.loaded = 0
        raise InputError(
            f"{refused:,} of the {summary.rows_in:,} rows of {path} can't be used, more than "
            f"TX_MAX_REJECT_SHARE ({settings.max_reject_share:.2%}) allows, most of them for {most!r} "
            f"({reasons[most]:,}); no transaction was changed"
        )


@contextmanager
def staging_folder(settings: Settings, store: Store) -> Iterator[Path]:
    """A folder for this try alone; what a killed try on the same store left is removed."""
    of_store = settings.staging_dir.absolute() / hashlib.sha256(store.url.encode()).hexdigest()[:12]
    shutil.rmtree(of_store, ignore_errors=True)
    folder = of_store / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(of_store, ignore_errors=True)


@contextmanager
def check_folder(settings: Settings) -> Iterator[Path]:
    """A folder for a check, which has no turn on the store: an ingest under way keeps its own."""
    settings.staging_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=settings.staging_dir.absolute()) as folder:
        yield Path(folder)


@contextmanager
def spark_phase(spark: SparkSession, phases: Phases, name: str) -> Iterator[None]:
    """A phase whose progress is that of the Spark tasks under way."""
    over = threading.Event()
    with phases.phase(name) as advance:

        def follow() -> None:
            tracker = spark.sparkContext.statusTracker()
            while not over.wait(_POLL_SECONDS):
                infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                known = [info for info in infos if info is not None]
                if known:
                    advance(sum(i.numCompletedTasks for i in known), sum(i.numTasks for i in known))

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()


def exported(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path, advance: Advance) -> int:
    """Copy rows from the store to Parquet, for Spark to read; returns how many."""
    folder.mkdir()
    rows = 0
    with pq.ParquetWriter(folder / "0.parquet", schema) as writer:
        for found in batches:
            writer.write_batch(found.cast(schema))
            rows += found.num_rows
            advance(rows, 0)
    return rows


def _make_folder(store: Store) -> None:
    if store.path is None:
        return
    try:
        store.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of {store.path} can't be made: {error.strerror}") from error
