"""How many rows of a file may be refused, what a check says beforehand, and what becomes of repaired rows."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.storage.connections.store import parse
from fraudstack.storage.quarantined import export
from jobs import clean
from tests.jobs.databases import everything, execute, quarantined, query, quiet, settings, transactions
from tests.jobs.raw_files import read, row, write


def bad_among(good: int, bad: int) -> list[str]:
    return [*(row(id) for id in range(1, good + 1)), *(row(f"bad {n}") for n in range(bad))]


@pytest.mark.parametrize(("good", "bad", "loaded"), [(198, 2, 198), (197, 2, 0), (0, 1, 0)])
def test_up_to_the_share_is_loaded_and_more_is_refused(
    spark: SparkSession, tmp_path: Path, good: int, bad: int, loaded: int
) -> None:
    chosen = settings(tmp_path)
    write(Path(chosen.csv_path), bad_among(good, bad))
    if loaded:
        assert clean.run(spark, chosen, "run", quiet()).loaded == loaded
    else:
        with pytest.raises(InputError):
            clean.run(spark, chosen, "run", quiet())
    assert len(transactions(f"sqlite:///{chosen.sqlite_db}")) == loaded


def test_a_refused_file_changes_nothing_and_leaves_its_run_and_a_hundred_rows(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database)
    write(Path(chosen.csv_path), bad_among(50, 0))
    clean.run(spark, chosen, "first", quiet())
    before = everything(database)

    lines = [row(1, amount="$9.99"), *(row(f"x{n}") for n in range(150)), row(2, amount="$9.99"), row(777)]
    write(Path(chosen.csv_path), lines)
    with pytest.raises(InputError) as refused:
        clean.run(spark, chosen, "second", quiet())
    assert str(refused.value) == (
        f"150 of the 153 rows of {chosen.csv_path} can't be used, more than TX_MAX_REJECT_SHARE (1.00%) allows, "
        "most of them for 'bad id' (150); no transaction was changed"
    )
    assert everything(database) == before
    assert quarantined(database) == [(n + 3, f"{row(f'x{n}')}", "bad id") for n in range(100)]
    run = query(database, "SELECT rows_in, loaded, quarantined, error FROM ingest_runs WHERE run_id = 'second'")
    assert run == [(153, 0, 150, str(refused.value))]


def test_repaired_rows_are_fed_again(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0.5)
    lines = [row(1), row(2, amount="$7O.00"), row(3), row(4, errors='"Bad PIN', merchant_city="Côte"), row(5)]
    write(Path(chosen.csv_path), lines)
    clean.run(spark, chosen, "first", quiet())
    repaired = tmp_path / "repaired.csv"
    assert export(parse(database), None, repaired)[:2] == ("first", 2)
    assert repaired.read_text().splitlines()[1:] == [lines[1], lines[3]]

    repaired.write_text(repaired.read_text().replace("7O", "70").replace('"Bad', "Bad"))
    summary = clean.run(spark, settings(tmp_path, database, csv_path=str(repaired)), "second", quiet())

    assert (summary.rows_in, summary.loaded, summary.quarantined) == (2, 2, 0)
    assert transactions(database).keys() == {1, 2, 3, 4, 5}
    assert transactions(database)[4][8] == "Côte"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_check_of_an_empty_house_creates_no_file(spark: SparkSession, tmp_path: Path) -> None:
    chosen = settings(tmp_path, max_reject_share=0.5)
    write(Path(chosen.csv_path), bad_among(3, 2))
    before = files(tmp_path)
    summary = clean.check(spark, chosen, quiet())
    assert (summary.rows_in, summary.loaded, summary.reasons) == (5, 3, {"bad id": 2})
    assert files(tmp_path) == before


def test_a_check_tells_what_a_run_would_and_writes_nothing(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0.5)
    write(Path(chosen.csv_path), bad_among(3, 0))
    clean.run(spark, chosen, "first", quiet())
    execute(database, "UPDATE transactions SET flagged_fraud = 0 WHERE id = 2")
    write(
        Path(chosen.csv_path),
        [row(1, amount="$5.00"), row(2, amount="$5.00"), row(3), row(4), row(4), row(4, zip=""), row("")],
    )
    content, bytes_before = everything(database), files(tmp_path)

    checked = clean.check(spark, chosen, quiet())

    assert everything(database) == content
    assert files(tmp_path) == bytes_before
    assert query(database, "SELECT count(*) FROM ingest_runs") == [(1,)]
    ran = clean.run(spark, chosen, "second", quiet())
    assert checked.reasons == ran.reasons == {"conflict": 1, "repeated id": 1, "missing id": 1}
    assert checked.repeated == 1
    for figure in ("rows_in", "loaded", "quarantined", "repeated", "fingerprint"):
        assert getattr(checked, figure) == getattr(ran, figure)


def test_a_check_refuses_what_a_run_would(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database)
    write(Path(chosen.csv_path), bad_among(50, 5))
    with pytest.raises(InputError, match="5 of the 55 rows"):
        clean.check(spark, chosen, quiet())


def test_a_check_leaves_the_staging_of_a_run_under_way_alone(spark: SparkSession, tmp_path: Path) -> None:
    from jobs.steps.staging import staging_folder

    chosen = settings(tmp_path)
    write(Path(chosen.csv_path), bad_among(3, 0))
    with staging_folder(chosen, parse(chosen.store_url)) as under_way:
        (under_way / "rows").touch()
        clean.check(spark, chosen, quiet())
        assert (under_way / "rows").exists()


def test_exports_that_overlap_are_loaded_once_and_what_is_identical_counted(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, csv_path=f"{tmp_path}/2024-*.csv")
    write(tmp_path / "2024-03.csv", [*(row(id) for id in range(1, 51)), row(50, mcc="5499.0"), row(51, errors="")])
    # In other words, but the same.
    late = [row(id, zip="58523", amount="-77", date="2010-01-01 00:01") for id in range(31, 52)]
    write(tmp_path / "2024-04.csv", [*late, row(52)])
    for run in ("first", "again"):
        summary = clean.run(spark, chosen, run, quiet())
        assert (summary.rows_in, summary.loaded, summary.quarantined, summary.repeated) == (74, 52, 0, 22)
        assert summary.reasons == {}
        counted = query(
            database, f"SELECT rows_in, loaded, quarantined, repeated FROM ingest_runs WHERE run_id = '{run}'"
        )
        assert counted == [(74, 52, 0, 22)]
    assert transactions(database).keys() == set(range(1, 53))
    assert quarantined(database) == []


def test_an_id_again_with_other_content_is_refused_and_the_same_beside_it_is_not(
    spark: SparkSession, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, max_reject_share=0.5)
    other = row(1, zip="")
    write(Path(chosen.csv_path), [row(1), other, row(1), row(2, errors=""), row(2), other, row(3)])
    summary = clean.run(spark, chosen, "run", quiet())
    assert (summary.loaded, summary.repeated, summary.reasons) == (3, 2, {"repeated id": 2})
    assert quarantined(f"sqlite:///{chosen.sqlite_db}") == [(3, other, "repeated id"), (7, other, "repeated id")]


def test_settlement_fills_what_a_decided_message_lacked_and_conflicts_refuse_no_file(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0)
    write(Path(chosen.csv_path), [row(id, zip="", mcc="", card_id="", merchant_state="") for id in range(1, 5)])
    clean.run(spark, chosen, "posted", quiet())
    execute(database, "UPDATE transactions SET flagged_fraud = 0, is_fraud = 1 WHERE id < 4")
    changed = [row(3, amount="$5.00"), row(2, merchant_city="")]
    write(Path(chosen.csv_path), [row(1, errors="Bad PIN"), changed[1], changed[0], row(4), row(5)])
    checked = clean.check(spark, chosen, quiet())
    summary = clean.run(spark, chosen, "settled", quiet())
    assert checked.reasons == summary.reasons == {"conflict": 2}
    assert (summary.loaded, summary.quarantined) == (3, 2)
    assert [text for _, text, _ in quarantined(database)] == [changed[1], changed[0]]
    found = transactions(database)
    full = read(row(1, errors="Bad PIN").encode())
    assert full is not None
    # Not what was decided, nor what is known of it.
    assert found[1] == (*full[:14], 0, 1)
    assert found[4] == read(row(4).encode())
    assert [found[id][10] for id in (2, 3)] == [None, None]
