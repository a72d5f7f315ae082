"""The commands of a model: it is trained, judged, tried on history, and put in force."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from cli.options import Columns, Csv, Database, Labels, settings_of
from fraudstack.progress import Phases
from fraudstack.settings import Settings

Delay = Annotated[int, typer.Option(min=0, help="Whole days until a label is known.")]
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
    model: Annotated[Path | None, typer.Option(help="The folder of a model that speaks beside the rules.")] = None,
    database: Database = None,
    label_delay: Delay = 7,
    html: Annotated[Path | None, typer.Option(help="Write a page of its own as well.")] = None,
) -> None:
    """Decide the store's whole history anew, with the scorer's own code: what would have been found, and missed."""
    from jobs import begin

    begin()
    from fraudstack.features.table import NAMES
    from fraudstack.model.artefact import load
    from fraudstack.report import backtest_text
    from fraudstack.rules import config

    tried = [(str(path), config.load(path)) for path in (rules, against) if path is not None]
    loaded = load(model, NAMES) if model else None
    settings = settings_of(database=database)
    phases = Phases(_progress)
    from jobs import backtest as job
    from jobs.spark import session

    with session.started(settings, "backtest", phases) as spark:
        found = job.run(spark, settings, tried, loaded, label_delay, phases)
    _print(backtest_text.table(found))
    if html:
        from fraudstack.report import backtest_page, page

        page.write(backtest_page.page(found), html)
        sys.stdout.write(f"{html}\n")


def promote(
    model: Annotated[Path, typer.Option(help="The folder of the model.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "promoted by hand",
) -> None:
    """Make a model the champion of TX_MODEL_DIR; running scorers take it up within seconds."""
    from fraudstack.model.registry import promote as make

    settings = Settings()
    made = make(settings.model_dir, model, {"reason": reason})
    sys.stdout.write(f"model {made.version} is the champion of {settings.model_dir}\n")


def rollback() -> None:
    """Make the champion before this one the champion of TX_MODEL_DIR again."""
    from fraudstack.model.registry import roll_back as make

    settings = Settings()
    made = make(settings.model_dir)
    sys.stdout.write(f"model {made.version} is the champion of {settings.model_dir} again\n")


def _print(found: RenderableType) -> None:
    # Whoever keeps it in a file has room.
    Console(width=None if sys.stdout.isatty() else 140).print(found)
