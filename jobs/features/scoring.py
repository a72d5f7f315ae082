"""Scores of every transaction of a history: by models, each of what came after it had learned; by rules alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.settings import Settings
from jobs.features.fold import Arrays, folding, matrix
from jobs.features.replay import decided
from jobs.spark.phase import spark_phase


def probabilities(figures: DataFrame, speakers: Sequence[tuple[int, Model]]) -> DataFrame:
    """id, probability and model_version of each transaction, of features.COLUMNS.

    `speakers` are models with the first day on which each speaks, in order; before the first nobody says anything.
    """
    firsts = np.array([first for first, _ in speakers])
    models = [model for _, model in speakers]

    def fold(batches: Arrays) -> Arrays:
        for batch in batches:
            rows = matrix(batch)
            days = batch.field("seconds").to_numpy() // DAY
            turns = np.searchsorted(firsts, days, side="right") - 1
            scores = np.empty(len(batch))
            versions = np.empty(len(batch), dtype=object)
            for turn in np.unique(turns):
                some = turns == turn
                scores[some] = models[turn].scores(rows[some])
                versions[some] = models[turn].version
            yield pa.StructArray.from_arrays([pa.array(scores), pa.array(versions)], ["probability", "model_version"])

    later = figures.where(F.col("seconds") >= int(firsts[0]) * DAY)
    folded = folding(fold, "probability double, model_version string", "seconds", *NAMES)
    return later.select("id", folded).select("id", "folded.*")


def scores_by_rules(
    spark: SparkSession, settings: Settings, delay: int, staging: Path, phases: Phases
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Scores (n,) by the rules alone, of the ids (n,) of transactions."""
    folder = staging / "rules"
    rules = config.load(settings.rules_path or config.DEFAULT).file
    with spark_phase(spark, phases, "evaluate: rules"):
        replayed = decided(spark.read.parquet(str(staging / "events")), {"rules": rules}, delay)
        replayed.selectExpr("id", "rules.score AS score").write.parquet(str(folder))
    found = ds.dataset(folder).to_table().sort_by("id")
    ids, scores = found.column("id").to_numpy(), found.column("score").to_numpy()
    return lambda wanted: np.asarray(scores[np.searchsorted(ids, wanted)], dtype=np.float64)
