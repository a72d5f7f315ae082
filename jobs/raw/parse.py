"""A line of a raw file becomes typed columns, or a reason why it can't."""

import re

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from fraudstack.storage.transactions import STAGED
from jobs.raw import cards

# Longer lines are no transactions, and regular expressions recurse on them.
_LONGEST = 4096
_ID = r"^[0-9]{1,18}\z"
# There is no year 0.
_DATE = r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?\z"
# $-77.00, -$77.00, $1,234.50, 12.5; at most ten digits before the point, and cents are the smallest part.
_AMOUNT = r"^(?:\$?-?|-\$)(?=(?:[0-9],?){1,10}(?:\.|\z))(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{1,2}0*)?\z"
_MCC = r"^[0-9]{1,4}(?:\.0)?\z"
_ZIP = r"^[0-9]{1,5}(?:\.0)?\z"


def parsed(lines: DataFrame, header: list[str], separator: str = ",") -> DataFrame:
    """Lines (position, line, is_first) with the columns of storage.transactions.STAGED and `reason`.

    reason is NULL for a row that can be loaded, `header` for a file's first line (`another header` if it
    names other columns), else why the row is refused.
    """
    split = lines.select(
        "position", "line", "is_first", F.is_valid_utf8("line").alias("utf8"), _fields(separator).alias("fields")
    )
    typed = split.select("*", *_columns(header))
    return typed.select("position", _reason(header).alias("reason"), *STAGED.names)


def _fields(separator: str) -> Column:
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


def _columns(header: list[str]) -> list[Column]:
    def raw(name: str) -> Column:
        return F.trim(F.get("fields", F.lit(header.index(name))))

    def text(name: str) -> Column:
        return F.nullif(raw(name), F.lit("")).alias(name)

    # Ten digits and two fit a double many times over: rounding finds the exact cents, faster than decimals.
    amount = F.translate(raw("amount"), "$,", "").try_cast("double")
    short_zip = F.lpad(F.replace(raw("zip"), F.lit(".0"), F.lit("")), 5, "0")
    return [
        F.when(raw("id").rlike(_ID), raw("id").try_cast("bigint")).alias("id"),
        F.when(raw("date").rlike(_DATE), raw("date").try_cast("timestamp_ntz")).alias("date"),
        text("client_id"),
        text("card_id"),
        F.when(raw("amount").rlike(_AMOUNT), F.round(amount * 100).cast("bigint")).alias("cents"),
        text("use_chip"),
        text("merchant_id"),
        text("merchant_city"),
        text("merchant_state"),
        F.when(raw("zip").rlike(_ZIP), short_zip).otherwise(F.nullif(raw("zip"), F.lit(""))).alias("zip"),
        F.when(raw("mcc").rlike(_MCC), F.replace(raw("mcc"), F.lit(".0"), F.lit("")).try_cast("int")).alias("mcc"),
        text("errors"),
    ]


def _reason(header: list[str]) -> Column:
    def raw(name: str) -> Column:
        return F.trim(F.get("fields", F.lit(header.index(name))))

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
        (raw("id") == "", "missing id"),
        (F.col("id").isNull(), "bad id"),
        (F.col("date").isNull(), "bad date"),
        (F.col("client_id").isNull(), "missing client_id"),
        (cards.is_card_number(F.col("card_id")), cards.REASON),
        (cards.is_card_number(F.col("client_id")) | cards.is_card_number(F.col("merchant_id")), cards.REASON),
        (F.col("cents").isNull(), "bad amount"),
        (F.col("mcc").isNull() & (raw("mcc") != ""), "bad mcc"),
    ):
        chain = chain.when(condition, reason)
    return chain
