"""Labels become is_fraud by id; what is unlabelled stays unknown, and what was reviewed stays reviewed."""

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.errors import InputError
from jobs import clean, label
from jobs.raw import history
from tests.jobs.databases import everything, execute, quarantined, query, quiet, settings
from tests.jobs.labels_files import apply, entry, known, labels, load


def test_the_generated_labels_are_all_applied(spark: SparkSession, database: str, tmp_path: Path) -> None:
    generate(5_000, 4, tmp_path)
    chosen = settings(tmp_path, database)
    clean.run(spark, chosen, "run", quiet())
    summary = label.run(spark, chosen, "run", quiet())
    raw = json.loads(Path(chosen.labels_path).read_text())["target"]
    assert known(database) == {int(id): int(value == "Yes") for id, value in raw.items()}
    assert 0 < len(raw) < 5_000
    counts = (summary.rows_in, summary.loaded, summary.quarantined, summary.unmatched)
    assert counts == (len(raw), len(raw), 0, 0)
    run = query(database, "SELECT rows_in, loaded, quarantined, unmatched, error FROM ingest_runs WHERE step = 'label'")
    assert run == [(len(raw), len(raw), 0, 0, None)]


def test_yes_and_no_are_set_and_the_rest_counted_or_kept(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database, max_reject_share=0.6)
    load(spark, chosen, range(1, 8))
    entries = [
        entry(1, "Yes"),
        entry(2),
        entry(99),
        entry(3, "Maybe"),
        entry("x"),
        entry(2, "Yes"),
        entry(2),
        entry(4, "yep"),
    ]
    summary = apply(spark, chosen, labels(entries))
    assert known(database) == {1: 1, 2: 0}
    counts = (summary.rows_in, summary.loaded, summary.quarantined, summary.unmatched)
    assert (*counts, summary.repeated) == (8, 2, 4, 1, 1)
    assert set(quarantined(database, "file, line, text, reason")) == {
        (chosen.labels_path, None, '"3":"Maybe"', "unknown label"),
        (chosen.labels_path, None, '"x":"No"', "bad id"),
        (chosen.labels_path, None, '"2":"Yes"', "repeated id"),
        (chosen.labels_path, None, '"4":"yep"', "unknown label"),
    }


def test_a_decisive_review_stands_above_the_labels(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database)
    load(spark, chosen, range(1, 6))
    verdicts = ((1, "fraud"), (2, "legitimate"), (3, "unsure"), (4, "fraud"), (4, "unsure"))
    execute(
        database,
        *(
            f"INSERT INTO reviews (review_id, id, verdict, reviewer, at) "
            f"VALUES ({number}, {id}, '{verdict}', 'ana', '2026-01-01 00:00:00')"
            for number, (id, verdict) in enumerate(verdicts, 1)
        ),
        "UPDATE transactions SET is_fraud = 1 WHERE id IN (1, 4)",
        "UPDATE transactions SET is_fraud = 0 WHERE id = 2",
    )
    summary = apply(spark, chosen, labels([entry(1), entry(2, "Yes"), entry(3, "Yes"), entry(4), entry(5)]))
    assert known(database) == {1: 1, 2: 0, 3: 1, 4: 1, 5: 0}
    assert summary.loaded == 5


def test_a_later_file_corrects_a_label_and_leaves_the_others(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database)
    load(spark, chosen, range(1, 4))
    apply(spark, chosen, labels([entry(1), entry(2)]))
    apply(spark, chosen, labels([entry(2, "Yes")]))
    assert known(database) == {1: 0, 2: 1}


def test_too_many_unknown_labels_change_nothing(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database)
    load(spark, chosen, range(1, 200))
    apply(spark, chosen, labels([entry(1)]))
    before = everything(database)
    entries = [*(entry(id, "Yes") for id in range(1, 100)), *(entry(id, "Perhaps") for id in range(100, 250))]
    with pytest.raises(InputError, match=r"150 of the 249 rows of .* most of them for 'unknown label'"):
        apply(spark, chosen, labels(entries))
    assert everything(database) == before
    assert quarantined(database, "text") == sorted((text,) for text in entries[99:199])
    run = query(database, "SELECT rows_in, loaded, quarantined FROM ingest_runs WHERE step = 'label'")
    assert run == [(249, 0, 150)]


@pytest.mark.parametrize("clustered", [False, True])
def test_labels_fill_the_fraud_rate_of_the_clusters(
    spark: SparkSession, database: str, tmp_path: Path, clustered: bool
) -> None:
    from jobs import cluster

    chosen = settings(tmp_path, database, clusters_k=1)
    load(spark, chosen, range(1, 9), clients=2)
    if clustered:
        cluster.run(spark, chosen, "run", quiet())
    rates = "SELECT fraud_rate FROM transactions_clusters"
    apply(spark, chosen, labels([]))
    assert query(chosen.clusters_url, rates) == [(None,)] * clustered
    apply(spark, chosen, labels([entry(1, "Yes"), entry(2), entry(3), entry(4), entry(99, "Yes")]))
    assert query(chosen.clusters_url, rates) == [(0.25,)] * clustered


