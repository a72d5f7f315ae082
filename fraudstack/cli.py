"""The command `fraudstack`.

Exit codes: 0 done, 2 wrong usage, 3 input refused, 4 store unusable, 5 the machine lacks something.
"""

import json
import secrets
import sys
from dataclasses import asdict
from functools import partial
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
    """Clean, cluster and label transactions, make profiles of them: the DAG's four jobs in one Spark session."""
    from jobs import begin, new_run_id

    begin()
    from jobs import clean, cluster, label, profiles, session

    settings = _settings(csv, labels, database, clusters)
    phases = Phases(_progress)
    with phases.phase("start Spark"):
        spark = session.start(settings, "ingest")
    try:
        if check:
            summaries = [clean.check(spark, settings, phases), label.check(spark, settings, phases)]
        else:
            run_id = new_run_id()
            summaries = [job.run(spark, settings, run_id, phases) for job in (clean, cluster, label, profiles)]
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
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is; logs show this name.")],
    scopes: Annotated[str, typer.Option(help="What it may do: score, review, admin, joined by +.")] = "score",
) -> None:
    """Make an API key: the key for the caller, and the entry for TX_API_KEYS, which holds only its digest."""
    from fraudstack.keys import SCOPES, digest, entry

    asked = scopes.split("+")
    if unknown := set(asked) - set(SCOPES):
        raise typer.BadParameter(f"no such scope: {', '.join(sorted(unknown))}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise typer.BadParameter("a name has letters, digits, - and _")
    made = secrets.token_urlsafe(32)
    sys.stdout.write(f"X-API-Key: {made}\nTX_API_KEYS entry: {entry(name, asked, digest(made))}\n")


@app.command()
def stream(
    csv: Annotated[Path, typer.Option(help="Raw transactions, a CSV file.")],
    labels: Annotated[Path | None, typer.Option(help="Their labels, to be shown beside the decisions.")] = None,
    url: Annotated[str, typer.Option(help="The scorer.", envvar="TX_API_URL")] = "http://127.0.0.1:8081",
    key: Annotated[str | None, typer.Option(help="A key with the scope score.", envvar="TX_API_KEY")] = None,
) -> None:
    """Post the rows of a raw file to the scorer and show its decisions as they come."""
    from data.stream import stream as post
    from fraudstack.report.stream import Tally, line

    tally = Tally()
    console = Console(highlight=False)
    for found in post(csv, labels, url, key):
        tally.add(found.answer, found.is_fraud, found.milliseconds)
        console.print(line(found.transaction, found.answer, found.is_fraud), soft_wrap=True)
    console.print(tally.sentence())


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


@app.command()
def upgrade(database: Database = None, clusters: Clusters = None) -> None:
    """Make the stores' tables, or bring them up to date; waits for an ingest that is going on."""
    from fraudstack.storage.locks import ingest_turn
    from fraudstack.storage.upgrade import is_current
    from fraudstack.storage.upgrade import upgrade as bring_up

    settings = _settings(None, None, database, clusters)
    store, clusters_store = parse(settings.store_url), parse(settings.clusters_url)
    if not (is_current(store, "transactions") and is_current(clusters_store, "clusters")):
        with ingest_turn(store, lambda: _progress.print(f"waiting for an ingest into {store.shown}", highlight=False)):
            bring_up(store, "transactions")
            bring_up(clusters_store, "clusters")
    sys.stdout.write(f"{store.shown} is up to date\n")


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="The folder of the copies; each gets one of its own.")],
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest copies stay.")] = 7,
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Copy the SQLite stores while they are in use; each copy is of one moment."""
    from fraudstack.storage.backup import backup as copy

    settings = _settings(None, None, database, clusters)
    sys.stdout.write(f"{copy([parse(settings.store_url), parse(settings.clusters_url)], to, keep)}\n")


@app.command()
def restore(
    copy: Annotated[Path, typer.Argument(help="A copy that `backup` made.")],
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Put a copy in the place of the SQLite stores; what came in since is gone."""
    from fraudstack.storage.backup import restore as put_back

    settings = _settings(None, None, database, clusters)
    with Phases(_progress).phase("restore") as advance:
        restored = put_back(copy, [parse(settings.store_url), parse(settings.clusters_url)], advance)
    sys.stdout.write("".join(f"{store.shown} is as it was in {copy}\n" for store in restored))


@app.command()
def forget(
    client: Annotated[str, typer.Argument(help="The client's id.")],
    database: Database = None,
    clusters: Clusters = None,
) -> None:
    """Delete all that the stores know of a client, for good; files and backups keep what they hold."""
    from fraudstack.storage.forget import forget as delete

    settings = _settings(None, None, database, clusters)
    gone = delete(parse(settings.store_url), parse(settings.clusters_url), client)
    sys.stdout.write(f"client {client} is forgotten, with {gone:,} transactions\n")


@app.command()
def submit(
    job: Annotated[str, typer.Argument(help="clean, cluster, label or profiles.")],
    csv: Csv = None,
    labels: Labels = None,
    run_id: Annotated[str | None, typer.Option(help="The run that it belongs to, by default a new one.")] = None,
    namespace: Annotated[str, typer.Option(help="Where the release is.")] = "default",
    release: Annotated[str, typer.Option(help="The release of the chart.")] = "fraudstack",
) -> None:
    """Run a job in the cluster of the current kubectl context, as the DAG would, and follow it to its end."""
    from jobs import JOBS, new_run_id
    from jobs.submit import manifest_of, run

    if job not in JOBS:
        raise typer.BadParameter(f"no such job: {job}; there are {', '.join(JOBS)}")
    inputs = {"TX_CSV_PATH": csv, "TX_LABELS_PATH": labels}
    say = partial(_progress.print, highlight=False, markup=False, soft_wrap=True)
    summary = run(manifest_of(namespace, release), job, run_id or new_run_id(), 1, inputs, say)
    sys.stdout.write(json.dumps(summary) + "\n")


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


if __name__ == "__main__":
    main()
