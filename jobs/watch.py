"""What is watched of the model in force: how far its features and scores move, and how good it turns out to be."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from fraudstack.model import drift, registry
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.rules.config import RulesFile
from fraudstack.settings import Settings
from fraudstack.storage import events
from fraudstack.storage.model_days import bulk as model_days_bulk
from jobs.features import fold
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import Step, step

# Days that are watched one by one, each by what came in the week up to it.
_WATCHED, _WEEK = 60, 7


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Measure the model on the latest weeks, by the features of all transactions; without a model nothing."""
    rules = config.load(settings.rules_path or config.DEFAULT)
    with step(settings, run_id, "watch", phases) as this:
        champion = registry.champion(settings.model_dir)
        if champion is None:
            this.summary.said.append("nothing to do: no model is in force")
            return this.summary
        with phases.phase("watch: read transactions") as advance:
            batches = events.stream(this.store, this.connection)
            this.summary.rows_in = exported(batches, events.COLUMNS, this.staging / "events", advance)
        history = spark.read.parquet(str(this.staging / "events"))
        figures = this.staging / "features"
        with spark_phase(spark, phases, "watch: features"):
            fold.point_in_time(history, champion.label_delay).write.parquet(str(figures))
        with phases.phase("watch: measure"):
            _watch(this, figures, champion, rules.file)
    return this.summary


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
    unseen = days >= champion.first_unseen
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
    model_days_bulk.put(this.store, this.connection, rows_of)
