"""The report on a terminal; without colours and folded lines where it goes to a file."""

from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import groupby

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from fraudstack.report import formats
from fraudstack.report.model import Report, Run

# Where no terminal sets the width: wide enough that no line of a table is folded.
_PLAIN_WIDTH = 240


def render(report: Report, console: Console) -> None:
    """Print the report to `console`."""
    if console.is_terminal:
        _print(report, console)
        return
    plain = Console(file=StringIO(), width=_PLAIN_WIDTH, color_system=None)
    with plain.capture() as captured:
        _print(report, plain)
    # Cells are padded to their column's width, the last ones too.
    console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _print(report: Report, console: Console) -> None:
    for title, part in (
        ("Came in", _runs(report)),
        ("Refused by the last run", _quarantine(report)),
        ("Found", _found(report)),
        ("By channel", _channels(report)),
        ("Fraud", _fraud(report)),
        ("Clusters of clients", _clusters(report)),
    ):
        console.print(Text(title, style="bold"))
        console.print(Text(part) if isinstance(part, str) else part)
        console.print()


def _runs(report: Report) -> Group | str:
    if not report.runs:
        return "No run has brought anything yet."
    # The run's name stands above its steps: beside them it would not fit into 80 columns.
    parts: list[Table | Text] = [_steps([], with_header=True)]
    for run_id, steps in groupby(report.runs, key=lambda run: run.run_id):
        some = list(steps)
        parts.append(Text(formats.name(run_id), style="italic"))
        parts.append(_steps(some, with_header=False))
        parts += (Text(f"{formats.name(r.step)}: {formats.name(r.error)}", style="red") for r in some if r.error)
    return Group(*parts)


def _steps(runs: Sequence[Run], *, with_header: bool) -> Table:
    widths = {"rows in": 10, "loaded": 10, "refused": 7, "repeated": 8, "unmatched": 9, "seconds": 7}
    table = columns_table(("step", "started (UTC)", *widths), right=tuple(widths))
    table.show_header = with_header
    # So that the numbers of all runs stand below each other.
    for column, width in zip(table.columns, (8, 16, *widths.values()), strict=True):
        column.min_width = width
    for run in runs:
        counts = (run.rows_in, run.loaded, run.quarantined, run.repeated, run.unmatched)
        table.add_row(
            cell(run.step),
            formats.moment(run.started_at),
            *map(formats.count, counts),
            formats.duration(run.seconds),
        )
    return table


def _quarantine(report: Report) -> Table | str:
    refused = report.quarantine
    if refused is None or not refused.quarantined:
        return "Nothing was refused."
    table = columns_table(("step", "reason", "rows"), right=("rows",))
    for reason in refused.reasons:
        table.add_row(cell(reason.step), cell(reason.reason), formats.count(reason.rows))
    kept = sum(reason.rows for reason in refused.reasons)
    if kept < refused.quarantined:
        table.add_row("", "counted, not kept", formats.count(refused.quarantined - kept))
    return table


def _found(report: Report) -> Table | str:
    found = report.transactions
    if not found.count:
        return "There are no transactions yet."
    return pairs_table(
        (
            ("transactions", formats.count(found.count)),
            ("first", formats.moment(found.first)),
            ("last", formats.moment(found.last)),
            ("clients", formats.count(found.clients)),
            ("cards", formats.count(found.cards)),
            ("merchants", formats.count(found.merchants)),
            ("total amount, less refunds", formats.money(found.amounts, "total")),
            ("refunds", formats.count(found.refunds)),
            ("amount of refunds", formats.money(found.amounts, "refunds")),
            ("declined", formats.count(found.declined)),
            ("amount of declined", formats.money(found.amounts, "declined")),
        )
    )


def _channels(report: Report) -> Table | str:
    if not report.transactions.channels:
        return "There are no transactions yet."
    numbers = ("transactions", "amount", "declined", "fraud rate")
    table = columns_table(("channel", *numbers), right=numbers)
    for channel in report.transactions.channels:
        table.add_row(
            cell(channel.channel),
            formats.count(channel.transactions),
            formats.money(channel.amounts, "total"),
            formats.count(channel.declined),
            formats.share(channel.fraud_rate),
        )
    return table


def _fraud(report: Report) -> Table:
    labels, flagged = report.labels, report.flagged
    return pairs_table(
        (
            ("labelled", formats.count(labels.labelled)),
            ("fraud among them", formats.count(labels.fraud)),
            ("fraud rate of the labelled", formats.share(labels.fraud_rate)),
            ("amount of fraud", formats.money(report.transactions.amounts, "fraud")),
            ("not labelled: not known", formats.count(labels.unlabelled)),
            ("decided online so far", formats.count(flagged.decided)),
            ("flagged as fraud among them", formats.count(flagged.flagged)),
        )
    )


def _clusters(report: Report) -> Table | str:
    if report.no_clusters is not None:
        return f"There are no clusters: {report.no_clusters}."
    numbers = ("clients", "transactions", "fraud rate")
    table = columns_table(("cluster", "name", *numbers), right=("cluster", *numbers))
    for cluster in report.clusters:
        table.add_row(
            str(cluster.cluster),
            cell(cluster.name),
            formats.count(cluster.clients),
            formats.count(cluster.transactions),
            formats.share(cluster.fraud_rate),
        )
    return table


def columns_table(columns: Sequence[str], right: Sequence[str]) -> Table:
    """A table with columns of these names, some of them to the right."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        number = column in right
        table.add_column(column, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def pairs_table(pairs: Iterable[tuple[str, str]]) -> Table:
    """Names and what belongs to them, a pair a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    for label, number in pairs:
        table.add_row(label, number)
    return table


def cell(text: str | None) -> Text:
    """Text from elsewhere, as it is."""
    # As Text: a name in square brackets is a name, no markup.
    return Text(formats.name(text))
