"""What says yes or no says it at every door: in a row that is loaded or posted, in a file of labels, of a card."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.columns import rows
from fraudstack.columns.mapping import load
from jobs import clean, label
from tests.jobs.databases import query, quiet, settings
from tests.jobs.labels_files import known as labelled
from tests.jobs.raw_files import row, write

ANSWERS = {
    "Yes": 1, " TRUE ": 1, "1": 1, "1.0": 1, "y": 1, "Ja": 1, "Oui": 1, "Sí": 1,
    "No": 0, "false": 0, "0": 0, "0.0": 0, "n": 0, "Nein": 0, "non": 0, "Não": 0,
    "F": None, "T": None, "2": None, "perhaps": None,
}  # fmt: skip
LABELS = ANSWERS | {"Fraud": 1, "Betrug": 1, "legitimate": 0, "Genuine": 0}
TOLD = {number: meant for number, meant in enumerate(LABELS.values()) if meant is not None}
COLUMNS = "columns: {id: Nr, date: Day, client_id: Who, amount: Paid, is_fraud: Bad}\n"


def test_in_a_row(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    lines = [f"{number},2024-03-01 08:15,7,$5.00,{said}" for number, said in enumerate(LABELS)]
    (tmp_path / "transactions_data.csv").write_text("\n".join(["Nr,Day,Who,Paid,Bad", *lines, ""]))
    chosen = settings(tmp_path, columns=str(tmp_path / "columns.yaml"), max_reject_share=1)
    assert clean.run(spark, chosen, "r", quiet()).reasons == {"bad is_fraud": len(LABELS) - len(TOLD)}
    assert labelled(chosen.store_url) == TOLD


@pytest.mark.parametrize("said", LABELS)
def test_in_a_row_that_is_posted(tmp_path: Path, said: str) -> None:
    (tmp_path / "columns.yaml").write_text(COLUMNS)
    mapping = load(str(tmp_path / "columns.yaml"))
    assert mapping is not None
    given = {"nr": "1", "day": "2024-03-01 08:15", "who": "7", "paid": "5", "bad": said}
    try:
        found = rows.read(mapping, given, "USD")["is_fraud"]
    except ValueError as error:
        found = str(error)
    assert found == {1: "Yes", 0: "No", None: "bad is_fraud"}[LABELS[said]]


def test_in_a_file_of_labels(spark: SparkSession, tmp_path: Path) -> None:
    chosen = settings(tmp_path, max_reject_share=1)
    write(Path(chosen.csv_path), [row(number) for number in range(len(LABELS))])
    clean.run(spark, chosen, "load", quiet())
    Path(chosen.labels_path).write_text("\n".join(["id,label", *map("{0[0]},{0[1]}".format, enumerate(LABELS)), ""]))
    assert label.run(spark, chosen, "label", quiet()).reasons == {"unknown label": len(LABELS) - len(TOLD)}
    assert labelled(chosen.store_url) == TOLD


def test_of_a_card(spark: SparkSession, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    write(Path(chosen.csv_path), [row(1)])
    cards = [f"{number},7,{said}" for number, said in enumerate(ANSWERS)]
    (tmp_path / "cards_data.csv").write_text("\n".join(["id,client_id,has_chip", *cards, ""]))
    clean.run(spark, chosen, "load", quiet())
    # A card of which that isn't known is none.
    known = {number: meant for number, meant in enumerate(ANSWERS.values()) if meant is not None}
    found = query(chosen.store_url, "SELECT id, has_chip FROM cards")
    assert {int(str(id)): {"YES": 1, "NO": 0}[str(chip)] for id, chip in found} == known
