"""A step takes its turn on the store, and leaves a row in ingest_runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adbc_driver_manager.dbapi import Connection

from fraudstack.errors import Refusal, StoreError
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.locks import ingest_turn
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.runs import bulk as runs
from fraudstack.storage.upgrade import is_current as upgrade_is_current
from fraudstack.storage.upgrade import upgrade
from jobs.steps.staging import staging_folder
from jobs.steps.summary import Summary


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
        bulk.connect(store) as connection,
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
        with bulk.connect(store) as connection:
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
            with bulk.connect(store) as connection:
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
    with bulk.connect(store, read_only=True) as connection:
        return not rebuild.is_due(connection, name)


def skipped(settings: Settings, run_id: str, name: str, phases: Phases) -> Summary:
    """A step of which nothing is to be done."""
    with noted(settings, run_id, name, phases) as (_, summary):
        summary.said.append("nothing to do: what there is counts each change")
        summary.idle = True
    return summary


def _make_folder(store: Store) -> None:
    if store.path is None:
        return
    try:
        store.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of {store.path} can't be made: {error.strerror}") from error
