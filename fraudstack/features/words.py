"""How the value of a feature is put into words."""

from collections.abc import Callable

Say = Callable[[float], str]
Odd = Callable[[float], bool]


def above(least: float) -> Odd:
    """Out of the ordinary from a value on."""
    return lambda value: value >= least


def below(most: float) -> Odd:
    """Out of the ordinary below a value."""
    return lambda value: value < most


def never(_value: float) -> bool:
    """Of itself it says nothing: it is ordinary, or one can't know."""
    return False


def form(text: str) -> Say:
    """A text with one place for the value, as str.format has it."""
    return text.format


def count(of: str, where: str = "") -> Say:
    """How many of something, `where`."""

    def say(value: float) -> str:
        return f"{value:,.0f} {of}{'' if value == 1 else 's'}{where}"

    return say


def times(what: str, whose: str) -> Say:
    """So many times something else."""
    return lambda value: f"{what} {value:.1f} times {whose}"


def share(what: str) -> Say:
    """A share, 0 to 1, in per cent."""
    return lambda value: f"{value:.1%} {what}"


def since(what: str) -> Say:
    """Whole days since something."""
    return lambda value: f"{value:.0f} day{'' if round(value) == 1 else 's'} since {what}"


def seen(what: str) -> Say:
    """How often something was used before."""

    def say(value: float) -> str:
        return f"{what} used {value:,.0f} time{'' if value == 1 else 's'} before" if value else f"first {what}"

    return say


def either(true: str, false: str) -> Say:
    """One text or the other."""
    return lambda value: true if value else false


def gap(of: str) -> Say:
    """How many seconds, in the largest unit that fits twice, since something."""

    def say(value: float) -> str:
        for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
            if value >= 2 * length:
                return f"{value / length:.0f} {unit} since {of}"
        return f"{value:.0f} seconds since {of}"

    return say
