"""From matplotlib to an inline SVG that takes its colours, light or dark, from the page."""

import re
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from typing import Any, NamedTuple

from cycler import cycler
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Each stands for a colour of page.css. The three hues differ in lightness too, so that every kind of
# colour vision tells them apart: Okabe and Ito (2008), "Color Universal Design".
INK, AXIS, GRID, BLUE, ORANGE, GREEN = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {INK: "ink", AXIS: "axis", GRID: "grid", BLUE: "blue", ORANGE: "orange", GREEN: "green"}

# Inches: half of a page of 1280 px, and still readable at a phone's 360.
_WIDTH = 4.8
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": AXIS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=[INK]),
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": AXIS,
    "ytick.color": AXIS,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    # Names come from files: a dollar sign in one begins no formula.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "fraudstack",
}
_LONGEST_NAME = 34


class Chart(NamedTuple):
    """A figure of the page, with the numbers behind it; without a picture where there is nothing to draw."""

    # Keeps the picture's ids apart from those of others.
    key: str
    title: str
    # What is to be seen, in a sentence.
    finding: str
    svg: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    # How many columns hold names; numbers follow.
    names: int = 1


def draw(key: str, label: str, height: float, paint: Callable[[Figure], None]) -> str:
    """What `paint` draws on a figure of so many inches, as an `<svg>` that scales; `label` is read aloud."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        paint(figure)
        written = StringIO()
        figure.savefig(written, format="svg", transparent=True)
    return _inline(written.getvalue(), key, label)


def plain(axes: Axes, *, upright: bool) -> None:
    """Leave of an axes with upright or lying bars the grid behind them and the line they stand on."""
    axes.grid(axis="y" if upright else "x")
    axes.spines["left" if upright else "bottom"].set_visible(False)
    axes.tick_params(length=0)
    if upright:
        axes.margins(x=0.01)
    else:
        axes.margins(y=0.02)


def count_ticks(axis: Axis) -> None:
    """Ticks at whole numbers, with separators."""
    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10], integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.0f}"))


def short(name: str) -> str:
    """A name that fits beside a chart."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def _inline(document: str, key: str, label: str) -> str:
    body = document[document.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', body)
    inner = body[body.index(">") + 1 :]
    # Only what is referred to needs an id, and it must be the page's only one of that name.
    inner = re.sub(r'<g id="[^"]*"', "<g", inner)
    inner = re.sub(r'\bid="', f'id="{key}-', inner)
    inner = inner.replace('href="#', f'href="#{key}-').replace("url(#", f"url(#{key}-")
    for placeholder, variable in _VARIABLES.items():
        inner = inner.replace(placeholder, f"var(--{variable})")
    return f'<svg {view.group() if view else ""} role="img" aria-label="{escape(label)}">{inner}'
