"""Scores of every transaction of a history: by models, each of what came after it had learned; by rules alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from fraudstack.features import DAY, kept
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import Model
from fraudstack.model.online import speaks
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.rules.config import RulesFile
from fraudstack.settings import Settings
from jobs.features.fold import Arrays, exact, folding, matrix
from jobs.features.replay import decided
from jobs.spark.phase import spark_phase


def probabilities(
    figures: DataFrame, speakers: Sequence[tuple[int, Model]], rules: RulesFile | None = None
) -> DataFrame:
    """id, probability and model_version of each transaction, of features.COLUMNS.

    `speakers` are models with the first day on which each speaks, in order; before the first nobody says anything.
    With it stands as `looked_at` (NAMES) what the model looked at, where `rules` let it speak; else NULL.
    """
    firsts = np.array([first for first, _ in speakers])
    models = [model for _, model in speakers]
    versions = np.array([model.version for model in models], dtype=object)

    def fold(batches: Arrays) -> Arrays:
        for batch in batches:
            rows = matrix(batch)
            days = batch.field("seconds").to_numpy() // DAY
            turns = np.searchsorted(firsts, days, side="right") - 1
            scores = scored_in_turns(rows, turns, models)
            looked_at: list[NDArray[np.float64] | None] = [None] * len(batch)
            if rules is not None:
                cents = batch.field("cents").to_pylist()
                speaking = [place for place, score in enumerate(scores) if speaks(score, cents[place], rules)]
                of_speaking = exact(batch.take(pa.array(speaking, pa.int64())))
                for place, row in zip(speaking, of_speaking, strict=True):
                    looked_at[place] = row
            told = pa.array(scores), pa.array(versions[turns]), pa.array(looked_at, pa.list_(pa.float64()))
            yield pa.StructArray.from_arrays(told, ["probability", "model_version", "looked_at"])

    later = figures.where(F.col("seconds") >= int(firsts[0]) * DAY)
    schema = "probability double, model_version string, looked_at array<double>"
    folded = folding(fold, schema, "seconds", "cents", *NAMES)
    return later.select("id", folded).select("id", "folded.*")


def scored_in_turns(rows: NDArray[np.float32], turns: NDArray[np.intp], models: Sequence[Model]) -> NDArray[np.float64]:
    """Probabilities (n,) of rows of figures, each by the model whose turn (n,) it is."""
    scores = np.empty(len(rows))
    for turn in np.unique(turns):
        some = turns == turn
        scores[some] = models[turn].scores(rows[some])
    return scores


def sampled(share: float) -> Column:
    """fraudstack.features.kept.sampled of rows with client_id, seconds and cents."""
    return F.crc32(F.concat_ws(" ", "client_id", "seconds", "cents").cast("binary")) < share * kept.HASHES


def written(figures: DataFrame) -> DataFrame:
    """The id, and as `figures` fraudstack.features.kept.written, of rows that have the features."""
    finite = (F.when(F.abs(name) < float("inf"), F.col(name)).alias(name) for name in NAMES)
    return figures.select("id", F.to_json(F.struct(*finite)).alias("figures"))


def scores_by_rules(
    spark: SparkSession, settings: Settings, delay: int, staging: Path, phases: Phases, since: int = 0
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    """Scores (n,) by the rules alone, of the ids (n,) of transactions from a day on.

    What they say rests on all that they said of a client before: the history is decided from its beginning.
    """
    folder = staging / "rules"
    rules = config.load(settings.rules_path or config.DEFAULT).file
    with spark_phase(spark, phases, "rules: decide the history"):
        replayed = decided(spark.read.parquet(str(staging / "events")), {"rules": rules}, delay)
        judged = replayed.where(F.col("seconds") >= since * DAY)
        judged.selectExpr("id", "rules.score AS score").write.parquet(str(folder))
    found = ds.dataset(folder).to_table().sort_by("id")
    ids, scores = found.column("id").to_numpy(), found.column("score").to_numpy()
    return lambda wanted: np.asarray(scores[np.searchsorted(ids, wanted)], dtype=np.float64)
