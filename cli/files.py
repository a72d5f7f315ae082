"""The commands that make raw files, read them and post what stands in them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Clusters, Columns, Csv, Database, Labels, settings_of
from fraudstack.progress import Phases

_progress = Console(stderr=True)


def generate(
    rows: Annotated[int, typer.Option(min=1, help="Transactions to make.")] = 200_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    out: Annotated[Path, typer.Option(help="The folder for the five files.")] = Path("data"),
    hold_back: Annotated[
        int, typer.Option(min=0, help="So many of the last transactions go to held_back.csv, to be posted.")
    ] = 0,
) -> None:
    """Generate card transactions of the form and statistics of the public set, with labels, cards and users."""
    from data.generate import generate as make
    from data.hold_back import hold_back as keep_back

    with Phases(_progress).phase("generate") as advance:
        try:
            made = make(rows, seed, out, lambda done: advance(done, rows))
            kept = keep_back(out, hold_back) if hold_back else None
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    sys.stdout.write(
        f"{made.transactions:,} transactions, {made.labels:,} labels, {made.frauds:,} of them fraud, in {out}\n"
    )
    if kept:
        sys.stdout.write(f"{kept.transactions:,} of them, {kept.frauds:,} fraud, are kept back in held_back.csv\n")


def ingest(
    csv: Csv = None,
    labels: Labels = None,
    database: Database = None,
    clusters: Clusters = None,
    columns: Columns = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be loaded and refused; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summaries as JSON, with the seconds of each phase.")] = False,
) -> None:
    """Load transactions and their labels, and bring up to date all that follows: what both DAGs do with a file."""
    from jobs import AFTER_INGEST, JOBS, begin, new_run_id

    begin()
    from jobs import clean, label
    from jobs.run import run, session_when_needed

    settings = settings_of(csv, labels, database, clusters, columns)
    phases = Phases(_progress)
    with session_when_needed(settings, "ingest", phases) as spark:
        if check:
            summaries = [check_of(spark(), settings, phases) for check_of in (clean.check, label.check)]
        else:
            run_id = new_run_id()
            summaries = [run(job, spark, settings, run_id, phases) for job in (*JOBS, *AFTER_INGEST)]
    if as_json:
        answer = {"steps": [asdict(summary) for summary in summaries], "phases": phases.seconds}
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    for summary in summaries:
        sys.stdout.write(f"{summary.sentence()}\n")
    if check:
        sys.stdout.write("Checked only: nothing was written.\n")


def columns(
    file: Annotated[Path, typer.Argument(help="Raw transactions with columns of their own, packed or not.")],
) -> None:
    """Propose a file of columns for --columns from a file's header and first rows, or name the preset that fits."""
    from fraudstack.columns.sampled import proposal

    sys.stdout.write(proposal(file))


def stream(
    csv: Annotated[Path, typer.Option(help="Raw transactions, a CSV file.")],
    labels: Annotated[Path | None, typer.Option(help="Their labels, to be shown beside the decisions.")] = None,
    columns: Columns = None,
    url: Annotated[str, typer.Option(help="The scorer.", envvar="TX_API_URL")] = "http://127.0.0.1:8081",
    key: Annotated[str | None, typer.Option(help="A key with the scope score.", envvar="TX_API_KEY")] = None,
) -> None:
    """Post the rows of a raw file to the scorer and show its decisions as they come."""
    from data.stream import stream as post
    from fraudstack.columns.mapping import asked
    from fraudstack.report.stream import Tally, line

    settings = settings_of(columns=columns)
    mapping = asked(settings)
    currency = mapping.currency(settings) if mapping else settings.currency
    tally = Tally()
    console = Console(highlight=False)
    for found in post(csv, labels, url, key, mapping, currency):
        if found.answer is None:
            tally.refused += 1
            console.print(found.refused, style="red", markup=False, soft_wrap=True)
            continue
        tally.add(found.transaction, found.answer, found.is_fraud, found.milliseconds)
        console.print(line(found.transaction, found.answer, found.is_fraud), soft_wrap=True)
    console.print(tally.sentence())
