"""The command `fraudstack`."""

import sys

import typer
from rich.console import Console

from cli import files, model, release, store
from fraudstack.errors import Refusal

app = typer.Typer(
    help="Fraud analytics for card transactions: ingest, report, score, review.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# In the order of the help.
for command in (
    files.generate,
    files.ingest,
    files.columns,
    release.key,
    files.stream,
    release.submit,
    release.attack,
    model.train,
    model.score,
    model.evaluate,
    model.backtest,
    store.report,
    store.quarantine,
    store.upgrade,
    store.backup,
    store.restore,
    store.undo,
    store.delete,
    store.forget,
    store.verify,
    model.promote,
    model.rollback,
    model.rescore,
    model.shadow,
):
    app.command()(command)


def main() -> None:
    """Run the command; what was refused is one sentence and an exit code."""
    try:
        app()
    except Refusal as error:
        Console(stderr=True).print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
