"""Raw files of transactions become rows of the table `transactions`; what can't be read goes to quarantine.

Spark reads, splits, casts and judges every line into a staging folder (Parquet); only when the whole input
has been judged and found good enough does the driver load the accepted rows into the store through Arrow.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

from fraudstack.columns.tokens import masked
from fraudstack.errors import InputError
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import labels
from fraudstack.storage.connections import bulk
from fraudstack.storage.connections.store import parse
from fraudstack.storage.loads import bulk as loads_bulk
from fraudstack.storage.outdated import bulk as rebuild
from fraudstack.storage.runs import bulk as runs
from fraudstack.storage.transactions import bulk as transactions
from jobs.raw import lines, side_files, usual
from jobs.raw.transactions import ACCEPTED, Judged, judge
from jobs.spark.phase import spark_phase
from jobs.steps.staging import check_folder
from jobs.steps.summary import CONFLICT, KEPT_OF_A_FAILURE, Summary, check_share
from jobs.steps.turn import Step, step


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
    store = parse(settings.store_url)
    with check_folder(settings) as staging:
        beside = side_files.read(settings.csv_path)
        judged = judge(spark, settings, staging, phases)
        if store.path is None or store.path.exists():
            # The comparison stages rows in a temporary table, which PostgreSQL wouldn't let a reader make.
            with bulk.connect(store, read_only=store.path is not None) as connection:
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
            filter=ACCEPTED & pc.is_in(pc.field("id"), value_set=pa.array(ids, pa.int64())),
        )
        fresh = positions.filter(
            pc.invert(pc.is_in(positions.column("position"), value_set=judged.refused.column("position")))
        )
        judged.refuse(fresh.append_column("reason", pa.repeat(CONFLICT, fresh.num_rows)))


def _load(this: Step, run_id: str, judged: Judged, phases: Phases, most: int) -> None:
    with phases.counted("clean: load", judged.rows_in - judged.quarantined - judged.repeated) as on_rows:
        of = loads_bulk.begin(this.connection, run_id, "clean")
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
