"""Raw files of transactions, read whole: each line cast and judged, ids told apart; the store isn't looked at."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import Observation, SparkSession
from pyspark.sql import functions as F

from fraudstack.columns.mapping import Mapping
from fraudstack.columns.mapping import asked as mapping_of
from fraudstack.columns.tokens import without_numbers
from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.reading.header import names_of
from fraudstack.schema import RAW
from fraudstack.settings import Settings
from fraudstack.storage import labels
from fraudstack.storage.forms import KEPT, Forms, formed
from fraudstack.storage.transactions import bulk as transactions
from fraudstack.texts import LONGEST_DESCRIPTION, kept
from jobs.raw import columns, lines
from jobs.raw.files import Input, prepared, readable
from jobs.raw.fingerprint import fingerprint, hashed
from jobs.raw.parse import parsed
from jobs.raw.repeats import ids_rise, repeated
from jobs.spark.phase import spark_phase

ACCEPTED = pc.is_null(pc.field("reason"))
_EVERY = pc.scalar(True)
_DESCRIBED: Forms = {**KEPT, "description": partial(kept, most=LONGEST_DESCRIPTION, lines=True)}


@dataclass
class Judged:
    """A file read whole: Parquet rows, and the positions of accepted rows that are refused after all."""

    given: Input
    rows: Path
    header: list[str]
    mapping: Mapping | None
    currency: str
    rows_in: int
    fingerprint: str
    reasons: dict[str, int]
    # Columns position, reason: repeated ids, conflicts with the store; reason is NULL of what says the same again.
    refused: pa.Table
    repeated: int = 0

    def accepted(self) -> Iterator[pa.RecordBatch]:
        """The rows to load, a batch at a time: transactions.bulk.STAGED, or DESCRIBED where the file has such."""
        described = self.mapping and self.mapping.columns.description
        forms = _DESCRIBED if described else KEPT
        for found in self._read(transactions.DESCRIBED if described else transactions.STAGED):
            yield formed(found, forms)

    def labels(self) -> Iterator[pa.RecordBatch]:
        """The labels of the rows to load, of those that have one: storage.labels.STAGED."""
        given = pa.schema([field for field in labels.STAGED if field.name != "known_at"])
        for found in self._read(given, pc.is_valid(pc.field("is_fraud"))):
            yield found.append_column("known_at", pa.nulls(found.num_rows, labels.STAGED.field("known_at").type))

    def _read(self, schema: pa.Schema, keep: pc.Expression = _EVERY) -> Iterator[pa.RecordBatch]:
        refused = self.refused.column("position")
        keep = keep & ACCEPTED
        if len(refused):
            keep = keep & ~pc.is_in(pc.field("position"), value_set=refused)
        for found in ds.dataset(self.rows).to_batches(columns=schema.names, filter=keep):
            if found.num_rows:
                yield found.cast(schema)

    def refuse(self, refused: pa.Table) -> None:
        """Count out rows (columns position, reason) that were accepted so far; those without a reason are repeated."""
        self.refused = pa.concat_tables([self.refused, refused.cast(self.refused.schema)])
        self.repeated += refused.column("reason").null_count
        for value in pc.value_counts(refused.column("reason").drop_null()).to_pylist():
            self.reasons[value["values"]] = self.reasons.get(value["values"], 0) + value["counts"]

    @property
    def quarantined(self) -> int:
        """Rows refused so far."""
        return sum(self.reasons.values())


def judge(spark: SparkSession, settings: Settings, staging: Path, phases: Phases) -> Judged:
    """Read every line of TX_CSV_PATH, as TX_COLUMNS says if it does, and decide what becomes of it.

    The store isn't looked at.
    """
    mapping = mapping_of(settings)
    said = (mapping.encoding, mapping.separator) if mapping else (None, None)
    given = prepared(spark, settings.csv_path, staging, phases, *said)
    header = _header(given, mapping)
    currency = mapping.currency(settings) if mapping else settings.currency
    rows = staging / "rows"
    seen = Observation()
    with spark_phase(spark, phases, "clean: read and cast"):
        numbered = lines.numbered(spark, given)
        record = F.when(~F.col("is_first"), F.col("line"))
        numbered = numbered.observe(seen, F.count(record).alias("rows"), *hashed(record))
        with readable(given.names):
            keyed = columns.with_key(spark, numbered, mapping)
            parsed(keyed, header, currency, given.start.separator, mapping).write.parquet(str(rows))
    reason = ds.dataset(rows).to_table(columns=["reason"], filter=~ACCEPTED).column("reason")
    counted = {row["values"]: row["counts"] for row in pc.value_counts(reason).to_pylist()}
    counted.pop("header", None)
    if "another header" in counted:
        _refuse_header(spark, given, rows)
    rows_in = seen.get["rows"]
    judged = Judged(
        given=given,
        rows=rows,
        header=header,
        mapping=mapping,
        currency=currency,
        rows_in=rows_in,
        fingerprint=fingerprint(rows_in, seen.get, header),
        reasons=counted,
        refused=pa.table({"position": pa.array([], pa.int64()), "reason": pa.array([], pa.string())}),
    )
    if mapping and mapping.columns.id is None:
        with spark_phase(spark, phases, "clean: rows alike"):
            columns.number_alike(spark, given, rows)
    # Made ids never rise, and are told apart within a file.
    if not (mapping and mapping.columns.id is None and len(given.names) == 1) and not ids_rise(rows, ACCEPTED):
        with spark_phase(spark, phases, "clean: repeated ids"):
            accepted = spark.read.parquet(str(rows)).where("reason IS NULL")
            several = accepted.groupBy("id").count().where("count > 1").select("id")
            in_order = lines.in_file_order(spark, given, accepted.join(several, "id"))
            judged.refuse(repeated(in_order, ["file_order", "position"], transactions.STAGED.names))
    return judged


def _header(given: Input, mapping: Mapping | None) -> list[str]:
    if mapping:
        mapping.check_header(given.start.names, given.first)
        return given.start.names
    header = names_of(given.start, given.first)
    if absent := [name for name in RAW if name not in header]:
        given.said.append(f"{given.first} has no column {', '.join(absent)}: what belongs there stays empty")
    return header


def _refuse_header(spark: SparkSession, given: Input, rows: Path) -> None:
    other = spark.read.parquet(str(rows)).where("reason = 'another header'").select("position", "reason")
    for row in lines.located(spark, given, other).orderBy("file").limit(1).collect():
        raise InputError(f"{row.file} has another header than the first file: {without_numbers(row.text[:200])}")
