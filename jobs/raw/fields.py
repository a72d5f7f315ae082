"""The rules of fraudstack.fields as Spark's expressions: the same patterns and steps, no Python function a row."""

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F

from fraudstack.fields import amounts, dates, ids, nothing
from fraudstack.fields.rewriting import Step

_NOTHING = ", ".join("'" + word.replace("\\", r"\\") + "'" for word in ("", "\u00a0", *sorted(nothing.WORDS)))


def matches(text: Column, pattern: str) -> Column:
    """Whether a text matches as a whole."""
    # \z is the end; $ would also stand before a line break of Unicode's at the end.
    return text.rlike(rf"^(?:{pattern})\z")


def text(name: str) -> Column:
    """The trimmed text in a column; NULL where it says nothing."""
    # As SQL, all words at once: sent to Java one by one they cost half of what a small file's whole load does.
    return F.expr(
        f"CASE WHEN length({name}) <= {nothing.LONGEST} AND lower({name}) IN ({_NOTHING}) THEN NULL ELSE {name} END"
    )


def key(text: Column) -> Column:
    """The id of a client, card or merchant, from a trimmed text."""
    is_float = text.endswith(".0") & matches(text, ids.FLOAT)
    return F.when(is_float, F.substring(text, F.lit(1), F.length(text) - 2)).otherwise(text)


def number(text: Column, pattern: str, kind: str) -> Column:
    """A whole number of a pattern of fraudstack.fields.ids as Spark's `kind`, from a trimmed text; else NULL."""
    return F.when(matches(text, pattern), F.replace(text, F.lit(".0"), F.lit("")).try_cast(kind))


def zip_code(text: Column) -> Column:
    """A zip, of which a number has five digits: programs lose the zeros in front."""
    is_number = matches(text, r"[0-9]{1,5}(?:\.0)?")
    return F.when(is_number, F.lpad(F.replace(text, F.lit(".0"), F.lit("")), 5, "0")).otherwise(text)


def date(text: Column) -> Column:
    """A time in UTC (timestamp_ntz), to the second, from a trimmed text; else NULL"""

    def part(group: int) -> Column:
        return F.regexp_extract(text, rf"^{dates.PATTERN}\z", group)

    local = F.concat_ws(" ", part(1), part(2)).try_cast("timestamp_ntz")
    minutes = sum((F.coalesce(part(n).try_cast("int"), F.lit(0)) * m for n, m in ((4, 60), (5, 1))), F.lit(0))
    ahead = F.when(part(3) == "-", -minutes).otherwise(minutes)
    utc = F.timestamp_add("MINUTE", -ahead, local)
    found = F.when(matches(text, dates.PLAIN), text.try_cast("timestamp_ntz")).when(matches(text, dates.PATTERN), utc)
    # As text: a year of four digits sorts as it is written, and none before is carried further.
    return F.when(F.substring(text, 1, 4) >= str(dates.FIRST.year - 1), found)


def cents(text: Column, currency: str, decimal: amounts.Decimal | None = None, *, commas_group: bool = True) -> Column:
    """An amount in whole cents (bigint), from a trimmed text; NULL where it can't be read, or in two ways."""
    number = F.translate(text, amounts.MINUS, "-")
    for step in amounts.steps(currency, decimal, commas_group=commas_group):
        number = _taken(number, step)
    # Nearly every amount is plain, and needs no steps.
    dollar = r"\$?" if decimal is None else ""
    plain = matches(text, f"{dollar}{amounts.PLAIN}")
    odd = let(number, lambda number: _cents(number, decimal))
    bare = F.replace(text, F.lit("$"), F.lit(""))
    return odd if decimal == "," else F.when(plain, _rounded(bare.try_cast("double"))).otherwise(odd)


def _taken(text: Column, step: Step) -> Column:
    whole = rf"^(?:{step.pattern})\z"
    if not step.drop:
        return F.regexp_replace(text, whole, step.put)
    return let(text, lambda text: F.when(text.rlike(whole), F.translate(text, step.drop, "")).otherwise(text))


def _cents(number: Column, decimal: amounts.Decimal | None) -> Column:
    # Ten digits and two fit a double many times over: rounding finds the exact cents, faster than decimals.
    units = number.try_cast("double")
    exact = _rounded(units)
    is_whole = (F.abs(units * 100 - exact) < 1e-6) & (F.abs(exact) < amounts.MOST_CENTS)
    is_number = matches(number, amounts.number_pattern(decimal))
    return F.when(is_number | (matches(number, amounts.EXPONENT) & is_whole), exact)


def let(value: Column, of: Callable[[Column], Column]) -> Column:
    """What is made of a value that is named several times: as expressions, each naming would be a copy of it."""
    return F.get(F.transform(F.array(value), of), F.lit(0))


def _rounded(units: Column) -> Column:
    return F.round(units * 100).try_cast("bigint")
