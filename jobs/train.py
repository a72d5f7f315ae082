"""A model is trained: features by Spark, trees by LightGBM."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from fraudstack.decisions import champions
from fraudstack.model import artefact, fit, protocol, registry
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.features import examples
from jobs.features.scoring import scores_by_rules
from jobs.steps.staging import check_folder
from jobs.steps.summary import Summary


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Train a candidate on the store, up to its last labelled day or TX_MODEL_UNTIL; loaded counts examples."""
    delay = settings.label_delay
    with check_folder(settings) as staging:
        rows = examples.of_store(spark, settings, delay, staging, phases)
        asked = settings.model_until
        until = protocol.day_of(str(asked)) if asked else examples.labelled_days(rows)[1]
        with phases.phase("train: fit"):
            model, tried = fit.fitted(examples.labelled(spark, rows, until), until, delay)
        if tried is not None:
            by_rules = scores_by_rules(spark, settings, delay, staging, phases, int(tried.examples.days[0]))
            tried = replace(tried, by_rules=by_rules(tried.examples.ids))
    model.facts["run_id"] = run_id
    candidate = settings.model_dir / registry.CANDIDATE
    artefact.save(model, candidate)
    if tried is not None:
        fit.save_tried(tried, candidate)
    with champions.opened(settings) as connection:
        champions.keep_candidate(connection, settings.model_dir)
    learned = int(str(model.facts["examples"]))
    phases.say(f"train: model {model.version} of {learned:,} transactions until {np.datetime64(until, 'D')}")
    return Summary("train", rows_in=learned, loaded=learned)


def train(spark: SparkSession, settings: Settings, until: int, delay: int, out: Path, phases: Phases) -> Model:
    """Fit a model on raw files up to a day, of which the labels were known `delay` days later, and keep it."""
    with check_folder(settings) as staging:
        rows, data = examples.of_files(spark, settings, delay, staging, phases)
        with phases.phase("train: fit"):
            model = fit.fit(examples.labelled(spark, rows, until), until, delay)
    model.facts["data"] = data
    artefact.save(model, out)
    return model
