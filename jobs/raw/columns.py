"""Columns of others as Spark's expressions: what fraudstack.columns.rows does with a row, with no Python function."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from fraudstack.columns import formats, made_ids, rows, tokens
from fraudstack.columns.mapping import AmountSource, DateSource, IdSource, KeySource, Mapping, Source, TextSource
from fraudstack.fields.ids import FIRST_MADE
from jobs.raw import fields
from jobs.raw.files import Input
from jobs.raw.lines import in_file_order

Raw = Callable[[str], Column]
_INNER, _OUTER = "token_inner", "token_outer"
_PLAIN_CENTS = "-?[0-9]{1,10}"


@dataclass(frozen=True)
class Others:
    """A mapping over the columns of a file: `raw` gives what stands in one of them, trimmed."""

    mapping: Mapping
    raw: Raw

    def sources(self) -> list[Column]:
        """What the columns are made of, as texts with names; the other methods are about rows that have them."""
        found = []
        for name, source in self.mapping.columns.given().items():
            text = self._joined(source)
            found.append(text.alias(f"source_{name}"))
            if isinstance(source, TextSource) and source.values is not None:
                meant = _map({key: value.strip(" ") for key, value in source.values.items()})
                found.append(F.try_element_at(meant, text).alias(f"meant_{name}"))
        return found

    def text(self, name: str) -> Column:
        """What stands for one of the contract's columns, trimmed; NULL where nothing does."""
        source = self.mapping.columns.given().get(name)
        if source is None:
            return F.lit(None).cast("string")
        return self._token(name) if isinstance(source, KeySource) and source.token else F.col(self._meant(name))

    def typed(self, currency: str, *, commas_group: bool) -> dict[str, Column]:
        """The columns that the mapping types itself: date, cents, is_fraud, and id where it is a digest."""
        columns = self.mapping.columns
        found = {
            "date": _date(columns.date, F.col("source_date")),
            "cents": self._cents(columns.amount, currency, commas_group=commas_group),
        }
        if isinstance(columns.id, IdSource) and columns.id.digest:
            text = F.col("source_id")
            found["id"] = F.when(text != "", _made_id(text))
        if columns.description:
            found["description"] = fields.text(self._meant("description"))
        if columns.is_fraud:
            text = F.col("source_is_fraud")
            known = text if columns.is_fraud.values else F.lower(text)
            meanings = {key: str(int(meant)) for key, meant in columns.is_fraud.meanings().items() if meant is not None}
            found["is_fraud"] = F.try_element_at(_map(meanings), known).cast("int")
        return found

    def reasons(self) -> list[tuple[Column, str]]:
        """Why a row can't be loaded that has the right number of fields, in order."""
        found = []
        for name, source in self.mapping.columns.given().items():
            text = F.col(f"source_{name}")
            if isinstance(source, TextSource) and source.values is not None:
                unknown = ~text.isin(*source.values) & fields.text(f"source_{name}").isNotNull()
                found.append((unknown, f"unknown {name}"))
            if isinstance(source, KeySource) and source.token:
                found.append((fields.matches(text, tokens.ROUNDED), f"bad {name}"))
        if label := self.mapping.columns.is_fraud:
            text = F.col("source_is_fraud")
            known = text if label.values else F.lower(text)
            found.append((~known.isin(*label.meanings()) & fields.text("source_is_fraud").isNotNull(), "bad is_fraud"))
        return found

    def _meant(self, name: str) -> str:
        """The name of the text that stands for a column."""
        source = self.mapping.columns.given()[name]
        return f"meant_{name}" if isinstance(source, TextSource) and source.values is not None else f"source_{name}"

    def _joined(self, source: Source) -> Column:
        if source.names is None:
            return F.lit(source.value)
        texts = [self.raw(name.lower()) for name in source.names]
        return texts[0] if len(texts) == 1 else F.concat_ws(" ", *(F.nullif(text, F.lit("")) for text in texts))

    def _token(self, name: str) -> Column:
        """HMAC of what SHA-256 there is: the key's blocks lie in columns, so that no plan shows them."""
        key = self.mapping.key
        assert key is not None  # noqa: S101 - asked for at load
        text = fields.key(F.col(self._meant(name)))
        number = F.regexp_replace(text, tokens.PARTED, "").cast("binary")
        inner = F.unhex(F.sha2(F.concat(F.col(_INNER), number), 256))
        token = F.left(F.sha2(F.concat(F.col(_OUTER), inner), 256), F.lit(tokens.DIGITS))
        said = fields.text(self._meant(name)).isNotNull() & ~fields.matches(text, tokens.ROUNDED)
        return F.when(said, F.concat(F.lit(f"k{key.version}-"), token))

    def _cents(self, source: AmountSource, currency: str, *, commas_group: bool) -> Column:
        text = F.col("source_amount")
        cents = fields.cents(text, currency, source.decimal, commas_group=commas_group)
        if source.unit:
            hundredth = fields.let(cents, lambda cents: F.when(cents % 100 == 0, (cents / 100).cast("bigint")))
            cents = F.when(fields.matches(text, _PLAIN_CENTS), text.try_cast("bigint")).otherwise(hundredth)
        if source.sign:
            minus = self.raw(source.sign.name.lower()).isin(*source.sign.minus)
            cents = fields.let(cents, lambda cents: F.when(minus, F.when(cents >= 0, -cents)).otherwise(cents))
        return cents


