"""Charts of how much came in: by month, by amount, and what was refused."""

from collections.abc import Sequence
from math import ceil

from matplotlib.figure import Figure

from fraudstack.report import formats
from fraudstack.report.drawing import BLUE, GREEN, Chart, count_ticks, draw, plain, short
from fraudstack.report.model import AmountBin, Month, Quarantine

_MOST_YEAR_TICKS = 10
_MOST_REASONS = 10


def by_month(months: Sequence[Month]) -> Chart:
    """Transactions a month."""
    title = "Transactions by month"
    if not months:
        return Chart("months", title, "There are no transactions yet.")
    most = max(months, key=lambda month: month.transactions)
    least = min(months, key=lambda month: month.transactions)
    finding = (
        f"From {formats.count(least.transactions)} ({least.month}) to {formats.count(most.transactions)} "
        f"({most.month}) transactions a month; the first and the last month may be cut short."
        if len(months) > 1
        else f"All {formats.count(most.transactions)} transactions are of {most.month}."
    )

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        counts = [month.transactions for month in months]
        axes.stairs(counts, fill=True, color=BLUE, alpha=0.3)
        axes.stairs(counts, color=BLUE, linewidth=1.3)
        januaries = [number for number, month in enumerate(months) if month.month.endswith("-01")]
        shown = januaries[:: ceil(len(januaries) / _MOST_YEAR_TICKS)] if len(januaries) > 1 else [0]
        axes.set_xticks(shown, [months[n].month[: 4 if len(januaries) > 1 else None] for n in shown], ha="left")
        axes.set_xlabel("month of the transaction, UTC")
        axes.set_ylabel("transactions a month")
        axes.set_ylim(0, None)
        count_ticks(axes.yaxis)
        plain(axes, upright=True)

    return Chart(
        "months",
        title,
        finding,
        draw("months", f"{title}. {finding}", 2.9, paint),
        ("month", "transactions"),
        [(month.month, formats.count(month.transactions)) for month in months],
    )


def by_amount(bins: Sequence[AmountBin], currencies: Sequence[str]) -> Chart:
    """How large purchases and refunds are."""
    title = "Amounts of purchases and refunds"
    if not bins:
        return Chart("amounts", title, "There are no transactions yet.")
    unit = currencies[0] if len(currencies) == 1 else "units of the currency"
    usual = max(bins, key=lambda bin_: bin_.purchases)
    purchases, refunds = sum(bin_.purchases for bin_ in bins), sum(bin_.refunds for bin_ in bins)
    finding = (
        f"Purchases are most often {_range(usual)} {unit} ({formats.share(usual.purchases / max(purchases, 1))} of "
        f"{formats.count(purchases)}); {formats.count(refunds)} refunds are drawn apart, on a scale of their own. "
        "Each bar is twice as wide as the one before it."
    )

    def paint(figure: Figure) -> None:
        both = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        series = ((BLUE, "purchases", [b.purchases for b in bins]), (GREEN, "refunds", [b.refunds for b in bins]))
        for axes, (colour, name, counts) in zip(both, series, strict=True):
            axes.bar(range(len(bins)), counts, width=0.92, align="edge", color=colour)
            axes.set_ylabel(name)
            axes.set_ylim(0, None)
            count_ticks(axes.yaxis)
            plain(axes, upright=True)
        edges = [formats.count(bin_.low) for bin_ in bins]
        # Every second: four digits and a comma are as wide as a bar.
        both[1].set_xticks(range(0, len(bins), 2), edges[::2])
        both[1].set_xlabel(f"amount from … {unit}, without its sign (logarithmic)")
        figure.align_ylabels(both)

    return Chart(
        "amounts",
        title,
        finding,
        draw("amounts", f"{title}. {finding}", 3.6, paint),
        (f"amount, {unit}", "purchases", "refunds"),
        [(_range(bin_), formats.count(bin_.purchases), formats.count(bin_.refunds)) for bin_ in bins],
    )


def _range(bin_: AmountBin) -> str:
    if bin_.high is None:
        return f"{formats.count(bin_.low)} and more"
    return f"{formats.count(bin_.low)} to below {formats.count(bin_.high)}"


def refused(quarantine: Quarantine | None) -> Chart:
    """Why the last run refused rows."""
    title = "Rows refused by the last run, by reason"
    if quarantine is None or not quarantine.quarantined:
        return Chart("refused", title, "Nothing was refused.")
    reasons = quarantine.reasons
    kept = sum(reason.rows for reason in reasons)
    finding = f"Refused: {formats.count(quarantine.quarantined)}"
    finding += f", of which {formats.count(kept)} are kept." if kept < quarantine.quarantined else "."
    if not reasons:
        return Chart("refused", title, finding)
    finding += f" Most frequent: {formats.name(reasons[0].reason)}."
    drawn = reasons[:_MOST_REASONS]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        bars = axes.barh(range(len(drawn)), [reason.rows for reason in drawn], height=0.7, color=BLUE)
        axes.bar_label(bars, [formats.count(reason.rows) for reason in drawn], padding=4)
        axes.set_yticks(range(len(drawn)), [short(f"{formats.name(r.reason)} ({formats.name(r.step)})") for r in drawn])
        axes.invert_yaxis()
        axes.set_xlabel("rows kept in quarantine")
        axes.set_xlim(0, 1.15 * max(reason.rows for reason in drawn))
        count_ticks(axes.xaxis)
        plain(axes, upright=False)

    return Chart(
        "refused",
        title,
        finding,
        draw("refused", f"{title}. {finding}", 0.9 + 0.28 * len(drawn), paint),
        ("step", "reason", "rows"),
        [(formats.name(r.step), formats.name(r.reason), formats.count(r.rows)) for r in reasons],
        names=2,
    )
