"""The commands of a model: it is trained, judged, tried on history, and put in force."""

import sys
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from cli.options import Columns, Csv, Database, Labels, settings_of
from fraudstack.errors import InputError
from fraudstack.progress import Phases

Delay = Annotated[int, typer.Option(min=0, help="Whole days until a label is known.")]
# What champions.at_hand takes.
_WHICH = "The folder of the model, or of the store's its version, or `candidate`."
_progress = Console(stderr=True)


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
    from jobs.spark import session
    from jobs.train import train as run

    with session.started(settings, "train", phases) as spark:
        model = run(spark, settings, last, label_delay, out, phases)
    fold = model.facts.get("fold")
    judged = f", average precision {fold['average_precision']:.3f} on its last weeks" if fold else ""
    sys.stdout.write(
        f"model {model.version} of {model.facts['examples']:,} transactions, {model.facts['frauds']:,} of them fraud"
        f"{judged}: {out}\n"
    )


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
    from fraudstack.features.table import NAMES
    from fraudstack.model.artefact import load
    from fraudstack.model.protocol import day_of

    days = day_of(first), day_of(last)
    if days[0] > days[1]:
        raise typer.BadParameter(f"--from {first} is after --to {last}")
    loaded = load(model, NAMES)
    settings = settings_of(csv, labels, columns=columns)
    phases = Phases(_progress)
    from jobs.score import score as run
    from jobs.spark import session

    with session.started(settings, "score", phases) as spark:
        scored = run(spark, settings, loaded, *days, out, phases)
    sys.stdout.write(f"{scored:,} transactions scored by model {loaded.version}: {out}\n")


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
    from jobs import years
    from jobs.evaluate import evaluate as run
    from jobs.spark import session

    with session.started(settings, "evaluate", phases) as spark:
        if until is not None:
            rows = years.evaluate(spark, settings, until, label_delay, phases)
        else:
            rows = run(spark, settings, str(folds), label_delay, phases, groups)
    _print(table(rows))


def backtest(
    rules: Annotated[Path, typer.Option(help="The rules file to try.")],
    against: Annotated[Path | None, typer.Option(help="Rules to compare it with.")] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="The folder of a model that speaks beside the rules; of several each after what it learned."),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="The first day of the figures, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day of the figures, YYYY-MM-DD.")] = None,
    database: Database = None,
    label_delay: Delay = 7,
    html: Annotated[Path | None, typer.Option(help="Write a page of its own as well.")] = None,
) -> None:
    """Decide the store's whole history anew, with the scorer's own code: what would have been found, and missed."""
    from jobs import begin

    begin()
    from fraudstack.features.table import NAMES
    from fraudstack.model.artefact import load
    from fraudstack.model.protocol import day_of
    from fraudstack.report import backtest_text
    from fraudstack.rules import config

    tried = [(str(path), config.load(path)) for path in (rules, against) if path is not None]
    loaded = [load(folder, NAMES) for folder in model or ()]
    begins, ends = (None if day is None else day_of(day) for day in (first, last))
    settings = settings_of(database=database)
    phases = Phases(_progress)
    from jobs import backtest as job
    from jobs.spark import session

    with session.started(settings, "backtest", phases) as spark:
        found = job.run(spark, settings, tried, loaded, label_delay, phases, (begins, ends))
    _print(backtest_text.table(found))
    if html:
        from fraudstack.report import backtest_page, page

        page.write(backtest_page.page(found), html)
        sys.stdout.write(f"{html}\n")


def promote(
    model: Annotated[str, typer.Option(help=_WHICH)],
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "promoted by hand",
    after_rollback: Annotated[
        bool, typer.Option("--after-rollback", help="Even one that somebody rolled back from.")
    ] = False,
    database: Database = None,
) -> None:
    """Make a model the champion; running scorers take it up within seconds."""
    from fraudstack.decisions import champions

    settings = settings_of(database=database)
    with champions.opened(settings) as connection, champions.at_hand(connection, model) as folder:
        why, who = {"reason": reason}, getuser()
        made = champions.promote(connection, settings.model_dir, folder, who, why, knowing=after_rollback)
    sys.stdout.write(f"model {made.version} is the champion\n")


def rollback(database: Database = None) -> None:
    """Make the champion before this one the champion again; no refresh promotes this one any more."""
    from fraudstack.decisions import champions

    settings = settings_of(database=database)
    with champions.opened(settings) as connection:
        made = champions.roll_back(connection, settings.model_dir, getuser())
    sys.stdout.write(f"model {made.version} is the champion again\n")


def rescore(
    id: Annotated[int, typer.Argument(help="The transaction's id.")],
    database: Database = None,
) -> None:
    """Make the score of a decision again, by the model that made it and what it looked at then."""
    from fraudstack.decisions import champions
    from fraudstack.decisions.again import score_again

    settings = settings_of(database=database)
    with champions.opened(settings) as connection:
        found = score_again(connection, id, settings.model_dir)
    said = f"model {found.version} gives transaction {id} {found.probability:.6f}"
    if not found.same:
        raise InputError(f"{said}, and gave {found.before:.6f} on {found.decided_at}")
    sys.stdout.write(f"{said}, as on {found.decided_at}\n")


def shadow(
    candidate: Annotated[str | None, typer.Argument(help=_WHICH)] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day, UTC.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "by hand",
    end: Annotated[bool, typer.Option("--end", help="Ask the challenger no more.")] = False,
    database: Database = None,
) -> None:
    """Have a challenger asked beside the champion for each decision, without effect, until a day."""
    from fraudstack.decisions import champions

    if end != (candidate is None) or end != (until is None):
        raise typer.BadParameter("give a model and --until, or --end alone")
    settings = settings_of(database=database)
    with champions.opened(settings) as connection:
        if candidate is None or until is None:
            version = champions.end_shadow(connection, getuser(), reason)
            sys.stdout.write(f"model {version} is asked no more\n")
            return
        with champions.at_hand(connection, candidate) as folder:
            made = champions.shadow(connection, folder, until + timedelta(days=1), getuser(), reason)
    sys.stdout.write(f"model {made.version} is asked beside the champion until {until.date()}\n")


def _print(found: RenderableType) -> None:
    # Whoever keeps it in a file has room.
    Console(width=None if sys.stdout.isatty() else 140).print(found)
