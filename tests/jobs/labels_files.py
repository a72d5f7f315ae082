"""Files of labels as the tests write them."""

from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import SparkSession

from fraudstack.settings import Settings
from jobs import clean, label
from jobs.steps.summary import Summary
from tests.jobs.databases import query, quiet
from tests.jobs.raw_files import row, write


def entry(id: int | str, value: str = "No") -> str:
    """One label as it stands in the object."""
    return f'"{id}":"{value}"'


def labels(entries: Iterable[str]) -> str:
    """The object around its entries, on one line."""
    return '{"target":{' + ",".join(entries) + "}}"


def load(spark: SparkSession, chosen: Settings, ids: Iterable[int], clients: int = 1) -> None:
    """Transactions of these ids, dealt out to so many clients."""
    write(Path(chosen.csv_path), (row(id, client_id=str(id % clients)) for id in ids))
    clean.run(spark, chosen, "load", quiet())


def apply(spark: SparkSession, chosen: Settings, content: str | bytes) -> Summary:
    """Run the step on a file of this content."""
    Path(chosen.labels_path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return label.run(spark, chosen, "label", quiet())


def known(url: str) -> dict[object, object]:
    """is_fraud by id of every transaction that has it."""
    found = query(url, "SELECT id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL")
    return {row[0]: row[1] for row in found}
