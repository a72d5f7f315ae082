"""A backtest on a terminal, and the words and figures that its page has in common with it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from fraudstack.report import formats
from fraudstack.report.backtest import Backtest, Change, Counts, Way, saved, saved_at
from fraudstack.report.text import cell, columns_table, pairs_table
from fraudstack.rules import case

NO_ALERT = "No alert was raised."
SEVERAL = "An alert may have several reasons and then stands at each of them."


def table(found: Backtest) -> Group:
    """All figures in 80 columns; the alerts that differ are left to the page."""
    parts = [("The history", _history(found)), ("Found", _ways(found)), ("By reason", _reasons(found))]
    if found.change:
        parts.append(("What changes", _change(found, found.change)))
    return Group(*(line for title, part in parts for line in (Text(title, style="bold"), part, Text())))


def roles(found: Backtest) -> list[tuple[str, Way]]:
    """The ways, each under the word that tells it from the other one; a single way needs none."""
    return list(zip(("new", "old") if len(found.ways) > 1 else ("",), found.ways, strict=True))


def named(role: str, way: Way) -> str:
    """A way's name behind its role."""
    return f"{role.capitalize()}: {formats.name(way.name)}" if role else formats.name(way.name)


def versions(way: Way) -> str:
    """What exactly decided."""
    model = f", model version {formats.name(way.model_version)}" if way.model_version else ", no model"
    return f"rules version {formats.name(way.rules_version)}{model}"


def notes(found: Backtest) -> Iterator[str]:
    """What to know before reading figures, a sentence each."""
    delay = found.label_delay
    known = f"more than {some(delay, 'day')} older" if delay else "of earlier days"
    yield f"Labels arrive late: each decision knew only those of transactions {known}, as a scorer would have then."
    if found.trained_until:
        yield (
            f"The model learned from everything up to {formats.name(found.trained_until)}: figures begin when the last "
            "of its labels was known and it could have been in force."
        )
    if not found.labelled:
        yield "No transaction is labelled: precision, recall and the money caught aren't known."
    elif not found.frauds:
        yield "None of the labelled transactions is fraud: there is nothing to catch, and recall isn't known."


def reason_rows(found: Backtest) -> list[tuple[str, list[Counts]]]:
    """Every reason with its counts by each way, those of the most alerts first."""
    by_way = [dict(way.reasons) for way in found.ways]
    codes = {code for way in by_way for code in way}
    rows = [(code, [way.get(code, Counts()) for way in by_way]) for code in codes]
    return sorted(rows, key=lambda row: ([-counts.alerts for counts in row[1]], row[0]))


def columns(found: Backtest) -> tuple[str, ...]:
    """The names of what `figures` gives."""
    return ("alerts", "precision", "frauds", f"money caught, {formats.name(found.currency)}")


def figures(counts: Counts) -> tuple[str, ...]:
    """Alerts, and what became of them as far as it is known."""
    unknown = counts.alerts and not counts.labelled
    return (
        formats.count(counts.alerts),
        formats.share(counts.precision),
        formats.count(None if unknown else counts.frauds),
        formats.NOT_KNOWN if unknown else case.money(counts.cents),
    )


def change_rows(change: Change) -> list[tuple[str, ...]]:
    """Alerts that stay, come and go; the second column says how many."""
    kinds = (
        ("raised by both", change.both),
        ("gained: only by the new way", change.gained),
        ("lost: only by the old way", change.lost),
    )
    return [(name, *figures(counts)) for name, counts in kinds]


def change_columns(found: Backtest) -> tuple[str, ...]:
    """The names of what `change_rows` gives."""
    return ("alerts", "how many", *columns(found)[1:])


def difference(found: Backtest, change: Change) -> str:
    """What the change comes to, in a sentence."""
    gained, lost = change.gained, change.lost
    if not gained.alerts and not lost.alerts:
        return "Nothing: both ways raise the same alerts."
    said = f"From the old way to the new one: {some(gained.alerts - lost.alerts, 'alert', '+')}"
    if not found.labelled:
        return f"{said}; what they catch isn't known."
    cents = gained.cents - lost.cents
    more = f"{'+' if cents >= 0 else ''}{money(found, cents)}"
    return f"{said}, {some(gained.frauds - lost.frauds, 'fraud', '+')} caught, {more} caught."


def some(number: int, noun: str, sign: str = "-") -> str:
    """A number of things; with the sign + more or fewer of them."""
    return f"{number:{sign},} {noun}{'' if abs(number) == 1 else 's'}"


def a_day(found: Backtest, counts: Counts) -> str:
    """Alerts a day; of a history without days nothing is known."""
    return mean(found.alerts_a_day(counts)) if found.days else formats.NOT_KNOWN


def mean(number: float) -> str:
    """A mean of counts, with so many decimals that a small one isn't zero."""
    return f"{number:,.0f}" if number >= 100 or not number else f"{number:,.1f}" if number >= 1 else f"{number:.2g}"


