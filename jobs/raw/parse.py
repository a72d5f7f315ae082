"""A line of a raw file becomes typed columns, or a reason why it can't."""

import re
from datetime import UTC, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.columns.mapping import Mapping
from fraudstack.fields import dates, ids
from fraudstack.schema import DATE_FORMAT, FIRST_ASSIGNED, RAW
from fraudstack.storage.transactions.bulk import STAGED
from jobs.raw import cards, fields
from jobs.raw.columns import Others, Raw, made_id

# Longer lines are no transactions, and regular expressions recurse on them.
_LONGEST = 4096


def parsed(
    lines: DataFrame,
    header: list[str],
    currency: str,
    separator: str = ",",
    mapping: Mapping | None = None,
) -> DataFrame:
    """Lines (position, line, is_first) with the columns of storage.transactions.bulk.STAGED and `reason`.

    reason is NULL for a row that can be loaded, `header` for a file's first line (`another header` if it
    names other columns), else why the row is refused. Amounts are of `currency`, an ISO 4217 code. With a mapping there
    are its columns is_fraud and description as well, and an id is made where it names none; lines then have
    been through columns.with_key.
    """
    split = lines.select("*", F.is_valid_utf8("line").alias("utf8"), _split(separator).alias("fields"))
    raw = _raw(header)
    others = Others(mapping, raw) if mapping else None
    # Named, so that what is asked of a text several times is asked of one.
    if others:
        split = split.select("*", *others.sources())
        raw = others.text
    texts = split.select("*", *(raw(name).alias(f"raw_{name}") for name in (*RAW, "currency")))
    # Who separates by commas has the point before the cents.
    columns = _columns(currency, commas_group=separator == ",")
    if others:
        columns |= others.typed(currency, commas_group=separator == ",")
    typed = texts.select("*", *(column.alias(name) for name, column in columns.items()))
    if mapping and mapping.columns.id is None:
        typed = typed.withColumn("id", made_id([*columns], mapping.tokens))
    extra = [name for name in ("is_fraud", "description") if name in columns]
    reason = _reason(header, currency, others.reasons() if others else [])
    return typed.select("position", reason.alias("reason"), *STAGED.names, *extra)


def _split(separator: str) -> Column:
    line = F.col("line")
    between = re.escape(separator)
    field = rf'(?:"(?:[^"]++|"")*+"|[^"{between}]*+)'
    # \z is the end; $ would also stand before a line break of Unicode's at the end.
    well_quoted = rf"^{field}(?:{between}{field})*+\z"
    outside_quotes = rf'{between}(?=(?:[^"]*+"[^"]*+")*+[^"]*+\z)'
    unquote = F.transform(
        F.split(line, outside_quotes),
        lambda field: F.when(
            field.startswith('"'),
            F.replace(F.substring(field, F.lit(2), F.length(field) - 2), F.lit('""'), F.lit('"')),
        ).otherwise(field),
    )
    short = F.length(line) <= _LONGEST
    plain = short & ~F.contains(line, F.lit('"'))
    return F.when(plain, F.split(line, between)).when(short & line.rlike(well_quoted), unquote)


def _raw(header: list[str]) -> Raw:
    """What stands in a column, trimmed; NULL where the file has no such column."""

    def raw(name: str) -> Column:
        return F.trim(F.get("fields", F.lit(header.index(name)))) if name in header else F.lit(None).cast("string")

    return raw


def _columns(currency: str, *, commas_group: bool) -> dict[str, Column]:
    def text(name: str) -> Column:
        return fields.text(f"raw_{name}")

    return {
        "id": fields.number(F.col("raw_id"), ids.NUMBER, "bigint"),
        "date": fields.date(F.col("raw_date")),
        "cents": fields.cents(F.col("raw_amount"), currency, commas_group=commas_group),
        "zip": fields.zip_code(text("zip")),
        "mcc": fields.number(text("mcc"), ids.MCC, "int"),
        **{name: fields.key(text(name)) for name in ("client_id", "card_id", "merchant_id")},
        **{name: text(name) for name in ("use_chip", "merchant_city", "merchant_state", "errors")},
    }


def _reason(header: list[str], currency: str, more: list[tuple[Column, str]]) -> Column:
    names = F.transform("fields", lambda name: F.lower(F.trim(F.replace(name, F.lit("\ufeff"), F.lit("")))))
    count, width = F.size("fields"), len(header)
    chain = F.when(
        F.col("is_first"), F.when(names == F.array(*map(F.lit, header)), "header").otherwise("another header")
    )
    for condition, reason in (
        (~F.col("utf8") | F.contains("line", F.lit("\0")), "broken encoding"),
        (F.length("line") > _LONGEST, "line too long"),
        (F.col("fields").isNull(), "broken quoting"),
        (count < width, "too few columns"),
        (count > width, "too many columns"),
        *more,
        (F.col("id").isNull(), F.when(fields.text("raw_id").isNull(), "missing id").otherwise("bad id")),
        ((F.col("id") >= FIRST_ASSIGNED) & (F.col("id") < ids.FIRST_MADE), "reserved id"),
        (F.col("date").isNull() | (F.col("date") < _time(dates.FIRST)), "bad date"),
        (F.col("date") > _time(datetime.now(UTC) + dates.AHEAD), "date ahead"),
        (F.col("client_id").isNull(), "missing client_id"),
        (cards.is_card_number(F.col("card_id")), cards.REASON),
        (cards.is_card_number(F.col("client_id")) | cards.is_card_number(F.col("merchant_id")), cards.REASON),
        (F.col("cents").isNull(), "bad amount"),
        (F.upper(fields.text("raw_currency")) != currency, "other currency"),
        (F.col("mcc").isNull() & fields.text("raw_mcc").isNotNull(), "bad mcc"),
    ):
        chain = chain.when(condition, reason)
    return chain


def _time(moment: datetime) -> Column:
    return F.lit(moment.strftime(DATE_FORMAT)).cast("timestamp_ntz")
