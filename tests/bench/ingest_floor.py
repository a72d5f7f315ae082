"""The floor of an ingest: one process, Polars reads and casts, joins the labels, and ADBC appends.

The table and its indexes are the store's own; there is no quarantine, no check, no cluster, no second run.
"""

import json
import sys
import time
from pathlib import Path

import adbc_driver_sqlite.dbapi as sqlite
import polars as pl
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from fraudstack.schema import RAW, TRANSACTIONS


def main(inputs: Path, database: Path) -> None:
    """Load the files in `inputs` into a new file and print the seconds of each phase as JSON."""
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        seconds[name] = time.perf_counter() - started - sum(seconds.values())

    rows = pl.read_csv(inputs / "transactions_data.csv", schema=dict.fromkeys(RAW, pl.String)).select(
        pl.col("id").cast(pl.Int64),
        pl.when(pl.col("date").str.len_bytes() == 16)
        .then(pl.col("date") + ":00")
        .otherwise(pl.col("date"))
        .alias("date"),
        "client_id",
        "card_id",
        pl.col("amount").str.strip_prefix("$").str.replace_all(",", "", literal=True).cast(pl.Float64),
        pl.lit("USD").alias("currency"),
        "use_chip",
        "merchant_id",
        "merchant_city",
        "merchant_state",
        pl.col("zip").str.strip_suffix(".0").str.zfill(5),
        pl.col("mcc").cast(pl.Int32),
        pl.lit(None, pl.String).alias("description"),
        "errors",
        pl.lit(None, pl.Int32).alias("flagged_fraud"),
    )
    lap("read and cast")
    pairs = (
        pl.Series([(inputs / "train_fraud_labels.json").read_text()[len('{"target":{') : -2]]).str.split(",").explode()
    )
    labels = pl.select(
        id=pairs.str.extract(r'"(\d+)"').cast(pl.Int64),
        is_fraud=pairs.str.contains('"Yes"', literal=True).cast(pl.Int32),
    )
    lap("read labels")
    rows = rows.join(labels, on="id", how="left", maintain_order="left")
    lap("join")
    database.unlink(missing_ok=True)
    with sqlite.connect(str(database)) as connection, connection.cursor() as cursor:
        cursor.execute(str(CreateTable(TRANSACTIONS).compile(dialect=dialect.dialect())))
        cursor.adbc_ingest("transactions", rows.to_arrow(), mode="append")
        connection.commit()
        lap("append")
        for index in TRANSACTIONS.indexes:
            cursor.execute(str(CreateIndex(index).compile(dialect=dialect.dialect())))
        connection.commit()
        lap("index")
    sys.stdout.write(json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
