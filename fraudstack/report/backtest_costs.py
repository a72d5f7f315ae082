"""The chart of what alerts save, against the threshold of a model's probability."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fraudstack.report import formats
from fraudstack.report.backtest import Backtest, saved, saved_at
from fraudstack.report.backtest_text import by_loss, money, roles, savings
from fraudstack.report.drawing import BLUE, GREEN, ORANGE, Chart, count_ticks, draw, plain

_BY_LOSS: dict[str, Any] = {"color": BLUE, "linestyle": ":", "linewidth": 1.8}
_WAYS: tuple[dict[str, Any], ...] = ({"color": GREEN, "linestyle": "-"}, {"color": ORANGE, "linestyle": "--"})


def saved_by_threshold(found: Backtest) -> Chart | None:
    """Money saved with one threshold for all amounts, and by each way; None without costs, a model, or labels."""
    costs = found.costs
    if costs is None or not found.thresholds or not found.frauds:
        return None
    key, title = "costs", "Money saved, less reviews and honest clients turned away"
    curve = [(threshold, saved(counts, costs)) for threshold, counts in found.thresholds]
    best, most = max(curve, key=lambda point: point[1])
    ways = [(role or formats.name(way.name), saved(way.counts, costs)) for role, way in roles(found)]
    said = "; ".join(
        f"{name} saves {savings(found, way.counts)}" for (name, _), way in zip(ways, found.ways, strict=True)
    )
    finding = (
        f"One threshold for all amounts saves the most, {money(found, round(100 * most))}, at {best:.1%}; {said}. "
        f"A review costs {costs.review:,.2f}, an honest client turned away {costs.friction:,.2f}, and an alert saves "
        f"{costs.recovered:.0%} of the loss."
    )

    if (compared := by_loss(found)) is not None:
        finding = f"{finding} {compared}"
    at_each = [(at, saved_at(found.losses, counts.alerts, costs)) for at, counts in found.thresholds]
    ranked = [(at, value) for at, value in at_each if value is not None]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([100 * threshold for threshold, _ in curve], [value for _, value in curve], color=BLUE, linewidth=1.4)
        handles = [Line2D([], [], color=BLUE, label="one threshold")]
        if ranked:
            axes.plot([100 * at for at, _ in ranked], [value for _, value in ranked], **_BY_LOSS)
            handles.append(Line2D([], [], label="as many alerts, by expected loss", **_BY_LOSS))
        for (name, value), line in zip(ways, _WAYS, strict=False):
            axes.axhline(value, linewidth=1.2, **line)
            handles.append(Line2D([], [], label=name, **line))
        axes.set_xscale("log")
        axes.set_xlabel("threshold of the model's probability, %")
        # What far too many alerts cost would hide the rest.
        highest = max(most, *(value for _, value in (*ways, *ranked)))
        axes.set_ylim(min(0, -0.2 * highest), 1.1 * highest if highest > 0 else None)
        axes.set_ylabel(formats.name(found.currency))
        count_ticks(axes.yaxis)
        plain(axes, upright=True)
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False)

    rows = [
        (f"{threshold:.2%}", formats.count(counts.alerts), formats.count(counts.frauds), savings(found, counts))
        for threshold, counts in found.thresholds
    ]
    drawn = draw(key, f"{title}. {finding}", 2.6, paint)
    return Chart(key, title, finding, drawn, ("from", "alerts", "frauds", "saved"), rows)
