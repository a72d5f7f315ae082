"""A store in which high amounts are fraud, for models to find out."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from pyspark.sql import SparkSession

from fraudstack.settings import Settings
from jobs import clean, label, profiles
from tests.jobs.databases import MadeOnce, quiet, settings
from tests.jobs.labels_files import entry, labels
from tests.jobs.raw_files import row, write

ROWS, CLIENTS = 9000, 40
FIRST = datetime(2019, 1, 1)


def of_amounts(spark: SparkSession, made_once: MadeOnce, chosen: Settings, days: int) -> Settings:
    """A store of 9,000 labelled transactions over so many days; every twelfth is fraud."""
    made_once(str(chosen.store_url), f"amounts of {days} days", partial(_ingested, spark, days))
    _write(chosen, days)
    return chosen


def _ingested(spark: SparkSession, days: int, folder: Path, url: str) -> None:
    chosen = settings(folder, url)
    _write(chosen, days)
    for job in (clean, label, profiles):
        job.run(spark, chosen, "ingest", quiet())


def _write(chosen: Settings, days: int) -> None:
    draw = Random(1)
    frauds = {id for id in range(ROWS) if draw.random() < 0.08}
    lines, told = [], []
    for id in range(ROWS):
        fraud = id in frauds
        amount = draw.lognormvariate(5.5 if fraud else 3.5, 0.5)
        when = FIRST + timedelta(minutes=id * days * 24 * 60 // ROWS)
        fields = {"date": str(when), "client_id": f"c{draw.randrange(CLIENTS)}", "amount": f"${amount:.2f}"}
        # Where is not always known.
        where = {"merchant_state": ""} if id % 50 == 0 else {}
        lines.append(row(id, merchant_id=str(draw.randrange(30)), **fields, **where))
        told.append(entry(id, "Yes" if fraud else "No"))
    write(Path(chosen.csv_path), lines)
    Path(chosen.labels_path).write_text(labels(told))
