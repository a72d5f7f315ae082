"""A model is judged fold by fold beside what it has to beat, and without each group of its features."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from jobs import evaluate
from tests.jobs.databases import MadeOnce, quiet, settings
from tests.jobs.of_amounts import of_amounts

pytestmark = pytest.mark.long

GROUPS = ("amount", "client", "novelty", "merchant", "risk")


def test_each_fold_and_the_mean_have_their_figures(spark: SparkSession, made_once: MadeOnce, tmp_path: Path) -> None:
    given = of_amounts(spark, made_once, settings(tmp_path), days=1200)
    rows = evaluate.evaluate(spark, given, "2021-06-01,2021-09-07", 7, quiet(), groups=True)
    found = {(row.fold, row.model): row.figures["average_precision"] for row in rows}
    folds = ("2021-06-15…06-21", "2021-09-21…09-27")
    names = ("model", "rules", "isolation forest", "constant", *(f"without {group}" for group in GROUPS))
    assert list(found) == [(fold, name) for fold in (*folds, "mean") for name in names]
    for name in names:
        assert found["mean", name] == pytest.approx(sum(found[fold, name] for fold in folds) / 2)
    assert found["mean", "model"] > 2 * found["mean", "constant"]
    # Here nothing but amounts tells.
    assert found["mean", "without amount"] < found["mean", "model"] / 2
    assert found["mean", "without novelty"] > found["mean", "model"] / 2

    with pytest.raises(InputError, match="no labelled transaction in the test week"):
        evaluate.evaluate(spark, given, "2022-04-05", 7, quiet())
