"""What a model learns from is a sample of what is legitimate, but of the days on which it is tried."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from jobs.features import examples

pytestmark = pytest.mark.slow

ROWS, DAYS = 6_000, 300


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of two files, in no order, a third without labels; the first feature is the id."""
    folder = tmp_path_factory.mktemp("staging") / "features"
    folder.mkdir()
    chance = np.random.default_rng(1)
    ids = chance.permutation(ROWS)
    frauds = np.where(chance.random(ROWS) < 0.05, 1, 0)
    on = chance.integers(0, DAYS * DAY, ROWS)
    made = pa.table(
        {
            "id": ids,
            "client_id": (ids % 50).astype(str),
            "seconds": on,
            "is_fraud": pa.array(frauds, mask=ids % 3 == 0).cast(pa.int32()),
            "label_day": on // DAY,
            **{name: ids + float(place) for place, name in enumerate(NAMES)},
        }
    )
    for part in (0, 1):
        pq.write_table(made.slice(part * ROWS // 2, ROWS // 2), folder / f"{part}.parquet")
    return folder


def test_all_are_there_in_their_order(spark: SparkSession, rows: Path) -> None:
    found = examples.labelled(spark, rows, DAYS)
    assert len(found.ids) == sum(id % 3 != 0 for id in range(ROWS))
    assert np.array_equal(np.lexsort((found.ids, found.days)), np.arange(len(found.ids)))
    assert np.array_equal(found.figures[:, 0], found.ids)
    assert np.array_equal(found.clients, (found.ids % 50).astype(str))
    assert (found.weights == 1).all()
    between = examples.labelled_between(rows, 100, 119)
    assert np.array_equal(between.ids, found.ids[(found.days >= 100) & (found.days < 120)])


def test_a_label_that_came_later_teaches_nothing_before(spark: SparkSession, rows: Path, tmp_path: Path) -> None:
    made = pq.read_table(rows)
    late = pc.equal(pc.bit_wise_and(made.column("id"), 1), 1)
    column = pc.if_else(late, pc.add(made.column("label_day"), 40), made.column("label_day"))
    pq.write_table(
        made.set_column(made.schema.get_field_index("label_day"), "label_day", column), tmp_path / "0.parquet"
    )
    every, found = examples.labelled(spark, rows, 249), examples.labelled(spark, tmp_path, 249)
    assert set(found.ids) == {id for id, day in zip(every.ids, every.days, strict=True) if not id % 2 or day <= 209}
    assert np.array_equal(found.label_days, found.days + 40 * (found.ids % 2))
    # A trial learns from what was known before it, and what is judged is judged by all that came.
    before = found.before(200)
    assert set(before.ids) == set(found.ids[(found.days < 200) & (found.label_days < 200)])
    assert np.array_equal(examples.labelled_between(tmp_path, 0, 249).ids, every.ids)
    # The last day of the store is 299: what came later than its labels would isn't looked at.
    assert examples.labelled_days(tmp_path) == (0, DAYS - 1)
    assert examples.labelled_days(rows) == (0, DAYS - 1)


def test_of_the_legitimate_a_share_stands_for_all(
    spark: SparkSession, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = examples.labelled(spark, rows, 249)
    found = examples.labelled(spark, rows, 249, most_legitimate=1_000)
    assert found.frauds.sum() == every.frauds.sum()
    assert found.weights.sum() == pytest.approx(len(every.ids), rel=0.1)
    assert np.array_equal(found.figures[:, 0], found.ids)
    # Some weeks are whole; capped, they are fewer.
    first = int(found.days[found.weights > 1].max()) + 1
    assert first > 100
    assert np.array_equal(found.since(first).ids, every.since(first).ids)
    monkeypatch.setattr(examples, "_MOST_TRIED", 150)
    capped = examples.labelled(spark, rows, 249, most_legitimate=1_000)
    later = int(capped.days[capped.weights > 1].max()) + 1
    assert later > first
    tried = every.since(later)
    assert np.array_equal(capped.since(later).ids, tried.ids)
    assert 100 < (tried.frauds == 0).sum() <= 150
