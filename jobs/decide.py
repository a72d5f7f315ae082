"""What would have been decided of every transaction that nobody decided, and what is watched of the model in force."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

from fraudstack.features import DAY, NAMES
from fraudstack.model import drift, registry
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.rules.config import RulesFile
from fraudstack.settings import Settings
from fraudstack.storage import decision_load, events, model_days_load
from jobs import features, walk
from jobs.replay import decided
from jobs.scoring import first_unseen, probabilities
from jobs.step import Step, Summary, exported, spark_phase, step

# Days that are watched one by one, each by what came in the week up to it.
_WATCHED, _WEEK = 60, 7
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
            before = decision_load.decided(this.store, this.connection)
            exported(before, decision_load.IDS, this.staging / "known", advance)
        history = spark.read.parquet(str(this.staging / "events"))
        figures = this.staging / "features"
        with spark_phase(spark, phases, "decide: features"):
            features.point_in_time(history, delay).write.parquet(str(figures))
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
            this.summary.loaded = decision_load.insert(this.store, this.connection, rows, now, on_rows)
        with phases.phase("decide: count days"):
            decision_load.count_days(this.store, this.connection)
        champion = registry.champion(settings.model_dir)
        if champion is not None:
            with phases.phase("decide: watch the model"):
                _watch(this, figures, champion, rules.file)
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


def _watch(this: Step, figures: Path, champion: Model, rules: RulesFile) -> None:
    """Keep how far features and scores of the latest weeks have moved, and how well known labels were told."""
    known = champion.facts.get("reference", {})
    rows = ds.dataset(figures)
    extent = pc.min_max(rows.to_table(columns=["seconds"]).column("seconds")).as_py()
    if extent["max"] is None:
        return
    last = extent["max"] // DAY
    recent = rows.to_table(
        columns=["seconds", "is_fraud", *NAMES], filter=pc.field("seconds") >= (last - _WATCHED - _WEEK + 2) * DAY
    ).combine_chunks()
    days = recent.column("seconds").to_numpy() // DAY
    columns = {name: recent.column(name).to_numpy().astype(np.float32) for name in NAMES}
    columns["score"] = champion.scores(np.column_stack([columns[name] for name in NAMES]))
    unseen = days >= first_unseen(champion)
    fraud, labelled = (recent.column("is_fraud").fill_null(-1).to_numpy() == said for said in (1, 0))
    alert = columns["score"] >= rules.model.alert_at
    measured: list[tuple[int, str, float, int]] = []
    for day in range(last - _WATCHED + 1, last + 1):
        inside = (days > day - _WEEK) & (days <= day)
        moved = drift.indices(known, {name: values[inside] for name, values in columns.items()})
        measured += [(day, f"psi:{name}", index, int(inside.sum())) for name, index in moved.items()]
        # What the model had learned from says nothing of how good it is.
        found = inside & unseen & fraud
        alerted = inside & unseen & alert & (fraud | labelled)
        for name, of in (("precision", alerted), ("recall", found)):
            sample = int(of.sum())
            if sample >= drift.LEAST_LABELLED:
                measured.append((day, name, float((of & alert & fraud).sum() / sample), sample))
    rows_of = [
        {
            "day": str(np.datetime64(day, "D")),
            "model_version": champion.version,
            "measure": name,
            "value": value,
            "sample": sample,
        }
        for day, name, value, sample in measured
    ]
    model_days_load.put(this.store, this.connection, rows_of)
