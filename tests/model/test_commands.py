"""`fraudstack train` and `score` on generated files, as somebody at a terminal runs them."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from fraudstack.features.table import NAMES

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_500)]

# The generated history ends in October 2019; its frauds are rare.
ROWS, UNTIL, FIRST, LAST, FLIPPED = 110_000, "2016-12-31", "2017-01-01", "2017-12-31", "2017-06-01"


def fraudstack(*arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == expect, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated files, gzipped, and labels of which those from a day on are thrown by coins."""
    folder = tmp_path_factory.mktemp("files")
    fraudstack("generate", "--rows", str(ROWS), "--seed", "3", "--out", str(folder))
    csv = folder / "transactions_data.csv"
    # What comes after the last day that is scored would cost a fifth of the time.
    header, *lines = csv.read_text().splitlines(keepends=True)
    csv.write_text("".join([header, *(line for line in lines if line.split(",")[1][:10] <= LAST)]))
    dates = dict(pl.read_csv(csv, columns=["id", "date"]).iter_rows())
    with gzip.open(folder / "transactions_data.csv.gz", "wb") as packed:
        packed.write(csv.read_bytes())
    labels = json.loads((folder / "train_fraud_labels.json").read_text())["target"]
    labels = {id: label for id, label in labels.items() if int(id) in dates}
    thrown = {id: label if dates[int(id)] < FLIPPED else ("Yes", "No")[int(id) % 2] for id, label in labels.items()}
    for name, target in (("labels.json.gz", labels), ("thrown.json.gz", thrown)):
        with gzip.open(folder / name, "wt") as packed:
            json.dump({"target": target}, packed)
    return folder


@pytest.fixture(scope="module")
def model(files: Path) -> Path:
    folder = files / "model"
    inputs = ("--csv", str(files / "transactions_data.csv.gz"), "--labels", str(files / "labels.json.gz"))
    said = fraudstack("train", *inputs, "--until", UNTIL, "--out", str(folder))
    assert "of them fraud" in said
    return folder


def scored(files: Path, model: Path, labels: str) -> pl.DataFrame:
    out = files / f"{labels}.parquet"
    inputs = ("--csv", str(files / "transactions_data.csv.gz"), "--labels", str(files / labels))
    fraudstack("score", "--model", str(model), *inputs, "--from", FIRST, "--to", LAST, "--out", str(out))
    return pl.read_parquet(out)


def test_a_model_says_what_it_was_made_of(model: Path) -> None:
    facts = json.loads((model / "model.json").read_text())
    assert tuple(facts["features"]) == NAMES
    assert facts["label_delay"] == 7
    assert facts["trained"]["until"] == UNTIL
    assert facts["frauds"] >= 50


def test_no_score_changes_before_a_label_could_be_known(files: Path, model: Path) -> None:
    dates = pl.read_csv(files / "transactions_data.csv", columns=["id", "date"])
    before, after = scored(files, model, "labels.json.gz"), scored(files, model, "thrown.json.gz")
    both = before.join(after, on="id", suffix="_thrown").join(dates, on="id")
    year = dates.filter(pl.col("date").is_between(pl.lit(FIRST), pl.lit("2018"), closed="left"))
    assert len(both) == len(year)
    assert both["score"].is_between(0, 1).all()
    changed = both.filter(pl.col("score") != pl.col("score_thrown"))
    assert len(changed) > 0
    assert min(changed["date"].to_list()) >= "2017-06-09"


def test_what_cannot_be_is_one_sentence_and_the_model_stays(files: Path, model: Path) -> None:
    inputs = ("--csv", str(files / "transactions_data.csv.gz"), "--labels", str(files / "labels.json.gz"))
    kept = (model / "model.json").read_bytes()
    said = fraudstack("train", *inputs, "--until", "2010-02-01", "--out", str(model), expect=3)
    assert "labelled frauds, and a model needs 50" in said
    assert (model / "model.json").read_bytes() == kept
    out = ("--out", str(files / "none.parquet"))
    said = fraudstack("score", "--model", str(files), *inputs, "--from", FIRST, "--to", LAST, *out, expect=3)
    assert "there is no model in" in said
    said = fraudstack("train", *inputs, "--until", "soon", "--out", str(model), expect=3)
    assert "'soon' is no date" in said
