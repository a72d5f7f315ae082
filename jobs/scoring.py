"""What models say of every transaction of a history, each of those that came after what it had learned from."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraudstack.features import DAY, NAMES
from fraudstack.model.artefact import Model
from jobs.features import Arrays, folding, matrix


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
            said = np.empty(len(batch))
            versions = np.empty(len(batch), dtype=object)
            for turn in np.unique(turns):
                some = turns == turn
                said[some] = models[turn].scores(rows[some])
                versions[some] = models[turn].version
            yield pa.StructArray.from_arrays([pa.array(said), pa.array(versions)], ["probability", "model_version"])

    spoken = figures.where(F.col("seconds") >= int(firsts[0]) * DAY)
    folded = folding(fold, "probability double, model_version string", "seconds", *NAMES)
    return spoken.select("id", folded).select("id", "folded.*")
