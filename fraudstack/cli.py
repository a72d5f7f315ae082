"""The command `fraudstack`.

Exit codes: 0 done, 2 wrong usage, 3 input refused, 4 store unusable, 5 the machine lacks something, 6 the
store says otherwise than its facts.
"""

import json
import secrets
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from fraudstack.errors import Refusal
from fraudstack.model import commands as model_commands
from fraudstack.options import Clusters, Columns, Csv, Database, Labels, settings_of
from fraudstack.progress import Phases
from fraudstack.storage import commands as store_commands

app = typer.Typer(
    help="Fraud analytics for card transactions: ingest, report, score, review.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_progress = Console(stderr=True)

Delay = Annotated[int, typer.Option(min=0, help="Whole days until a label is known.")]


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


@app.command()
def columns(
    file: Annotated[Path, typer.Argument(help="Raw transactions with columns of their own, packed or not.")],
) -> None:
    """Propose a file of columns for --columns from a file's header and first rows, or name the preset that fits."""
    from fraudstack.columns.sampled import proposal

    sys.stdout.write(proposal(file))


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is; logs show this name.")],
    scopes: Annotated[str, typer.Option(help="What it may do: score, review, admin, joined by +.")] = "score",
    person: Annotated[bool, typer.Option("--person", help="The name is a person's: reviews are made in it.")] = False,
) -> None:
    """Make an API key: the key for the caller, and the entry for TX_API_KEYS, which holds only its digest."""
    from fraudstack.keys import PERSON, SCOPES, digest, entry

    asked = scopes.split("+")
    if unknown := set(asked) - set(SCOPES):
        raise typer.BadParameter(f"no such scope: {', '.join(sorted(unknown))}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise typer.BadParameter("a name has letters, digits, - and _")
    made = secrets.token_urlsafe(32)
    if person:
        asked.append(PERSON)
    sys.stdout.write(f"X-API-Key: {made}\nTX_API_KEYS entry: {entry(name, asked, digest(made))}\n")


@app.command()
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
        tally.add(found.answer, found.is_fraud, found.milliseconds)
        console.print(line(found.transaction, found.answer, found.is_fraud), soft_wrap=True)
    console.print(tally.sentence())


@app.command()
def submit(
    job: Annotated[str, typer.Argument(help="A job of an ingest or of a model, as in the DAGs.")],
    csv: Csv = None,
    labels: Labels = None,
    columns: Columns = None,
    run_id: Annotated[str | None, typer.Option(help="The run that it belongs to, by default a new one.")] = None,
    namespace: Annotated[str, typer.Option(help="Where the release is.")] = "default",
    release: Annotated[str, typer.Option(help="The release of the chart.")] = "fraudstack",
) -> None:
    """Run a job in the cluster of the current kubectl context, as the DAG would, and follow it to its end."""
    from jobs import EVERY, new_run_id
    from jobs.submit import manifests_of, run

    if job not in EVERY:
        raise typer.BadParameter(f"no such job: {job}; there are {', '.join(EVERY)}")
    inputs = {"TX_CSV_PATH": csv, "TX_LABELS_PATH": labels, "TX_COLUMNS": columns}
    say = partial(_progress.print, highlight=False, markup=False, soft_wrap=True)
    summary = run(manifests_of(namespace, release), job, run_id or new_run_id(), 1, inputs, say)
    sys.stdout.write(json.dumps(summary) + "\n")


@app.command()
def train(
    until: Annotated[str, typer.Option(help="The last day that is learned from, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option(help="The folder of the model.")],
    csv: Csv = None,
    labels: Labels = None,
    columns: Columns = None,
    label_delay: Delay = 7,
) -> None:
    """Train a model on the transactions up to a day."""
    from jobs import begin

    begin()
    from fraudstack.model.protocol import day_of

    last = day_of(until)
    settings = settings_of(csv, labels, columns=columns)
    phases = Phases(_progress)
    from jobs import session
    from jobs.train import train as run

    with session.started(settings, "train", phases) as spark:
        model = run(spark, settings, last, label_delay, out, phases)
    fold = model.facts.get("fold")
    judged = f", average precision {fold['average_precision']:.3f} on its last weeks" if fold else ""
    sys.stdout.write(
        f"model {model.version} of {model.facts['examples']:,} transactions, {model.facts['frauds']:,} of them fraud"
        f"{judged}: {out}\n"
    )


@app.command()
def score(
    model: Annotated[Path, typer.Option(help="The folder of the model.")],
    first: Annotated[str, typer.Option("--from", help="The first day to score, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="The last day to score, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option(help="The Parquet file to write, with id and score (0 to 1).")],
    csv: Csv = None,
    labels: Labels = None,
    columns: Columns = None,
) -> None:
    """Score transactions, each by what was known at its time; labels enter when they were old enough."""
    from jobs import begin

    begin()
    from fraudstack.features import NAMES
    from fraudstack.model.artefact import load
    from fraudstack.model.protocol import day_of

    days = day_of(first), day_of(last)
    if days[0] > days[1]:
        raise typer.BadParameter(f"--from {first} is after --to {last}")
    loaded = load(model, NAMES)
    settings = settings_of(csv, labels, columns=columns)
    phases = Phases(_progress)
    from jobs import session
    from jobs.score import score as run

    with session.started(settings, "score", phases) as spark:
        scored = run(spark, settings, loaded, *days, out, phases)
    sys.stdout.write(f"{scored:,} transactions scored by model {loaded.version}: {out}\n")


@app.command()
def evaluate(
    folds: Annotated[
        str | None, typer.Option(help="The first days of the training weeks, YYYY-MM-DD, separated by commas.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Or one day: trained up to it, tested on every year after.")] = None,
    groups: Annotated[bool, typer.Option("--groups", help="Without each group of features, too.")] = False,
    csv: Csv = None,
    labels: Labels = None,
    columns: Columns = None,
    label_delay: Delay = 7,
) -> None:
    """Judge the model: on the week after each training week's labels are known, or on the years after a day."""
    from jobs import begin

    if (folds is None) == (until is None):
        raise typer.BadParameter("give --folds or --until")
    if groups and folds is None:
        raise typer.BadParameter("--groups goes with --folds")

    begin()
    settings = settings_of(csv, labels, columns=columns)
    phases = Phases(_progress)
    from fraudstack.model.table import table
    from jobs import session, years
    from jobs.evaluate import evaluate as run

    with session.started(settings, "evaluate", phases) as spark:
        if until is not None:
            rows = years.evaluate(spark, settings, until, label_delay, phases)
        else:
            rows = run(spark, settings, str(folds), label_delay, phases, groups)
    _print(table(rows))


@app.command()
def backtest(
    rules: Annotated[Path, typer.Option(help="The rules file to try.")],
    against: Annotated[Path | None, typer.Option(help="Rules to compare it with.")] = None,
    model: Annotated[Path | None, typer.Option(help="The folder of a model that speaks beside the rules.")] = None,
    database: Database = None,
    label_delay: Delay = 7,
    html: Annotated[Path | None, typer.Option(help="Write a page of its own as well.")] = None,
) -> None:
    """Decide the store's whole history anew, with the scorer's own code: what would have been found, and missed."""
    from jobs import begin

    begin()
    from fraudstack.features import NAMES
    from fraudstack.model.artefact import load
    from fraudstack.report import backtest_text
    from fraudstack.rules import config

    tried = [(str(path), config.load(path)) for path in (rules, against) if path is not None]
    loaded = load(model, NAMES) if model else None
    settings = settings_of(database=database)
    phases = Phases(_progress)
    from jobs import backtest as job
    from jobs import session

    with session.started(settings, "backtest", phases) as spark:
        found = job.run(spark, settings, tried, loaded, label_delay, phases)
    _print(backtest_text.table(found))
    if html:
        from fraudstack.report import backtest_page, page

        page.write(backtest_page.page(found), html)
        sys.stdout.write(f"{html}\n")


def _print(found: RenderableType) -> None:
    # Whoever keeps it in a file has room.
    Console(width=None if sys.stdout.isatty() else 140).print(found)


for command in (
    store_commands.report,
    store_commands.quarantine,
    store_commands.upgrade,
    store_commands.backup,
    store_commands.restore,
    store_commands.undo,
    store_commands.delete,
    store_commands.forget,
    store_commands.verify,
    model_commands.promote,
    model_commands.rollback,
):
    app.command()(command)


def main() -> None:
    """Run the command; what was refused is one sentence and an exit code."""
    try:
        app()
    except Refusal as error:
        _progress.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
