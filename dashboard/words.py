"""Figures as people read them."""

NOTHING = "–"


def count(number: int | None) -> str:
    """A whole number with separators."""
    return NOTHING if number is None else f"{number:,}"


def money(cents: int | None, currency: str = "") -> str:
    """Whole cents as an amount with separators, exact to the cent."""
    if cents is None:
        return NOTHING
    units, rest = divmod(abs(cents), 100)
    said = f"{'-' if cents < 0 else ''}{units:,}.{rest:02}"
    return f"{said} {currency}".rstrip()


def share(part: float | None, digits: int = 1) -> str:
    """A share, 0 to 1, in per cent."""
    return NOTHING if part is None else f"{part:.{digits}%}"


def change(now: float, before: float) -> str | None:
    """The relative change of a figure, signed; None where there is nothing to compare with."""
    return f"{(now - before) / abs(before):+,.1%}" if before else None


def yes_no(flag: int | None) -> str:
    """A flag of which perhaps nothing is said yet."""
    return NOTHING if flag is None else "yes" if flag else "no"
