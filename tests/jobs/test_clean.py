"""What clean makes of a file of the public form, told by another reader: Polars."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.schema import TRANSACTIONS
from jobs import clean
from jobs.steps.summary import Summary
from tests.jobs.databases import new_postgres, query, quiet, settings, transactions

ROWS = 60_000


@dataclass(frozen=True)
class Ingested:
    url: str
    staging: Path
    raw: pl.DataFrame
    summary: Summary


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ingested(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("clean")
    generate(ROWS, 11, folder)
    url = (
        f"sqlite:///{folder}/transactions.db"
        if request.param == "sqlite"
        else new_postgres(request.getfixturevalue("postgres_server"))
    )
    chosen = settings(folder, url, currency="EUR")
    summary = clean.run(spark, chosen, "run", quiet())
    raw = pl.read_csv(chosen.csv_path, infer_schema=False).fill_null("")
    return Ingested(url, chosen.staging_dir, raw, summary)


def cents() -> pl.Expr:
    return pl.col("amount").str.strip_prefix("$").cast(pl.Decimal(12, 2)) * 100


def whole_cents(url: str) -> str:
    return "CAST(round(amount * 100) AS BIGINT)" if "sqlite" in url else "CAST(amount * 100 AS BIGINT)"


def test_every_row_is_counted_and_loaded(ingested: Ingested) -> None:
    assert (ingested.summary.rows_in, ingested.summary.loaded, ingested.summary.quarantined) == (ROWS, ROWS, 0)
    assert query(ingested.url, "SELECT count(*), count(DISTINCT id) FROM transactions") == [(ROWS, ROWS)]
    run = query(ingested.url, "SELECT run_id, step, rows_in, loaded, quarantined, error FROM ingest_runs")
    assert run == [("run", "clean", ROWS, ROWS, 0, None)]


@pytest.mark.parametrize("column", ["use_chip", "mcc"])
def test_sums_are_exact_to_the_cent(ingested: Ingested, column: str) -> None:
    expected = ingested.raw.group_by(column).agg(pl.len().alias("rows"), cents().sum().cast(pl.Int64).alias("cents"))
    found = query(
        ingested.url,
        f"SELECT CAST({column} AS TEXT), count(*), CAST(sum({whole_cents(ingested.url)}) AS BIGINT) "
        "FROM transactions GROUP BY 1",
    )
    assert sorted(found, key=str) == sorted(expected.rows(), key=str)


def test_every_row_stands_in_the_store_as_it_stood_in_the_file(ingested: Ingested) -> None:
    def text(name: str) -> pl.Expr:
        return pl.when(pl.col(name) != "").then(pl.col(name))

    nothing = pl.lit(None)
    expected = ingested.raw.select(
        pl.col("id").cast(pl.Int64),
        pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us"),
        "client_id",
        "card_id",
        (cents() / 100).cast(pl.Decimal(12, 2)).alias("amount"),
        pl.lit("EUR").alias("currency"),
        text("use_chip"),
        "merchant_id",
        text("merchant_city"),
        text("merchant_state"),
        text("zip").str.strip_suffix(".0").str.zfill(5),
        pl.col("mcc").cast(pl.Int32),
        nothing.alias("description"),
        text("errors"),
        nothing.alias("flagged_fraud"),
        nothing.alias("is_fraud"),
    )
    assert expected.columns == TRANSACTIONS.columns.keys()
    found = transactions(ingested.url)
    different = [row for row in expected.iter_rows() if found.get(row[0]) != row]
    assert different == []


def test_the_generated_file_holds_what_the_columns_are_tested_for(ingested: Ingested) -> None:
    raw = ingested.raw
    assert raw.filter(pl.col("amount").str.starts_with("$-")).height > 100
    assert raw.filter(pl.col("errors").str.contains(",")).height > 0
    assert raw.filter(pl.col("zip") == "").height > 100
    assert raw.filter(pl.col("zip").str.len_chars() == 6).height > 10
    assert raw["use_chip"].n_unique() == 3


def test_each_column_has_its_type_in_the_database(ingested: Ingested) -> None:
    if "postgresql" in ingested.url:
        types = query(
            ingested.url,
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'transactions'",
        )
        text = dict.fromkeys(TRANSACTIONS.columns.keys(), "text")
        special = {"id": "bigint", "date": "timestamp without time zone", "amount": "numeric", "mcc": "integer"}
        marks = dict.fromkeys(["flagged_fraud", "is_fraud"], "integer")
        assert dict(types) == text | special | marks  # type: ignore[arg-type]
        return
    columns = TRANSACTIONS.columns.keys()
    found = query(ingested.url, f"SELECT DISTINCT {', '.join(f'typeof({name})' for name in columns)} FROM transactions")
    seen = {name: {str(row[i]) for row in found} - {"null"} for i, name in enumerate(columns)}
    texts = {name: {"text"} for name in columns}
    nothing: dict[str, set[str]] = {name: set() for name in ("description", "flagged_fraud", "is_fraud")}
    assert seen == texts | {"id": {"integer"}, "amount": {"real"}, "mcc": {"integer"}} | nothing
    form = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]"
    assert query(ingested.url, f"SELECT count(*) FROM transactions WHERE date NOT GLOB '{form}'") == [(0,)]


def test_indexes_stand_after_the_load(ingested: Ingested) -> None:
    catalogue = "SELECT name FROM sqlite_master" if "sqlite" in ingested.url else "SELECT indexname FROM pg_indexes"
    names = {name for (name,) in query(ingested.url, catalogue)}
    assert names >= {index.name for index in TRANSACTIONS.indexes}


def test_nothing_is_left_in_the_staging_folder(ingested: Ingested) -> None:
    assert list(ingested.staging.iterdir()) == []
