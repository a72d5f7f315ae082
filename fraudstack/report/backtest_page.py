"""A backtest as one HTML page that asks for nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from fraudstack.report import backtest_costs, backtest_drawing, formats
from fraudstack.report.backtest import Backtest, Change, Way
from fraudstack.report.backtest_text import (
    NO_ALERT,
    SEVERAL,
    a_day,
    change_columns,
    change_rows,
    columns,
    difference,
    figures,
    mean,
    money,
    named,
    notes,
    of_money,
    reason_rows,
    roles,
    savings,
    some,
    versions,
)
from fraudstack.report.drawing import Chart
from fraudstack.rules import case

# What page.css has no need of: notes, and tables with captions, headers of rows and two lines of columns' headers.
_STYLE = """h1, h2 { overflow-wrap: anywhere; }
h2 + .muted { margin-top: -10px; overflow-wrap: anywhere; }
section > .tiles { margin-top: 12px; }
.notes { margin: 14px 0 0; padding-left: 20px; max-width: 90ch; overflow-wrap: anywhere; }
section.card { margin-top: 36px; }
section.card h2 { margin: 0 0 2px; }
section.card h3 { margin-top: 20px; }
caption { padding: 4px 0 10px; text-align: left; color: var(--muted); }
thead { position: sticky; top: 0; background: var(--soft); }
th { position: static; }
tbody th { background: none; font-weight: 400; }
th.group { text-align: center; }
details thead th { white-space: normal; vertical-align: bottom; }
.first { border-left: 1px solid var(--edge); }
td.words { min-width: 280px; overflow-wrap: anywhere; }
@media print { .scroll { max-height: none; } }
"""
_UNLABELLED = "no transaction is labelled"
_TRUTH = {1: "fraud", 0: "legitimate", None: "not known"}


def page(found: Backtest) -> str:
    """The page's text."""
    style = resources.files("fraudstack.report").joinpath("page.css").read_text(encoding="utf-8")
    title = escape("Backtest of " + " against ".join(formats.name(way.name) for way in found.ways))
    drawing = (
        backtest_drawing.precision_and_recall,
        backtest_drawing.alerts_a_day,
        backtest_drawing.caught_and_missed,
        backtest_costs.saved_by_threshold,
    )
    charts = "".join(_card(chart) for draw in drawing if (chart := draw(found)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}{_STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="muted">{escape(_window(found))}</p>
</header>
<main>
{_history(found)}
{"".join(_way(found, role, way) for role, way in roles(found))}
<section><h2>Over time, and in money</h2><div class="charts">{charts}</div></section>
{_reasons(found)}
{_change(found, found.change) if found.change else ""}
</main>
</body>
</html>
"""


def _window(found: Backtest) -> str:
    return f"{formats.name(found.first)} to {formats.name(found.last)}, {some(found.days, 'day')}"


def _history(found: Backtest) -> str:
    per_day = mean(found.transactions / found.days) if found.days else formats.NOT_KNOWN
    share = formats.share(found.labelled / found.transactions) if found.transactions else formats.NOT_KNOWN
    tiles = [
        ("transactions", formats.count(found.transactions), f"{per_day} a day"),
        ("labelled", formats.count(found.labelled), f"{share} of all; whether others are fraud isn't known"),
    ]
    if found.labelled:
        rate = formats.share(found.frauds / found.labelled)
        tiles.append(("frauds", formats.count(found.frauds), f"{rate} of the labelled"))
        tiles.append(("money of the frauds", money(found, found.cents), "what there was to catch"))
    said = "".join(f"<li>{escape(note)}</li>" for note in notes(found))
    return f'<section><h2>The history</h2>{_tiles(tiles)}<ul class="notes">{said}</ul></section>'


def _way(found: Backtest, role: str, way: Way) -> str:
    counts = way.counts
    precise = f"fraud: {formats.count(counts.frauds)} of {some(counts.labelled, 'labelled alert')}"
    if not counts.labelled:
        precise = "the truth of no alert is known" if counts.alerts else NO_ALERT
    tiles = [
        ("alerts", formats.count(counts.alerts), f"{a_day(found, counts)} a day"),
        ("precision", _known(counts.precision), precise),
    ]
    if found.labelled:
        caught = f"{formats.count(counts.frauds)} of {some(found.frauds, 'fraud')}"
        missed = f"{money(found, found.missed(counts))}, in {some(found.frauds - counts.frauds, 'fraud')}"
        tiles.append(("recall", _known(found.recall(counts)), caught))
        tiles.append(("money caught", money(found, counts.cents), f"missed: {missed}"))
        if found.costs is not None:
            tiles.append(("money saved", savings(found, counts), "less reviews and honest clients turned away"))
    else:
        tiles += (("recall", _known(None), _UNLABELLED), ("money caught", _known(None), _UNLABELLED))
    head = f'<h2>{escape(named(role, way))}</h2><p class="muted">{escape(versions(way))}</p>'
    said = "".join(f"<li>{escape(note)}</li>" for note in of_money(found, way))
    return f"<section>{head}{_tiles(tiles)}{f'<ul class=notes>{said}</ul>' if said else ''}</section>"


def _reasons(found: Backtest) -> str:
    rows = []
    for code, by_way in reason_rows(found):
        # At each figure the ways stand side by side.
        beside = zip(*map(figures, by_way), strict=True)
        rows.append((formats.name(code), *(cell for cells in beside for cell in cells)))
    parts = [role for role, _ in roles(found)]
    table = _table("The most frequent first", ("reason", *columns(found)), rows, parts=parts) if rows else ""
    said = SEVERAL if rows else NO_ALERT
    return f'<section class="card"><h2>By reason</h2><p class="finding">{said}</p>{table}</section>'


def _change(found: Backtest, change: Change) -> str:
    head = f'<h2>What changes</h2><p class="finding">{escape(difference(found, change))}</p>'
    table = _table("Alerts of both ways, and of one alone", change_columns(found), change_rows(change))
    return f'<section class="card">{head}{table}{_differing(found, change)}</section>'


def _differing(found: Backtest, change: Change) -> str:
    all_of_them = change.gained.alerts + change.lost.alerts
    if not all_of_them:
        return ""
    rows = [
        (
            str(alert.id),
            formats.name(alert.date),
            "gained" if alert.gained else "lost",
            case.money(alert.cents),
            f"{alert.score:.2f}",
            formats.name(alert.reason),
            _TRUTH[alert.is_fraud],
        )
        for alert in change.alerts
    ]
    shown = f"{formats.count(len(rows))} of {formats.count(all_of_them)}, the highest scores first"
    names = ("transaction", "date", "change", f"amount, {formats.name(found.currency)}", "score", "reason", "truth")
    return "<h3>The alerts that differ</h3>" + _table(
        shown, names, rows, classes=("time", "", "number", "number", "words", "time")
    )


def _tiles(tiles: Iterable[tuple[str, str, str]]) -> str:
    shown = (
        f'<div class="tile"><span>{escape(name)}</span><strong>{escape(figure)}</strong>'
        f"<span>{escape(note)}</span></div>"
        for name, figure, note in tiles
    )
    return f'<div class="tiles">{"".join(shown)}</div>'


def _card(chart: Chart) -> str:
    behind = ""
    if chart.rows:
        table = _table(chart.title, chart.columns, chart.rows)
        behind = f"<details><summary>The numbers</summary>{table}</details>"
    return (
        f'<figure class="card"><figcaption><h3>{escape(chart.title)}</h3>'
        f'<p class="finding">{escape(chart.finding)}</p></figcaption>{chart.svg}{behind}</figure>'
    )


def _table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    classes: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> str:
    """The first column holds the rows' headers; every other one is a number unless `classes` says otherwise.

    With two `parts` each column but the first is split into them.
    """
    split = max(len(parts), 1)
    kinds = [kind for kind in classes or ["number"] * (len(columns) - 1) for _ in range(split)]
    kinds = [f"{kind} first" if split > 1 and not place % split else kind for place, kind in enumerate(kinds)]
    said = escape(caption)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    # A region that scrolls must be reached by keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{said}"><table><caption>{said}</caption>'
        f"<thead>{_head(columns, kinds, parts)}</thead><tbody>{body}</tbody></table></div>"
    )


def _head(columns: Sequence[str], kinds: Sequence[str], parts: Sequence[str]) -> str:
    first, *others = map(escape, columns)
    if len(parts) < 2:
        cells = (f'<th scope="col" class="{kind}">{name}</th>' for kind, name in zip(kinds, others, strict=True))
        return f'<tr><th scope="col">{first}</th>{"".join(cells)}</tr>'
    groups = (f'<th scope="colgroup" colspan="{len(parts)}" class="group first">{name}</th>' for name in others)
    below = (
        f'<th scope="col" class="{kind}">{escape(part)}</th>'
        for kind, part in zip(kinds, list(parts) * len(others), strict=True)
    )
    return f'<tr><th scope="col" rowspan="2">{first}</th>{"".join(groups)}</tr><tr>{"".join(below)}</tr>'


def _known(share: float | None) -> str:
    return "not known" if share is None else formats.share(share)
