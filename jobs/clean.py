"""Raw files of transactions become rows of the table `transactions`; what can't be read goes to quarantine.

Spark reads, splits, casts and judges every line into a staging folder (Parquet); only when the whole input
has been judged and found good enough does the driver load the accepted rows into the store through Arrow.
"""

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
from fraudstack.columns.tokens import masked, without_numbers
from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.reading.header import names_of
from fraudstack.schema import RAW
from fraudstack.settings import Settings
from fraudstack.storage import batch, labels, rebuild, runs, transactions
from fraudstack.storage.forms import KEPT, Forms, formed
from fraudstack.storage.store import parse as parse_store
from fraudstack.texts import LONGEST_DESCRIPTION, kept
from jobs import usual
from jobs.fingerprint import fingerprint, hashed
from jobs.raw import columns, lines, side_files
from jobs.raw.files import Input, prepared, readable
from jobs.raw.parse import parsed
from jobs.repeats import ids_rise, repeated
from jobs.step import CONFLICT, KEPT_OF_A_FAILURE, Step, Summary, check_folder, check_share, spark_phase, step

_ACCEPTED = pc.is_null(pc.field("reason"))
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
        """The rows to load, a batch at a time: storage.transactions.STAGED, or DESCRIBED where the file has such."""
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
        keep = keep & _ACCEPTED
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


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Ingest TX_CSV_PATH (a file or a glob, packed or not) into the store.

    Raises InputError, with the store's transactions as they were, when a file or column is missing or more
    than TX_MAX_REJECT_SHARE of the rows can't be read; the run and its first 100 refused rows are kept then.
    """
    with step(settings, run_id, "clean", phases) as this:
        beside = side_files.read(settings.csv_path)
        judged = judge(spark, settings, this.staging, phases)
        most = transactions.most_entered(this.connection, settings.bulk_share)
        found = _survey(this, judged, phases)
        _note(this.summary, judged)
        try:
            check_share(settings, this.summary, settings.csv_path)
        except InputError:
            _quarantine(spark, run_id, this, judged, phases, at_most=KEPT_OF_A_FAILURE)
            raise
        if found is not None:
            _hold_against_the_usual(settings, this, judged, found)
            if found.new + found.changed > most:
                rebuild.order(this.store, this.connection)
        _load(this, run_id, judged, phases, most)
        _note(this.summary, judged)
        _quarantine(spark, run_id, this, judged, phases)
        runs.tidy(this.store, this.connection, settings.quarantine_rows, settings.quarantine_days)
        for table, rows in beside.tables.items():
            runs.merge_names(this.store, this.connection, table, rows)
        this.summary.said += beside.said
    return this.summary


def check(spark: SparkSession, settings: Settings, phases: Phases) -> Summary:
    """Say what `run` would, without writing to the store; raises InputError where it would."""
    store = parse_store(settings.store_url)
    with check_folder(settings) as staging:
        beside = side_files.read(settings.csv_path)
        judged = judge(spark, settings, staging, phases)
        if store.path is None or store.path.exists():
            # The comparison stages rows in a temporary table, which PostgreSQL wouldn't let a reader make.
            with batch.connect(store, read_only=store.path is not None) as connection:
                if transactions.is_made(store, connection):
                    this = Step(store, connection, staging, Summary("clean"))
                    found = _survey(this, judged, phases)
                    if found is not None:
                        _hold_against_the_usual(settings, this, judged, found)
        summary = Summary("clean")
        _note(summary, judged)
        summary.said += beside.said
        check_share(settings, summary, settings.csv_path)
    return summary


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
    reason = ds.dataset(rows).to_table(columns=["reason"], filter=~_ACCEPTED).column("reason")
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
    if not (mapping and mapping.columns.id is None and len(given.names) == 1) and not ids_rise(rows, _ACCEPTED):
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


def _survey(this: Step, judged: Judged, phases: Phases) -> transactions.Survey | None:
    """Refuse the rows that contradict what was decided online; None where the store is empty."""
    if transactions.is_empty(this.connection):
        return None
    with phases.phase("clean: compare with the store"):
        found = transactions.survey(this.store, this.connection, judged.accepted(), judged.currency)
    _refuse_conflicts(judged, found.conflicts)
    return found


def _hold_against_the_usual(settings: Settings, this: Step, judged: Judged, survey: transactions.Survey) -> None:
    """Tell what is unusual about a file that changes something; raises InputError where that is to stop it."""
    if not survey.new + survey.changed:
        return
    found = usual.unusual(this.connection, judged.accepted())
    if found and settings.unusual == "stop":
        raise InputError(
            f"{settings.csv_path} is unlike what the store has: {'; '.join(found)}; no transaction was changed, and "
            "TX_UNUSUAL=tell, or the param unusual, lets it through"
        )
    judged.given.said.extend(f"unusual: {sentence}" for sentence in found)


def _refuse_conflicts(judged: Judged, ids: list[int]) -> None:
    if ids:
        positions = ds.dataset(judged.rows).to_table(
            columns=["position"],
            filter=_ACCEPTED & pc.is_in(pc.field("id"), value_set=pa.array(ids, pa.int64())),
        )
        fresh = positions.filter(
            pc.invert(pc.is_in(positions.column("position"), value_set=judged.refused.column("position")))
        )
        judged.refuse(fresh.append_column("reason", pa.repeat(CONFLICT, fresh.num_rows)))


def _load(this: Step, run_id: str, judged: Judged, phases: Phases, most: int) -> None:
    with phases.counted("clean: load", judged.rows_in - judged.quarantined - judged.repeated) as on_rows:
        of = batch.next_load(this.connection, run_id, "clean")
        late = transactions.load(this.store, this.connection, judged.accepted(), judged.currency, on_rows, of)
    _refuse_conflicts(judged, late)
    with phases.phase("clean: index"):
        transactions.ensure_indexes(this.store, this.connection)
    if judged.mapping and judged.mapping.columns.is_fraud:
        with phases.counted("clean: labels of the rows", judged.rows_in - judged.quarantined) as on_rows:
            labels.apply(this.store, this.connection, judged.labels(), on_rows, most, of)


def _quarantine(
    spark: SparkSession,
    run_id: str,
    this: Step,
    judged: Judged,
    phases: Phases,
    at_most: int | None = None,
) -> None:
    if not judged.quarantined:
        return
    with spark_phase(spark, phases, "clean: quarantine"):
        unread = spark.read.parquet(str(judged.rows)).where("reason IS NOT NULL AND reason <> 'header'")
        refused = unread.select("position", "reason")
        late = judged.refused.filter(pc.is_valid(judged.refused.column("reason")))
        if late.num_rows:
            refused = refused.union(spark.createDataFrame(late))
        if at_most is not None:
            in_order = lines.in_file_order(spark, judged.given, refused).orderBy("file_order", "position")
            refused = in_order.limit(at_most).select("position", "reason")
        folder = this.staging / "refused"
        found = lines.located(spark, judged.given, refused)
        found.orderBy("file", "line").select(*runs.REFUSED.names).write.parquet(str(folder))
    for rows in ds.dataset(folder).to_batches():
        rows = _hidden(rows, judged)
        runs.quarantine(this.store, this.connection, run_id, "clean", pa.Table.from_batches([rows]).cast(runs.REFUSED))


def _hidden(rows: pa.RecordBatch, judged: Judged) -> pa.RecordBatch:
    """Refused rows without what their file's mapping makes tokens of."""
    if not (judged.mapping and judged.mapping.hidden):
        return rows
    separator, hidden = judged.given.start.separator, judged.mapping.hidden
    texts = [masked(text, separator, judged.header, hidden) for text in rows.column("text").to_pylist()]
    return rows.set_column(rows.schema.get_field_index("text"), "text", pa.array(texts, pa.string()))


def _note(summary: Summary, judged: Judged) -> None:
    summary.rows_in = judged.rows_in
    summary.quarantined = judged.quarantined
    summary.repeated = judged.repeated
    summary.loaded = judged.rows_in - judged.quarantined - judged.repeated
    summary.fingerprint = judged.fingerprint
    summary.header = judged.header
    summary.reasons = judged.reasons
    summary.said = [*judged.given.said]
