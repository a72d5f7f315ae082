"""The commands that look into the stores and after them."""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.options import Clusters, Database, settings_of
from fraudstack.errors import DifferenceError
from fraudstack.progress import Phases
from fraudstack.storage.connections.store import parse

if TYPE_CHECKING:
    from fraudstack.settings import Settings
    from fraudstack.storage.connections.online import Connection

_progress = Console(stderr=True)


def report(
    database: Database = None,
    clusters: Clusters = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write charts to one self-contained page.")] = None,
) -> None:
    """Tell what came in, what was refused and what was found."""
    from fraudstack.report import collect

    settings = settings_of(database=database, clusters=clusters)
    breakdown = as_json or html is not None
    found = collect(parse(settings.store_url), parse(settings.clusters_url), breakdown=breakdown)
    if html is not None:
        from fraudstack.report.page import write_html

        write_html(found, html)
        sys.stdout.write(f"{html}\n")
    elif as_json:
        sys.stdout.write(found.model_dump_json() + "\n")
    else:
        from fraudstack.report.text import render

        render(found, Console())


def quarantine(
    out: Annotated[Path, typer.Option(help="The file to write: the refused rows as they stood, under a header.")],
    run_id: Annotated[str | None, typer.Option(help="The run, by default the last one that refused rows.")] = None,
    database: Database = None,
) -> None:
    """Export the rows of transactions that a run refused, to be repaired and fed to `ingest` again."""
    from fraudstack.storage.quarantined import export

    store = parse(settings_of(database=database).store_url)
    run, rows, formulas = export(store, run_id, out)
    sys.stdout.write(f"{rows:,} refused rows of run {run} in {out}: repair them, then fraudstack ingest --csv {out}\n")
    if formulas:
        _progress.print(
            f"{formulas:,} of them begin a cell as formulas do, and a spreadsheet would run it: repair them in a text "
            "editor, or import every column as text",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def upgrade(database: Database = None, clusters: Clusters = None) -> None:
    """Make the stores' tables, or bring them up to date; waits for an ingest that is going on."""
    from fraudstack.storage.connections.locks import ingest_turn
    from fraudstack.storage.upgrade import is_current
    from fraudstack.storage.upgrade import upgrade as bring_up

    settings = settings_of(database=database, clusters=clusters)
    store, clusters_store = parse(settings.store_url), parse(settings.clusters_url)
    if not (is_current(store, "transactions") and is_current(clusters_store, "clusters")):
        with ingest_turn(store, lambda: _progress.print(f"waiting for an ingest into {store.shown}", highlight=False)):
            bring_up(store, "transactions")
            bring_up(clusters_store, "clusters")
    sys.stdout.write(f"{store.shown} is up to date\n")


def backup(
    to: Annotated[Path, typer.Option(help="The folder of the copies; each gets one of its own.")],
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest copies stay.")] = 7,
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Copy the SQLite stores while they are in use, and the models; each copy of a store is of one moment."""
    from fraudstack.storage.backup import backup as copy

    settings = settings_of(database=database, clusters=clusters)
    sys.stdout.write(
        f"{copy([parse(settings.store_url), parse(settings.clusters_url)], settings.model_dir, to, keep)}\n"
    )


def restore(
    copy: Annotated[Path, typer.Argument(help="A copy that `backup` made.")],
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Put a copy in the place of the SQLite stores, what came in since is gone; its models come back too."""
    from fraudstack.storage.backup import restore as put_back
    from fraudstack.storage.connections.locks import ingest_turn

    settings = settings_of(database=database, clusters=clusters)
    stores = [parse(settings.store_url), parse(settings.clusters_url)]
    phases = Phases(_progress)
    with (
        ingest_turn(stores[0], lambda: phases.say("restore: waiting for an ingest")),
        phases.phase("restore") as advance,
    ):
        restored = put_back(copy, stores, settings.model_dir, advance)
    sys.stdout.write("".join(f"{store.shown} is as it was in {copy}\n" for store in restored))


def verify(
    repair: Annotated[
        bool, typer.Option("--repair", help="Put what was rebuilt in the place of what differs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Each difference as a line of JSON.")] = False,
    database: Database = None,
) -> None:
    """Rebuild what follows from transactions, labels and reviews, and compare: exit code 6 where something differs."""
    from fraudstack.storage.verify.difference import sentence
    from fraudstack.storage.verify.store import verify as differences

    store = parse(settings_of(database=database).store_url)
    found = 0
    for difference in differences(store, Phases(_progress), repair=repair):
        found += 1
        said = json.dumps(difference._asdict(), default=str) if as_json else difference.sentence()
        sys.stdout.write(f"{said}\n")
    if found:
        raise DifferenceError(sentence(found, store, repair=repair))
    if not as_json:
        sys.stdout.write(f"{store.shown} is verified: nothing differs\n")


def undo(
    run: Annotated[str, typer.Argument(help="The run, as `report` names it.")],
    database: Database = None,
) -> None:
    """Take back what a run loaded: its transactions go, what it corrected comes back, its labels are said no more.

    What a later run corrected stays as that one left it; what was decided online or reviewed since stays, and is named.
    """
    from fraudstack.storage.removal.undo import undo as take_back
    from fraudstack.storage.runs import note

    with _changing("undo", database) as (connection, settings, phases):
        started = datetime.now(UTC)
        with phases.counted("undo", 0) as on_rows:
            found = take_back(connection, run, settings.bulk_share, on_rows)
        changed = found.gone + found.restored + found.unlabelled
        note(connection, run, "undo", started, changed + len(found.stay), changed)
    sys.stdout.write(
        f"run {run} is undone: {found.gone:,} transactions are gone, {found.restored:,} are as they were before, "
        f"{found.unlabelled:,} have the label that they had\n"
    )
    for id in sorted(found.stay):
        sys.stdout.write(f"{id} stays: it was decided online or reviewed since\n")


def delete(
    ids: Annotated[Path, typer.Option(help="A file with a transaction's id on each line.")],
    database: Database = None,
) -> None:
    """Delete transactions with their decisions, reviews and labels, for good; files and backups keep what they hold."""
    from fraudstack.reading.ids import read
    from fraudstack.storage.removal.delete import delete as take_out
    from fraudstack.storage.runs import note

    wanted = read(ids)
    started = datetime.now(UTC)
    run = f"delete-{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    with _changing("delete", database) as (connection, settings, phases):
        with phases.counted("delete", len(wanted)) as on_rows:
            gone = take_out(connection, wanted, settings.bulk_share, on_rows)
        note(connection, run, "delete", started, len(wanted), gone)
    sys.stdout.write(f"{gone:,} of {len(wanted):,} transactions are deleted, as run {run}\n")


@contextmanager
def _changing(step: str, database: str | None) -> Iterator[tuple["Connection", "Settings", Phases]]:
    """A store of whose transactions some are taken out or changed, and what follows from them after."""
    from fraudstack.decisions.following import follow_all
    from fraudstack.storage.connections.locks import ingest_turn
    from fraudstack.storage.connections.online import Connection
    from fraudstack.storage.upgrade import upgrade as bring_up

    settings, phases = settings_of(database=database), Phases(_progress)
    store = parse(settings.store_url)
    with ingest_turn(store, lambda: phases.say(f"{step}: waiting for an ingest into {store.shown}")):
        bring_up(store, "transactions")
        with closing(Connection(store)) as connection:
            yield connection, settings, phases
            if follow_all(connection, settings, phases) is None:
                phases.say(
                    f"{step}: that was large, and what follows from transactions is made anew by the next ingest"
                )


def forget(
    client: Annotated[str, typer.Argument(help="The client's id.")],
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Delete all that the stores know of a client, for good; files and backups keep what they hold."""
    from fraudstack.storage.removal.forget import forget as delete

    settings = settings_of(database=database, clusters=clusters)
    gone = delete(parse(settings.store_url), parse(settings.clusters_url), client)
    sys.stdout.write(f"client {client} is forgotten, with {gone:,} transactions\n")
