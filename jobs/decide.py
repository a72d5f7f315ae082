"""What would have been decided of every transaction that nobody decided, after a load that was large."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage import events, outdated
from fraudstack.storage.decisions import bulk as decisions_bulk
from fraudstack.storage.outdated import bulk as rebuild
from jobs.features import fold, walk
from jobs.features.replay import decided
from jobs.features.scoring import probabilities
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import step

_SAID = "nothing alarming"


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Decide the history by what was known at each time, each part by a model made before it; loaded counts decisions.

    What the scorer decides meanwhile stands. Without any label the rules decide alone.
    """
    rules = config.load(settings.rules_path or config.DEFAULT)
    delay = settings.label_delay
    with step(settings, run_id, "decide", phases) as this:
        with phases.phase("decide: read transactions") as advance:
            batches = events.stream(this.store, this.connection)
            this.summary.rows_in = exported(batches, events.COLUMNS, this.staging / "events", advance)
        with phases.phase("decide: read decisions") as advance:
            before = decisions_bulk.decided(this.store, this.connection)
            exported(before, decisions_bulk.IDS, this.staging / "known", advance)
        history = spark.read.parquet(str(this.staging / "events"))
        figures = this.staging / "features"
        with spark_phase(spark, phases, "decide: features"):
            fold.point_in_time(history, delay).write.parquet(str(figures))
        speakers = walk.forward(settings, figures, phases)
        if speakers:
            with spark_phase(spark, phases, "decide: models"):
                said = probabilities(spark.read.parquet(str(figures)), speakers)
                said.write.parquet(str(this.staging / "said"))
            history = history.join(spark.read.parquet(str(this.staging / "said")), "id", "left")
        with spark_phase(spark, phases, "decide: rules and models"):
            replayed = decided(history, {"way": rules.file}, delay).select("id", "model_version", "way.*")
            known = spark.read.parquet(str(this.staging / "known"))
            new = replayed.join(known, "id", "left_anti").orderBy("id")
            new.write.parquet(str(this.staging / "decided"))
        found = ds.dataset(this.staging / "decided")
        with phases.counted("decide: load", found.count_rows()) as on_rows:
            now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
            rows = _rows(found, rules.version)
            this.summary.loaded = decisions_bulk.insert(this.store, this.connection, rows, now, on_rows)
        rebuild.made(this.store, this.connection, outdated.DECISIONS)
    return this.summary


def _rows(found: ds.Dataset, rules_version: str) -> Iterator[pa.RecordBatch]:
    for batch in found.to_batches():
        rows = batch.num_rows
        if not rows:
            continue
        yield pa.record_batch(
            {
                "id": batch.column("id"),
                "score": batch.column("score"),
                "suspicious": batch.column("suspicious").cast(pa.int32()),
                "decision": batch.column("decision"),
                "reason": pc.fill_null(batch.column("reason"), _SAID),
                "reasons": pc.fill_null(batch.column("reasons"), "[]"),
                "rules_version": pa.repeat(rules_version, rows),
                "model_version": batch.column("model_version"),
            }
        )