def money(found: Backtest, cents: int) -> str:
    """An amount with its currency; of a history without labels nothing is known."""
    return f"{case.money(cents)} {formats.name(found.currency)}" if found.labelled else formats.NOT_KNOWN


def savings(found: Backtest, counts: Counts) -> str:
    """What alerts saved, less what they cost; without labels or stated costs nothing is known."""
    return formats.NOT_KNOWN if found.costs is None else money(found, round(100 * saved(counts, found.costs)))


def of_money(found: Backtest, way: Way) -> Iterator[str]:
    """What a way's costs and budget come to, a sentence each."""
    if way.fixed is not None and found.costs is not None and found.labelled and found.thresholds:
        yield (
            f"At the same {some(way.counts.alerts, 'alert')} one threshold for all amounts saves "
            f"{savings(found, way.fixed)}, this way {savings(found, way.counts)}."
        )
    if way.budget is None or way.within is None:
        return
    yield (
        f"Of {a_day(found, way.counts)} alerts a day {a_day(found, way.within)} are within the budget of "
        f"{mean(way.budget.alerts_a_day)}; the others wait behind them."
    )
    if way.least_loss is not None:
        stated = f"{{alerts_a_day: {way.budget.alerts_a_day:g}, least_loss: {way.least_loss:.2f}}}"
        yield f"As many as that come of this history with budget: {stated}."


def by_loss(found: Backtest) -> str | None:
    """What a model's alerts by expected loss save beside as many by one threshold, where each saves the most."""
    costs = found.costs
    if costs is None or not found.labelled or not found.losses:
        return None
    said = []
    for curve in (found.losses, found.thresholds):
        _, best = max(curve, key=lambda point: saved(point[1], costs))
        by_money, by_chance = (saved_at(one, best.alerts, costs) for one in (found.losses, found.thresholds))
        if by_money is not None and by_chance is not None:
            said.append(
                f"{formats.count(best.alerts)} alerts save {money(found, round(100 * by_money))} by expected loss and "
                f"{money(found, round(100 * by_chance))} by one threshold"
            )
    return f"The model alone: {'; '.join(dict.fromkeys(said))}." if said else None


def frauds(found: Backtest, number: int) -> str:
    """A number of frauds; of a history without labels nothing is known."""
    return formats.count(number if found.labelled else None)


def _history(found: Backtest) -> Group:
    pairs = (
        ("first day", formats.name(found.first)),
        ("last day", formats.name(found.last)),
        ("days", formats.count(found.days)),
        ("transactions", formats.count(found.transactions)),
        ("labelled", formats.count(found.labelled)),
        ("frauds among them", frauds(found, found.frauds)),
        ("money of the frauds", money(found, found.cents)),
    )
    return Group(pairs_table(pairs), *map(Text, notes(found)))


def _ways(found: Backtest) -> Group:
    lines = [Text(f"{named(role, way)}, {versions(way)}") for role, way in roles(found)]
    ways = [way.counts for way in found.ways]
    rows = [
        ("alerts", [formats.count(counts.alerts) for counts in ways]),
        ("alerts a day", [a_day(found, counts) for counts in ways]),
        ("labelled among them", [formats.count(counts.labelled) for counts in ways]),
        ("frauds caught", [frauds(found, counts.frauds) for counts in ways]),
        ("precision, of the labelled", [formats.share(counts.precision) for counts in ways]),
        ("recall, of all frauds", [formats.share(found.recall(counts)) for counts in ways]),
        ("money caught", [money(found, counts.cents) for counts in ways]),
        ("money missed", [money(found, found.missed(counts)) for counts in ways]),
    ]
    if found.costs is not None:
        rows.append(("money saved, less reviews and friction", [savings(found, counts) for counts in ways]))
    for role, way in roles(found):
        lines += [Text(f"{role.capitalize()}: {note}" if role else note) for note in of_money(found, way)]
    if (compared := by_loss(found)) is not None:
        lines.append(Text(compared))
    if len(ways) == 1:
        return Group(*lines, pairs_table((name, cells[0]) for name, cells in rows))
    names = [role for role, _ in roles(found)]
    drawn = columns_table(("", *names), right=names)
    for name, cells in rows:
        drawn.add_row(name, *cells)
    return Group(*lines, drawn)


def _reasons(found: Backtest) -> RenderableType:
    rows = reason_rows(found)
    if not rows:
        return Text(NO_ALERT)
    two = len(found.ways) > 1
    drawn = columns_table(("reason", *(["way"] if two else []), *columns(found)), right=columns(found))
    for code, by_way in rows:
        for place, ((role, _), counts) in enumerate(zip(roles(found), by_way, strict=True)):
            # Said once: the ways stand below each other.
            name = cell(code) if place == 0 else Text()
            drawn.add_row(name, *([role] if two else []), *figures(counts))
    return Group(drawn, Text(SEVERAL))


def _change(found: Backtest, change: Change) -> Group:
    drawn = columns_table(change_columns(found), right=change_columns(found)[1:])
    for name, *cells in change_rows(change):
        drawn.add_row(name, *cells)
    return Group(drawn, Text(difference(found, change)))
