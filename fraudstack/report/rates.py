"""Charts of the labelled fraud rate: by channel, merchant category, hour and year."""

from collections.abc import Sequence
from math import sqrt

from matplotlib.figure import Figure

from fraudstack.report import formats
from fraudstack.report.drawing import INK, ORANGE, Chart, draw, plain, short
from fraudstack.report.model import Category, Channel, Hour, Rated, Year

# Of fewer labelled transactions a rate says little.
_FEWEST_LABELLED = 100
_CATEGORIES_SHOWN = 12
# Two-sided, 95 %.
_Z = 1.96
_NO_LABELS = "No transaction is labelled yet: the fraud rate isn't known."
_AXIS = "fraud rate, % of labelled transactions"
_WHISKER = {"ecolor": INK, "elinewidth": 0.9, "capsize": 2, "capthick": 0.9}
_COLUMNS = ("labelled", "fraud", "fraud rate", "95 % interval")


def by_channel(channels: Sequence[Channel]) -> Chart:
    """Fraud rate of every channel."""
    named = [(formats.name(channel.channel), channel) for channel in channels if channel.labelled]
    return _lying("channels", "Fraud rate by channel", "channel", named, _finding(named))


def by_category(categories: Sequence[Category]) -> Chart:
    """Fraud rate of the merchant categories where it is highest."""
    sure = [c for c in categories if c.labelled >= _FEWEST_LABELLED and c.fraud][:_CATEGORIES_SHOWN]
    title = "Merchant categories with the highest fraud rate"
    if categories and not sure:
        finding = f"No category has fraud and {_FEWEST_LABELLED} labelled transactions or more."
        return Chart("categories", title, finding)
    named = [(_category(category), category) for category in sure]
    finding = (
        f"{_finding(named, with_lowest=False)} Categories with fewer than {_FEWEST_LABELLED} labelled "
        "transactions are left out."
    )
    return _lying("categories", title, "merchant category", named, finding)


def by_hour(hours: Sequence[Hour]) -> Chart:
    """Fraud rate of every hour of the day."""
    named = [(f"{hour.hour:02d}", hour) for hour in hours]
    return _standing("hours", "Fraud rate by hour of the day", "hour, UTC", named, ":00")


def by_year(years: Sequence[Year]) -> Chart:
    """Fraud rate of every year."""
    return _standing("years", "Fraud rate by year", "year", [(str(year.year), year) for year in years])


def _category(category: Category) -> str:
    if category.mcc is None:
        return "(none)"
    return f"{category.mcc:04d} {formats.name(category.name)}" if category.name else f"{category.mcc:04d}"


def _lying(key: str, title: str, what: str, named: Sequence[tuple[str, Rated]], finding: str) -> Chart:
    """Horizontal bars, for names of any length."""
    if not named:
        return Chart(key, title, _NO_LABELS)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        rates, whiskers = _percent(named)
        places = range(len(named))
        axes.barh(places, rates, xerr=whiskers, height=0.68, color=ORANGE, error_kw=_WHISKER)
        ends = [rate + above for rate, above in zip(rates, whiskers[1], strict=True)]
        for place, end, (_, rated) in zip(places, ends, named, strict=True):
            axes.annotate(
                formats.share(rated.fraud_rate), (end, place), (5, 0), textcoords="offset points", va="center"
            )
        axes.set_yticks(places, [short(name) for name, _ in named])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.2 * (max(ends) or 1))
        axes.set_xlabel(_AXIS)
        plain(axes, upright=False)

    svg = draw(key, f"{title}. {finding}", 0.9 + 0.29 * len(named), paint)
    return Chart(key, title, finding, svg, (what, *_COLUMNS), _rows(named))


def _standing(key: str, title: str, what: str, named: Sequence[tuple[str, Rated]], unit: str = "") -> Chart:
    """Vertical bars, for what has an order of its own."""
    if not named:
        return Chart(key, title, _NO_LABELS)
    finding = _finding(named, unit)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        rates, whiskers = _percent(named)
        places = range(len(named))
        axes.bar(places, rates, yerr=whiskers, width=0.78, color=ORANGE, error_kw=_WHISKER)
        every = 1 + len(named) // 13
        axes.set_xticks(places[::every], [name for name, _ in named][::every])
        axes.set_ylim(0, None)
        axes.set_xlabel(what)
        axes.set_ylabel(_AXIS.replace(" of", "\nof"))
        plain(axes, upright=True)

    svg = draw(key, f"{title}. {finding}", 2.7, paint)
    return Chart(key, title, finding, svg, (what, *_COLUMNS), _rows(named))


def _finding(named: Sequence[tuple[str, Rated]], unit: str = "", *, with_lowest: bool = True) -> str:
    rated = [(name, rate.fraud_rate or 0.0) for name, rate in named]
    if not any(rate for _, rate in rated):
        return "None of the labelled transactions is fraud."
    (top, highest), (bottom, lowest) = max(rated, key=lambda r: r[1]), min(rated, key=lambda r: r[1])
    finding = f"Highest: {top}{unit}, {formats.share(highest)}"
    finding += f"; lowest: {bottom}{unit}, {formats.share(lowest)}." if with_lowest and lowest < highest else "."
    return f"{finding} Thin lines show the 95 % interval."


def _rows(named: Sequence[tuple[str, Rated]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, rated in named:
        low, high = interval(rated.fraud, rated.labelled)
        between = f"{formats.share(low)} to {formats.share(high)}"
        counts = (formats.count(rated.labelled), formats.count(rated.fraud))
        rows.append((name, *counts, formats.share(rated.fraud_rate), between))
    return rows


def _percent(named: Sequence[tuple[str, Rated]]) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Rates in per cent, and how far their intervals reach below and above."""
    rates = [100 * (rated.fraud_rate or 0) for _, rated in named]
    ends = [interval(rated.fraud, rated.labelled) for _, rated in named]
    below = [max(rate - 100 * low, 0) for rate, (low, _) in zip(rates, ends, strict=True)]
    above = [max(100 * high - rate, 0) for rate, (_, high) in zip(rates, ends, strict=True)]
    return rates, (below, above)


def interval(fraud: int, labelled: int) -> tuple[float, float]:
    """Between which shares (0 to 1) the rate behind `fraud` of `labelled` lies, with 95 % confidence.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    rate = fraud / labelled
    widened = 1 + _Z**2 / labelled
    middle = (rate + _Z**2 / (2 * labelled)) / widened
    reach = _Z / widened * sqrt(rate * (1 - rate) / labelled + _Z**2 / (4 * labelled**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
