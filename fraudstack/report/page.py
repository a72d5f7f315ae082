"""The report as one HTML page that asks for nothing else: no script, no font, no picture from elsewhere."""

import os
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from fraudstack.errors import InputError
from fraudstack.report import formats, habits, rates, volume
from fraudstack.report.drawing import Chart
from fraudstack.report.model import Breakdown, Report, Run

_RUN_COLUMNS = (
    "run",
    "step",
    "started (UTC)",
    "rows in",
    "loaded",
    "quarantined",
    "repeated",
    "unmatched",
    "seconds",
    "error",
)
_NUMBERS = frozenset(_RUN_COLUMNS[3:9])
_CLASSES = {"started (UTC)": ' class="time"', "error": ' class="error"'}


def write_html(report: Report, path: Path) -> None:
    """Write the page to `path` as `write` does; the report needs its breakdown for every chart."""
    write(html(report), path)


def write(text: str, path: Path) -> None:
    """Write a page to `path`, whole or not at all; raises InputError when the file can't be written."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"the page {path} can't be written: {error.strerror}") from error


def html(report: Report) -> str:
    """The page's text."""
    broken = report.breakdown or Breakdown(months=[], amounts=[], categories=[], hours=[], years=[])
    found = report.transactions
    sections = (
        (
            "Transactions",
            [volume.by_month(broken.months), volume.by_amount(broken.amounts, list(found.amounts))],
        ),
        (
            "Fraud, of the labelled transactions",
            [
                rates.by_channel(found.channels),
                rates.by_category(broken.categories),
                rates.by_year(broken.years),
                rates.by_hour(broken.hours),
            ],
        ),
        (
            "Clusters of clients",
            [habits.sizes(report.clusters, report.no_clusters), habits.features(report.clusters, list(found.amounts))],
        ),
        ("What came in", [volume.refused(report.quarantine)]),
    )
    style = resources.files("fraudstack.report").joinpath("page.css").read_text(encoding="utf-8")
    store = escape(formats.name(report.store))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Card transactions in {store}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>Card transactions</h1>
<p class="muted">{store} · as of {formats.moment(report.taken_at)} UTC</p>
</header>
<main>
{_tiles(report)}
{"".join(_section(title, charts) for title, charts in sections)}
{_runs(report.runs)}
</main>
</body>
</html>
"""


def _tiles(report: Report) -> str:
    found, labels, flagged = report.transactions, report.labels, report.flagged
    declined, labelled = (number / found.count if found.count else None for number in (found.declined, labels.labelled))
    refused = report.quarantine.quarantined if report.quarantine else 0
    between = f"{found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}" if found.first and found.last else "none yet"
    tiles = (
        ("transactions", formats.count(found.count), between),
        (
            "total amount, less refunds",
            formats.money(found.amounts, "total"),
            f"{formats.count(found.refunds)} refunds: {formats.money(found.amounts, 'refunds')}",
        ),
        (
            "clients",
            formats.count(found.clients),
            f"{formats.count(found.cards)} cards, {formats.count(found.merchants)} merchants",
        ),
        (
            "declined",
            formats.count(found.declined),
            f"{formats.share(declined)} of all, {formats.money(found.amounts, 'declined')}",
        ),
        (
            "fraud rate of the labelled",
            formats.share(labels.fraud_rate),
            f"{formats.count(labels.fraud)} of {formats.count(labels.labelled)}; together "
            f"{formats.money(found.amounts, 'fraud')}",
        ),
        (
            "labelled",
            formats.share(labelled),
            f"{formats.count(labels.unlabelled)} are not: whether they are fraud isn't known",
        ),
        (
            "flagged as fraud online",
            formats.count(flagged.flagged),
            f"of {formats.count(flagged.decided)} decided so far",
        ),
        ("refused by the last run", formats.count(refused), "rows"),
    )
    shown = (
        f'<div class="tile"><span>{name}</span><strong>{escape(number)}</strong><span>{escape(note)}</span></div>'
        for name, number, note in tiles
    )
    return f'<div class="tiles">{"".join(shown)}</div>'


def _section(title: str, charts: Iterable[Chart | None]) -> str:
    cards = "".join(_card(chart) for chart in charts if chart is not None)
    return f'<section><h2>{title}</h2><div class="charts">{cards}</div></section>'


def _card(chart: Chart) -> str:
    behind = ""
    if chart.rows:
        numbers = [place >= chart.names for place in range(len(chart.columns))]
        behind = f"<details><summary>The numbers</summary>{_table(chart.columns, chart.rows, numbers)}</details>"
    return (
        f'<figure class="card"><figcaption><h3>{escape(chart.title)}</h3>'
        f'<p class="finding">{escape(chart.finding)}</p></figcaption>{chart.svg}{behind}</figure>'
    )


def _runs(runs: Sequence[Run]) -> str:
    if not runs:
        return '<section class="card"><h3>The last runs</h3><p>No run has brought anything yet.</p></section>'
    rows = [
        (
            formats.name(run.run_id),
            formats.name(run.step),
            formats.moment(run.started_at),
            *map(formats.count, (run.rows_in, run.loaded, run.quarantined, run.repeated, run.unmatched)),
            formats.duration(run.seconds),
            formats.name(run.error) if run.error else "",
        )
        for run in runs
    ]
    table = _table(_RUN_COLUMNS, rows, [name in _NUMBERS for name in _RUN_COLUMNS])
    return f'<section class="card"><h3>The last runs, newest first</h3>{table}</section>'


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool]) -> str:
    classes = [
        ' class="number"' if number else _CLASSES.get(column, "")
        for column, number in zip(columns, numbers, strict=True)
    ]

    def line(tag: str, cells: Sequence[str]) -> str:
        inside = "".join(f"<{tag}{c}>{escape(cell)}</{tag}>" for c, cell in zip(classes, cells, strict=True))
        return f"<tr>{inside}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", columns)}</thead><tbody>{body}</tbody></table></div>'
