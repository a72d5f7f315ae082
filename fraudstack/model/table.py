"""What models reached, as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Row:
    """What one model reached on one fold, or on all as a mean."""

    fold: str
    model: str
    figures: Mapping[str, float]


def table(rows: Sequence[Row]) -> Table:
    """A line for each, with the measures as columns; counts are whole."""
    made = Table(box=None, pad_edge=False)
    for name in ("fold", "model"):
        made.add_column(name, no_wrap=True)
    for name in rows[0].figures:
        # In a narrow window, too, each measure keeps its name.
        made.add_column(name.replace("_", "\n").replace("@", "\n@"), justify="right")
    for row in rows:
        figures = (f"{one:,}" if isinstance(one, int) else f"{one:.4f}" for one in row.figures.values())
        made.add_row(row.fold, row.model, *figures)
    return made
