"""Rows that can't be read are kept with their line, their text and the reason."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import clean
from tests.jobs.databases import execute, quarantined, query, quiet, settings, split_every, transactions
from tests.jobs.raw_files import row, write

# Reason and text; they stand far apart, each behind another number of lines that Spark's tasks read before.
BAD_ROWS = (
    ("bad amount", row(2, amount="$77.0.0")),
    ("bad amount", row(3, amount="")),
    ("bad date", row(5, date="2010-02-30 10:00:00")),
    ("missing id", row("")),
    ("bad id", row("7475327x")),
    ("repeated id", row(1, amount="$1.00")),
    ("too few columns", row(8).rsplit(",", 1)[0]),
    ("too many columns", row(9) + ","),
    ("broken quoting", row(10, errors='"Bad PIN')),
    ("broken encoding", row(11, merchant_city="Orl\udcffans")),
    ("broken encoding", row(12, merchant_city="Nul\0l")),
    ("bad mcc", row(13, mcc="Food")),
    ("missing client_id", row(14, client_id="")),
    ("line too long", row(15, merchant_city="x" * 5_000)),
)
# By line: the header is 1.
BAD = {3 + 140 * i: bad for i, bad in enumerate(BAD_ROWS)}
LAST = 2_000


def kinds() -> list[bytes]:
    """Lines 2 to LAST: those of BAD, a blank one in line 13, and good ones with their line as id."""
    lines = {line: text for line, (_, text) in BAD.items()} | {2: row(1), 13: ""}
    return [lines.get(line, row(line)).encode(errors="surrogateescape") for line in range(2, LAST + 1)]


def kept() -> list[tuple[object, ...]]:
    return [(line, text.replace("\udcff", "�").replace("\0", "�"), reason) for line, (reason, text) in BAD.items()]


@pytest.mark.parametrize("size", [32 << 20, 20_000], ids=["one task", "many tasks"])
def test_each_kind_is_kept_with_line_text_and_reason(
    spark: SparkSession, database: str, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Executors need no Python.
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(tmp_path / "no-python"))
    chosen = settings(tmp_path, database, max_reject_share=0.01)
    file = write(Path(chosen.csv_path), kinds())
    with split_every(spark, size):
        assert (spark.read.text(str(file)).rdd.getNumPartitions() > 5) == (size == 20_000)
        summary = clean.run(spark, chosen, "run", quiet())
    assert quarantined(database) == kept()
    assert query(database, "SELECT DISTINCT run_id, step, file FROM quarantine") == [("run", "clean", str(file))]
    good = {1, *range(2, LAST + 1)} - BAD.keys() - {2, 13}
    assert set(transactions(database)) == good
    assert (summary.rows_in, summary.loaded, summary.quarantined) == (LAST - 2, len(good), len(BAD))
    assert summary.reasons["bad amount"] == summary.reasons["broken encoding"] == 2


def test_of_ids_repeated_across_files_the_first_by_name_and_line_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    # The last file is the largest: Spark reads it first.
    parts = {"a": [5, 1, 5], "b": [2, 1, 6], "c": [*range(100, 400), 6, 7, 2, 7]}
    for name, ids in parts.items():
        write(tmp_path / f"part {name}.csv", (row(id, client_id=f"{name}{i}") for i, id in enumerate(ids)))
    chosen = settings(tmp_path, csv_path=str(tmp_path / "part *.csv"), max_reject_share=0.1)
    with split_every(spark, 2_000):
        summary = clean.run(spark, chosen, "run", quiet())
    store = f"sqlite:///{chosen.sqlite_db}"
    first: dict[int, str] = {}
    late = []
    for name, ids in parts.items():
        for i, id in enumerate(ids):
            if first.setdefault(id, f"{name}{i}") != f"{name}{i}":
                late.append((str(tmp_path / f"part {name}.csv"), i + 2, "repeated id"))
    assert {id: row[2] for id, row in transactions(store).items()} == first
    assert quarantined(store, "file, line, reason") == late
    assert summary.reasons == {"repeated id": len(late)}


def test_line_numbers_are_right_in_gzipped_files_of_several(spark: SparkSession, tmp_path: Path) -> None:
    for name, size in (("a.csv.gz", 30), ("b.csv", 300), ("c.csv.gz", 3)):
        start = {"a": 1_000, "b": 2_000, "c": 3_000}[name[0]]
        write(tmp_path / name, [*(row(start + i) for i in range(size)), "", "x", row(start + 999)])
    chosen = settings(tmp_path, csv_path=str(tmp_path / "*.csv*"), max_reject_share=0.1)
    with split_every(spark, 1_000):
        clean.run(spark, chosen, "run", quiet())
    lines = [
        (str(tmp_path / name), size + 3, "x") for name, size in (("a.csv.gz", 30), ("b.csv", 300), ("c.csv.gz", 3))
    ]
    assert quarantined(f"sqlite:///{chosen.sqlite_db}", "file, line, text") == lines


def test_a_run_repeated_under_its_name_keeps_its_quarantine_once(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0.5)
    write(Path(chosen.csv_path), [row(1), row(2), "x"])
    for _ in range(2):
        clean.run(spark, chosen, "run", quiet())
    assert quarantined(database) == [(4, "x", "too few columns")]
    assert query(database, "SELECT count(*) FROM ingest_runs") == [(1,)]


def test_a_row_that_contradicts_a_decided_transaction_is_kept_as_a_conflict(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0.5)
    write(Path(chosen.csv_path), [row(1), row(2), row(3)])
    clean.run(spark, chosen, "first", quiet())
    execute(database, "UPDATE transactions SET flagged_fraud = 1 WHERE id IN (1, 2)")
    before = transactions(database)
    changed = [row(1), row(2, amount="$5.00"), row(3, amount="$5.00"), row(2, amount="$6.00")]
    write(Path(chosen.csv_path), changed)
    summary = clean.run(spark, chosen, "second", quiet())
    assert quarantined(database) == [(3, changed[1], "conflict"), (5, changed[3], "repeated id")]
    assert (summary.loaded, summary.quarantined) == (2, 2)
    after = transactions(database)
    assert (after[1], after[2]) == (before[1], before[2])
    assert str(after[3][4]) in {"5.0", "5.00"}


def test_a_line_that_is_refused_again_is_kept_once_and_old_ones_go(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, max_reject_share=1)
    write(Path(chosen.csv_path), [*kinds()[:300], row(3, amount="").encode()])
    clean.run(spark, chosen, "first", quiet())
    before = quarantined(database)
    assert len(before) > 2
    clean.run(spark, chosen, "second", quiet())
    assert quarantined(database) == before
    assert query(database, "SELECT DISTINCT run_id FROM quarantine") == [("second",)]
    other = chosen.model_copy(update={"quarantine_rows": 2, "csv_path": str(tmp_path / "other.csv")})
    write(tmp_path / "other.csv", [row(50, amount="").encode()])
    clean.run(spark, other, "third", quiet())
    assert query(database, "SELECT run_id FROM quarantine ORDER BY quarantine_id") == [("second",), ("third",)]
    execute(database, "UPDATE ingest_runs SET started_at = '2020-01-01 00:00:00' WHERE run_id = 'second'")
    clean.run(spark, other, "third", quiet())
    assert query(database, "SELECT run_id FROM quarantine") == [("third",)]
