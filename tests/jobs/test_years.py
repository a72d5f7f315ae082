"""A model of one day is judged year by year, beside one made anew, the rules alone and a rule of one country."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from jobs import years
from tests.jobs.databases import MadeOnce, query, quiet, settings
from tests.jobs.of_amounts import of_amounts

pytestmark = pytest.mark.long


def test_each_year_has_its_figures(spark: SparkSession, made_once: MadeOnce, tmp_path: Path) -> None:
    given = of_amounts(spark, made_once, settings(tmp_path), days=1200)
    rows = years.evaluate(spark, given, "2019-12-31", 7, quiet())
    found = {(row.fold, row.model): row.figures for row in rows}
    names = ("model", "model of the year", "rules", "Italy")
    assert list(found) == [(year, name) for year in ("2020", "2021", "2022") for name in names]
    counted = query(
        str(given.store_url),
        "SELECT substr(date, 1, 4), sum(is_fraud) FROM transactions WHERE date >= '2020-01-08' GROUP BY 1 ORDER BY 1",
    )
    assert [(year, found[year, "model"]["frauds"]) for year in ("2020", "2021", "2022")] == counted
    for year in ("2020", "2021", "2022"):
        ours, constant = found[year, "model"]["average_precision"], found[year, "Italy"]["average_precision"]
        assert ours > 3 * constant
    # Of its own year it knows what the other knows.
    assert found["2020", "model"] == found["2020", "model of the year"]
    assert found["2022", "model"] != found["2022", "model of the year"]

    with pytest.raises(InputError, match="no transaction after 2023-01-07 has a label"):
        years.evaluate(spark, given, "2022-12-31", 7, quiet())
