"""The pictures of a model's card, each an SVG that stands alone."""

import re
from collections.abc import Callable, Sequence
from html import escape
from importlib import resources
from math import ceil, floor, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from fraudstack.report import formats
from fraudstack.report.drawing import BLUE, INK, ORANGE, draw, plain, short
from fraudstack.report.rates import interval

# Inches, 96 pixels each.
_WIDTH, _HEIGHT = 6.25, 3.75
_PIXELS = 96
_SMALL = 8
_DASHED: dict[str, Any] = {"color": ORANGE, "linestyle": (0, (5, 3)), "linewidth": 1.3}
# Below, only the best of a poor model's precision is above the ground.
_LOW_PRECISION = 0.4


def precision_recall(points: Sequence[Sequence[float]]) -> str:
    """Recall and precision, threshold by threshold from the highest; the last one takes every transaction."""
    rate = points[-1][1]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        recalls, precisions = zip(*points, strict=True)
        marker = "o" if len(points) == 1 else None
        axes.plot(recalls, precisions, color=BLUE, linewidth=1.6, marker=marker, label="model", clip_on=False)
        axes.axhline(rate, label=f"base rate: {formats.share(rate)} of transactions are fraud", **_DASHED)
        axes.set_xlim(0, 1)
        highest = max(precisions)
        axes.set_ylim(0, 1 if highest > _LOW_PRECISION else 1.2 * highest)
        for axis, label in (
            (axes.xaxis, "recall, % of frauds that are found"),
            (axes.yaxis, "precision, % of found that are fraud"),
        ):
            axis.set_major_formatter(PercentFormatter(1, symbol=" %"))
            axis.set_label_text(label)
        axes.grid()
        _legend(figure, axes)

    return _picture("Precision and recall of the last weeks", _HEIGHT, paint)


def calibration(bins: Sequence[Sequence[float]]) -> str | None:
    """Of bins of scores, each mean score, fraud rate, transactions, frauds; None when no score is above 0."""
    # On a logarithmic axis nothing has a place for 0.
    bins = [bin_ for bin_ in bins if bin_[0] > 0 and bin_[2] > 0]
    if not bins:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        ends = [interval(int(frauds), int(transactions)) for _, _, transactions, frauds in bins]
        # Of a bin without fraud only the upper end of the interval has a place.
        drawn = [
            value for (score, rate, *_), (_, above) in zip(bins, ends, strict=True) for value in (score, rate or above)
        ]
        low, high = 10.0 ** floor(log10(min(drawn) / 1.2)), 10.0 ** ceil(log10(max(drawn)))
        axes.plot((low, high), (low, high), label="perfectly calibrated", **_DASHED)
        for (score, rate, transactions, _), (below, above) in zip(bins, ends, strict=True):
            axes.vlines(score, max(low, min(below, rate)), max(above, rate), color=INK, linewidth=0.9)
            # Upright and above the axes, where neighbours leave each other room.
            axes.annotate(
                formats.count(int(transactions)),
                (score, 1),
                (0, 4),
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=_SMALL,
            )
        for some, face, label in (
            ([bin_ for bin_ in bins if bin_[1] > 0], BLUE, "bin with its 95 % interval"),
            ([bin_ for bin_ in bins if bin_[1] == 0], "none", "bin without fraud"),
        ):
            if some:
                places = [bin_[0] for bin_ in some], [max(bin_[1], low) for bin_ in some]
                axes.plot(*places, "o", color=BLUE, markerfacecolor=face, markersize=6, clip_on=False, label=label)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        for axis, label in (
            (axes.xaxis, "mean score of a bin, % (logarithmic); above: its transactions"),
            (axes.yaxis, "fraud rate, % (logarithmic)"),
        ):
            axis.set_major_locator(LogLocator(numticks=8))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{100 * value:.4g} %"))
            axis.set_label_text(label)
        axes.grid()
        _legend(figure, axes)

    return _picture("Calibration: what scores promise and what came", _HEIGHT + 0.4, paint)


def importance(shares: Sequence[tuple[str, float]]) -> str:
    """Features and their shares of the total gain, 0 to 1, from the greatest."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(shares))
        bars = axes.barh(places, [share for _, share in shares], height=0.7, color=BLUE)
        axes.bar_label(bars, [formats.share(share) for _, share in shares], padding=4, fontsize=_SMALL)
        axes.set_yticks(places, [short(formats.name(name)) for name, _ in shares], fontsize=_SMALL)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * (max(share for _, share in shares) or 1))
        axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
        axes.set_xlabel("share of what all splits gain, %")
        plain(axes, upright=False)

    title = "The most important feature" if len(shares) == 1 else f"The {len(shares)} most important features"
    return _picture(title, 1.0 + 0.195 * len(shares), paint)


def _legend(figure: Figure, axes: Axes) -> None:
    """Outside, where no line can run through it."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=_SMALL)


def _picture(title: str, height: float, paint: Callable[[Figure], None]) -> str:
    def titled(figure: Figure) -> None:
        figure.set_figwidth(_WIDTH)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08)
        figure.suptitle(title, x=0.015, ha="left", fontsize=11, fontweight="bold")
        paint(figure)

    inline = draw("card", title, height, titled)
    # Colours, not variables: not everything that shows a card knows those. The first ones are the page's light ones.
    css = resources.files("fraudstack.report").joinpath("page.css").read_text(encoding="utf-8")
    colours = dict(reversed(re.findall(r"--(\w+): (#\w+)", css)))
    for name, colour in colours.items():
        inline = inline.replace(f"var(--{name})", colour)
    size = f'width="{_WIDTH * _PIXELS:.0f}" height="{height * _PIXELS:.0f}"'
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    root, inner = inline.split(">", 1)
    # A ground of its own makes it readable on a dark page.
    ground = f'<rect width="100%" height="100%" fill="{colours["card"]}"/>'
    return f"{root.replace('<svg', f'<svg {names} {size}', 1)}><title>{escape(title)}</title>{ground}{inner}\n"
