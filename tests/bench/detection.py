"""`make bench-detection` and `make leak-test`: the model on the simulated set of le Borgne et al., by their protocol.

The set isn't part of the repository: DATA names the folder of its two files in this project's form. Then the model on
generated card data, trained to 2016 and judged on the years after it.
"""

import argparse
import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

UNTIL = "2016-12-31"
FOLDS = "2018-06-20,2018-06-27,2018-07-04,2018-07-11"
# The day from which labels are thrown, and the first whose scores may change for it.
THROWN, SEEN = "2018-07-01", "2018-07-09"


def main() -> None:
    """Print the tables of folds and of years, or fail where a label is seen before its time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2_000_000, help="generated transactions")
    parser.add_argument("--leak", action="store_true")
    arguments = parser.parse_args()
    csv, labels = arguments.data / "transactions_data.csv.gz", arguments.data / "train_fraud_labels.json.gz"
    for file in (csv, labels):
        if not file.exists():
            sys.exit(f"there is no {file}: DATA must name the folder of the simulated set")
    with TemporaryDirectory() as folder:
        if arguments.leak:
            _leak_test(csv, labels, Path(folder))
        else:
            _fraudstack("evaluate", "--csv", str(csv), "--labels", str(labels), "--folds", FOLDS, "--groups")
            _year_by_year(arguments.rows, Path(folder))


def _year_by_year(rows: int, folder: Path) -> None:
    _fraudstack("generate", "--rows", str(rows), "--seed", "1", "--out", str(folder))
    csv, labels = folder / "transactions_data.csv", folder / "train_fraud_labels.json"
    _fraudstack("evaluate", "--csv", str(csv), "--labels", str(labels), "--until", UNTIL)


def _leak_test(csv: Path, labels: Path, folder: Path) -> None:
    dates = pl.read_csv(csv, columns=["id", "date"])
    thrown = folder / "thrown.json.gz"
    _throw(labels, dict(dates.iter_rows()), thrown)
    model = folder / "model"
    _fraudstack("train", "--csv", str(csv), "--labels", str(labels), "--until", "2018-06-26", "--out", str(model))
    scored = []
    for file in (labels, thrown):
        out = folder / f"{file.name}.parquet"
        days = ("--from", "2018-06-20", "--to", "2018-07-20")
        _fraudstack("score", "--model", str(model), "--csv", str(csv), "--labels", str(file), *days, "--out", str(out))
        scored.append(pl.read_parquet(out))
    both = scored[0].join(scored[1], on="id", suffix="_thrown").join(dates, on="id")
    changed = both.filter(pl.col("score") != pl.col("score_thrown"))
    first = min(changed["date"].to_list(), default="")
    sys.stdout.write(
        f"labels thrown from {THROWN} on: of {len(both):,} scores {len(changed):,} changed, the first at {first}\n"
    )
    if not len(changed) or first < SEEN:
        sys.exit(f"a label was seen before {SEEN}, or none at all")


def _throw(labels: Path, dates: dict[int, str], out: Path) -> None:
    """Copy labels, throwing a coin for each from THROWN on."""
    coin = random.Random(1)
    with gzip.open(labels, "rt") as file:
        target = json.load(file)["target"]
    for id in target:
        if dates[int(id)] >= THROWN:
            target[id] = coin.choice(("Yes", "No"))
    with gzip.open(out, "wt", compresslevel=1) as file:
        json.dump({"target": target}, file)


def _fraudstack(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cli", *arguments], check=True)


if __name__ == "__main__":
    main()