def with_key(spark: SparkSession, lines: DataFrame, mapping: Mapping | None) -> DataFrame:
    """The lines beside the key of the tokens that are asked for."""
    if mapping is None or mapping.key is None:
        return lines
    inner, outer = mapping.key.blocks()
    blocks = spark.createDataFrame(pa.table({_INNER: pa.array([inner]), _OUTER: pa.array([outer])}))
    return lines.crossJoin(F.broadcast(blocks))


def made_id(typed: list[str], without: tuple[str, ...]) -> Column:
    """The id of a row by its typed columns, as fraudstack.columns.made_ids makes it."""
    texts = []
    for name in made_ids.CONTENT:
        known = name in typed and name not in without
        value = F.col(name) if known else F.lit(None)
        if known and name == "date":
            value = F.unix_seconds(value.cast("timestamp"))
        text = F.coalesce(value.cast("string"), F.lit(""))
        texts += [F.length(text).cast("string"), F.lit(":"), text]
    return _made_id(F.concat(*texts))


def another_id(id: Column, number: Column) -> Column:
    """The id of a row like others before it in its file."""
    return _made_id(F.concat_ws(":", id.cast("string"), number.cast("string")))


def number_alike(spark: SparkSession, given: Input, staged: Path) -> None:
    """Give rows that are alike within a file ids of their own, but for the first, and stage all rows anew."""
    rows = spark.read.parquet(str(staged))
    accepted = rows.where("reason IS NULL").select("id", "position")
    several = accepted.groupBy("id").count().where("count > 1").select("id")
    if several.isEmpty():
        return
    alike = in_file_order(spark, given, accepted.join(several, "id"))
    nth = F.row_number().over(Window.partitionBy("file", "id").orderBy("file_order", "position")) - 1
    later = alike.select("position", "id", nth.alias("nth")).where("nth > 0")
    renamed = later.select("position", another_id(F.col("id"), F.col("nth")).alias("another"))
    known = rows.join(F.broadcast(spark.createDataFrame(renamed.toArrow())), "position", "left")
    rewritten = staged.with_name(f"{staged.name}-numbered")
    known.withColumn("id", F.coalesce("another", "id")).select(*rows.columns).write.parquet(str(rewritten))
    shutil.rmtree(staged)
    rewritten.rename(staged)


def _made_id(text: Column) -> Column:
    digits = F.left(F.sha2(text.cast("binary"), 256), F.lit(made_ids.DIGITS))
    return F.conv(digits, 16, 10).cast("bigint") + F.lit(FIRST_MADE)


def _date(source: DateSource, text: Column) -> Column:
    if source.unix:
        number = F.regexp_extract(text, rf"^{rows.UNIX[source.unix]}\z", 1).try_cast("bigint")
        seconds = F.floor(number / 1000).cast("bigint") if source.unix == "ms" else number
        return F.timestamp_seconds(seconds).cast("timestamp_ntz")
    if not source.format:
        date = fields.date(text)
        zone = source.zone
        if not zone:
            return date
        zoned = F.substring(text, rows.TIME_ENDS + 1, 40).rlike(rows.ZONED)
        return fields.let(date, lambda date: F.when(zoned, date).otherwise(_utc(date, zone)))
    first, *others = formats.steps(source.format)
    # Whatever the text is, the first step takes it; the others leave what they don't match.
    written = F.regexp_replace(text, rf"^(?:{first.pattern})\z", first.put)
    for step in others:
        written = F.regexp_replace(written, rf"^(?:{step.pattern})\z", step.put)
    local = written.try_cast("timestamp_ntz")
    return _utc(local, source.zone) if source.zone else local


def _utc(local: Column, zone: str) -> Column:
    return F.convert_timezone(F.lit(zone), F.lit("UTC"), local)


def _map(texts: dict[str, str]) -> Column:
    return F.create_map(*(F.lit(part) for pair in texts.items() for part in pair)).cast("map<string,string>")
