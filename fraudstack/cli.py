"""The command `fraudstack`.

Exit codes: 0 done, 2 wrong usage, 3 input refused, 4 store unusable, 5 the machine lacks something.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from fraudstack.errors import Refusal
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.store import parse

app = typer.Typer(
    help="Fraud analytics for card transactions: ingest, report, score, review.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_progress = Console(stderr=True)

Csv = Annotated[str | None, typer.Option(help="Raw transactions: a file or a glob, gzip or not [TX_CSV_PATH].")]
Labels = Annotated[str | None, typer.Option(help="Fraud labels, JSON, gzip or not [TX_LABELS_PATH].")]
Database = Annotated[
    str | None,
    typer.Option(help="The store: sqlite:///FILE or postgresql://… [TX_DATABASE_URL, TX_SQLITE_DB]."),
]
Clusters = Annotated[
    str | None,
    typer.Option(help="The clusters' store, by default beside --database or in the same PostgreSQL [TX_CLUSTERS_DB]."),
]


@app.command()
def generate(
    rows: Annotated[int, typer.Option(min=1, help="Transactions to make.")] = 200_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    out: Annotated[Path, typer.Option(help="The folder for the five files.")] = Path("data"),
) -> None:
    """Generate card transactions of the form and statistics of the public set, with labels, cards and users."""
    from data.generate import generate as make

    with Phases(_progress).phase("generate") as advance:
        try:
            made = make(rows, seed, out, lambda done: advance(done, rows))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    sys.stdout.write(
        f"{made.transactions:,} transactions, {made.labels:,} labels, {made.frauds:,} of them fraud, in {out}\n"
    )


@app.command()
def ingest(
    csv: Csv = None,
    labels: Labels = None,
    database: Database = None,
    clusters: Clusters = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would be loaded and refused; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Summaries as JSON, with the seconds of each phase.")] = False,
) -> None:
    """Clean, cluster and label transactions into the store: the three jobs of the DAG, in one Spark session."""
    from jobs import leave_pandas_out

    leave_pandas_out()
    from jobs import clean, cluster, label, session
    from jobs.step import new_run_id

    settings = _settings(csv, labels, database, clusters)
    phases = Phases(_progress)
    with phases.phase("start Spark"):
        spark = session.start(settings, "ingest")
    try:
        if check:
            summaries = [clean.check(spark, settings, phases), label.check(spark, settings, phases)]
        else:
            run_id = new_run_id()
            summaries = [job.run(spark, settings, run_id, phases) for job in (clean, cluster, label)]
    finally:
        spark.stop()
    if as_json:
        answer = {"steps": [asdict(summary) for summary in summaries], "phases": phases.seconds}
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    for summary in summaries:
        sys.stdout.write(f"{summary.sentence()}\n")
    if check:
        sys.stdout.write("Checked only: nothing was written.\n")


@app.command()
def report(
    database: Database = None,
    clusters: Clusters = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write charts to one self-contained page.")] = None,
) -> None:
    """Tell what came in, what was refused and what was found."""
    from fraudstack.report import collect

    settings = _settings(None, None, database, clusters)
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


@app.command()
def quarantine(
    out: Annotated[Path, typer.Option(help="The file to write: the refused rows as they stood, under a header.")],
    run_id: Annotated[str | None, typer.Option(help="The run, by default the last one that refused rows.")] = None,
    database: Database = None,
) -> None:
    """Export the rows of transactions that a run refused, to be repaired and fed to `ingest` again."""
    from fraudstack.storage.quarantined import export

    store = parse(_settings(None, None, database, None).store_url)
    run, rows = export(store, run_id, out)
    sys.stdout.write(f"{rows:,} refused rows of run {run} in {out}: repair them, then fraudstack ingest --csv {out}\n")


def _settings(csv: str | None, labels: str | None, database: str | None, clusters: str | None) -> Settings:
    """The environment's settings with what the command line says instead."""
    given: dict[str, Any] = {}
    if csv is not None:
        given["csv_path"] = csv
    if labels is not None:
        given["labels_path"] = labels
    if database is not None:
        path = parse(database).path
        given |= {"database_url": database} if path is None else {"database_url": None, "sqlite_db": path}
    if clusters is not None:
        path = parse(clusters).path
        together = path is None or Settings(**given).database_url
        if together and clusters != Settings(**given).database_url:
            raise typer.BadParameter("on PostgreSQL the clusters are in the database of --database")
        if path is not None:
            given["clusters_db"] = path
    settings = Settings(**given)
    if database is not None and "clusters_db" not in settings.model_fields_set:
        settings = settings.model_copy(update={"clusters_db": settings.sqlite_db.with_name("transactions_clusters.db")})
    return settings


def main() -> None:
    """Run the command; what was refused is one sentence and an exit code."""
    try:
        app()
    except Refusal as error:
        _progress.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            _progress.print(f"TX_{name}: {problem['msg']}", style="red", highlight=False, markup=False)
        sys.exit(2)
