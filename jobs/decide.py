"""What would have been decided of every transaction that nobody decided, after a load that was large."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraudstack.decisions import champions
from fraudstack.fields.dates import this_second
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage import events, outdated
from fraudstack.storage.decisions import bulk as decisions_bulk
from fraudstack.storage.lists import bulk as lists
from fraudstack.storage.outdated import bulk as rebuild
from jobs.features import fold, scoring, walk
from jobs.features.replay import decided
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
    champions.fetch(settings)
    with step(settings, run_id, "decide", phases) as this:
        with phases.phase("decide: read transactions") as advance:
            batches = events.stream(this.store, this.connection)
            this.summary.rows_in = exported(batches, events.COLUMNS, this.staging / "events", advance)
        with phases.phase("decide: read decisions") as advance:
            before = decisions_bulk.decided(this.store, this.connection)
            exported(before, decisions_bulk.IDS, this.staging / "known", advance)
        listed = lists.every(this.connection)
        history = spark.read.parquet(str(this.staging / "events"))
        figures = this.staging / "features"
        with spark_phase(spark, phases, "decide: features"):
            fold.point_in_time(history, delay, this.staging / "clients").write.parquet(str(figures))
        speakers = walk.forward(spark, settings, figures, phases)
        if speakers:
            with spark_phase(spark, phases, "decide: models"):
                said = scoring.probabilities(spark.read.parquet(str(figures)), speakers, rules.file)
                said.write.parquet(str(this.staging / "said"))
            history = history.join(spark.read.parquet(str(this.staging / "said")), "id", "left")
        with spark_phase(spark, phases, "decide: rules and models"):
            models = {model.version: model for _, model in speakers}
            replayed = decided(history, {"way": rules.file}, delay, listed, models)
            known = spark.read.parquet(str(this.staging / "known"))
            replayed.join(known, "id", "left_anti").write.parquet(str(this.staging / "new"))
        with spark_phase(spark, phases, "decide: what models looked at"):
            new = spark.read.parquet(str(this.staging / "new"))
            wanted = F.col("way.suspicious") | scoring.sampled(settings.figures_share)
            asked = new.where(wanted & F.col("probability").isNotNull())
            kept = scoring.written(spark.read.parquet(str(figures)).join(asked.select("id"), "id"))
            named = new.select("id", "model_version", "probability", "way.*")
            named.join(kept, "id", "left").orderBy("id").write.parquet(str(this.staging / "decided"))
        found = ds.dataset(this.staging / "decided")
        with phases.counted("decide: load", found.count_rows()) as on_rows:
            now = this_second()
            rows = _rows(found, rules)
            this.summary.loaded = decisions_bulk.insert(this.store, this.connection, rows, now, on_rows)
        rebuild.made(this.store, this.connection, outdated.DECISIONS)
    # Whose decisions are in the store is there as well.
    with champions.opened(settings) as connection:
        champions.keep(connection, settings.model_dir, [model.version for _, model in speakers])
    return this.summary


def _rows(found: ds.Dataset, rules: config.Rules) -> Iterator[pa.RecordBatch]:
    for batch in found.to_batches():
        rows = batch.num_rows
        if not rows:
            continue
        losses = zip(batch.column("suspicious").to_pylist(), batch.column("loss").to_pylist(), strict=True)
        below = [int(suspicious and rules.file.below_budget(loss)) for suspicious, loss in losses]
        yield pa.record_batch(
            {
                "id": batch.column("id"),
                "score": batch.column("score"),
                "expected_loss": batch.column("loss"),
                "below_budget": pa.array(below, pa.int32()),
                "suspicious": batch.column("suspicious").cast(pa.int32()),
                "decision": batch.column("decision"),
                "reason": pc.fill_null(batch.column("reason"), _SAID),
                "reasons": pc.fill_null(batch.column("reasons"), "[]"),
                "normal_if": batch.column("normal_if"),
                "rules_version": pa.repeat(rules.version, rows),
                "model_version": batch.column("model_version"),
                "probability": batch.column("probability"),
                "figures": batch.column("figures"),
            }
        )
