"""What models reached, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Row:
    """What one model reached on one fold, or on all as a mean."""

    fold: str
    model: str
    figures: dict[str, float]


def table(rows: Sequence[Row]) -> Table:
    """A line for each, with the measures as columns."""
    made = Table("fold", "model", box=None)
    for name in rows[0].figures:
        made.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for row in rows:
        made.add_row(row.fold, row.model, *(f"{figure:.4f}" for figure in row.figures.values()))
    return made