def test_a_check_of_labels_writes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    chosen = settings(tmp_path, max_reject_share=0.5)
    Path(chosen.labels_path).write_text(labels([entry(1), entry(2, "perhaps"), entry(3)]))
    summary = label.check(spark, chosen, quiet())
    assert (summary.rows_in, summary.loaded, summary.reasons) == (3, 2, {"unknown label": 1})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [Path(chosen.labels_path)]


def test_gzipped_labels_are_read_and_have_the_same_fingerprint(spark: SparkSession, tmp_path: Path) -> None:
    content = labels([entry(1, "Yes"), entry(2)])
    prints = set()
    for name, packed in (("a.json", content.encode()), ("a.json.gz", gzip.compress(content.encode()))):
        (tmp_path / name).write_bytes(packed)
        chosen = settings(tmp_path, labels_path=str(tmp_path / name))
        prints.add(label.check(spark, chosen, quiet()).fingerprint)
    assert len(prints) == 1


def test_of_several_files_the_latest_counts_and_what_is_refused_names_its_file_and_line(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database, labels_path=f"{tmp_path}/labels*", max_reject_share=0.5)
    load(spark, chosen, range(1, 9))
    (tmp_path / "labels 1.json").write_text(labels([entry(1), entry(2), entry(3), entry(7), entry(8, "perhaps")]))
    later = ["id,label,known_at", "2,Yes,2024-03-01", "3,Yes,2024-03-02T10:00:00Z", "3,No,2024-03-01 00:00:00"]
    later += ["4,Yes,2024-03-01", "", "4,No,2024-03-01", "5,No,soon", "6,No,", "6,Yes,", "7,Yes", '"7,No,"']
    later += ["8,Yes,+10024-03-01", "8,Yes,1969-12-31"]
    (tmp_path / "labels 2.csv").write_text("\n".join(later))
    (tmp_path / "labels 3.csv.gz").write_bytes(gzip.compress(b"id;label\n1;1\n2;0\n"))
    summary = label.run(spark, chosen, "label", quiet())
    # Of 2 the last file doesn't say since when it knows; of 7 and 8 only the first says something that can be read.
    assert known(database) == {1: 1, 2: 1, 3: 1, 4: 1, 6: 0, 7: 0}
    assert quarantined(database, "file, line, text, reason") == [
        (f"{tmp_path}/labels 1.json", None, '"8":"perhaps"', "unknown label"),
        (f"{tmp_path}/labels 2.csv", 7, "4,No,2024-03-01", "repeated id"),
        (f"{tmp_path}/labels 2.csv", 8, "5,No,soon", "bad known_at"),
        (f"{tmp_path}/labels 2.csv", 10, "6,Yes,", "repeated id"),
        (f"{tmp_path}/labels 2.csv", 11, "7,Yes", "not a label"),
        (f"{tmp_path}/labels 2.csv", 12, '"7,No,"', "not a label"),
        (f"{tmp_path}/labels 2.csv", 13, "8,Yes,+10024-03-01", "bad known_at"),
        (f"{tmp_path}/labels 2.csv", 14, "8,Yes,1969-12-31", "bad known_at"),
    ]
    assert (summary.rows_in, summary.loaded, summary.quarantined, summary.repeated) == (19, 6, 8, 5)


def test_from_which_day_on_a_label_is_known_reaches_the_store_and_what_models_learn_from(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    chosen = settings(tmp_path, database)
    load(spark, chosen, range(1, 5))
    apply(spark, chosen, "id,label,known_at\n1,Yes,2024-03-01\n2,No,2024-03-02T23:59:59Z\n3,Yes,\n")
    days = {1: 19_783, 2: 19_784}
    assert query(database, "SELECT id, day FROM label_days ORDER BY id") == list(days.items())
    told, _ = history.from_files(spark, chosen, tmp_path / "given", quiet())
    assert {row.id: row.known for row in told.collect()} == days | {3: None, 4: None}
    # What says the same of a transaction changes nothing, what says otherwise is known from its own time on.
    apply(spark, chosen, "id,label,known_at\n1,Yes,2024-05-01\n2,Yes,\n3,No,2024-03-04\n")
    assert query(database, "SELECT id, day FROM label_days ORDER BY id") == [(1, 19_783), (3, 19_786)]


@pytest.mark.parametrize("path", ["", None])
def test_without_labels_the_run_goes_on_and_says_so(spark: SparkSession, tmp_path: Path, path: str | None) -> None:
    chosen = settings(tmp_path)
    load(spark, chosen, [1])
    apply(spark, chosen, labels([entry(1, "Yes")]))
    nowhere = f"{tmp_path}/nowhere.json"
    without = chosen.model_copy(update={"labels_path": nowhere if path is None else path})
    if path is None:
        # The default, which nobody named.
        without.model_fields_set.discard("labels_path")
    for summary in (label.check(spark, without, quiet()), label.run(spark, without, "label", quiet())):
        where = f" at {nowhere}" if path is None else ""
        assert summary.said == [f"there are no labels{where}: what is fraud stays as it was known"]
        assert (summary.rows_in, summary.loaded) == (0, 0)
    assert known(f"sqlite:///{chosen.sqlite_db}") == {1: 1}
