"""Category names and cards are loaded with the transactions, without what makes a card usable."""

import csv
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.errors import InputError
from jobs import clean
from tests.jobs.databases import new_postgres, query, quiet, settings, transactions
from tests.jobs.raw_files import row, write

CARD = (
    "id,client_id,card_brand,card_type,card_number,expires,cvv,has_chip,num_cards_issued,credit_limit,"
    "acct_open_date,year_pin_last_changed,card_on_dark_web"
)
NUMBER, CVV = "9999212055413925", "83746"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("names")
    generate(300, 2, folder)
    url = f"sqlite:///{folder}/transactions.db"
    if request.param == "postgresql":
        url = new_postgres(request.getfixturevalue("postgres_server"))
    # Twice: names are replaced, not added.
    for run in ("first", "second"):
        clean.run(spark, settings(folder, url), run, quiet())
    return folder, url


def test_every_category_has_its_name(loaded: tuple[Path, str]) -> None:
    folder, url = loaded
    codes = json.loads((folder / "mcc_codes.json").read_text())
    expected = {(int(code), name) for code, name in codes.items()}
    assert set(query(url, "SELECT mcc, name FROM mcc_codes")) == expected


def test_cards_are_kept_without_number_and_cvv(loaded: tuple[Path, str]) -> None:
    folder, url = loaded
    with (folder / "cards_data.csv").open() as file:
        cards = list(csv.DictReader(file))
    expected = [
        (
            *(card[name] for name in ("id", "client_id", "card_brand", "card_type", "expires", "has_chip")),
            int(card["num_cards_issued"]),
            int(card["credit_limit"].strip("$")),
            card["acct_open_date"],
            int(card["year_pin_last_changed"]),
            card["card_on_dark_web"],
        )
        for card in cards
    ]
    assert sorted(query(url, "SELECT * FROM cards")) == sorted(expected)


def test_no_card_number_is_anywhere_in_the_files_of_the_store(loaded: tuple[Path, str]) -> None:
    folder, _ = loaded
    with (folder / "cards_data.csv").open() as file:
        numbers = [card["card_number"].encode() for card in csv.DictReader(file)]
    content = b"".join(path.read_bytes() for path in folder.glob("transactions.db*"))
    assert [number for number in numbers if number in content] == []


def test_a_card_with_shifted_columns_gives_nothing_away(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database)
    write(Path(chosen.csv_path), [row(1)])
    rest = f"{NUMBER},03/2021,{CVV},YES,2,$23203,01/2019,2020,No"
    lines = [
        f"1,0,Visa,Debit,{rest}",
        f"2,0,Visa,Debit,Prepaid,{rest}",
        f"3,0,Visa,{rest}",
        f"4,0,{rest}",
        f'5,0,"Visa,Debit,{rest}',
        f"6,0,Visa,Debit,{rest},more",
        f"7,{NUMBER},Visa,Debit,{rest}",
        f"{NUMBER},0,Visa,Debit,{rest}",
        f"1,0,Visa,Debit,{rest}",
        f"9,0,Vi\0sa,Debit,{rest}",
        "",
    ]
    write(tmp_path / "cards_data.csv", lines, CARD)
    clean.run(spark, chosen, "run", quiet())
    stored = repr(query(database, "SELECT * FROM cards"))
    assert "'1', '0', 'Visa', 'Debit', '03/2021', 'YES', 2, 23203" in stored
    assert NUMBER not in stored
    assert CVV not in stored
    for file in tmp_path.glob("transactions.db*"):
        assert NUMBER.encode() not in file.read_bytes()
        assert CVV.encode() not in file.read_bytes()


def test_transactions_are_loaded_without_what_may_lie_beside_them(spark: SparkSession, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    write(Path(chosen.csv_path), [row(1)])
    clean.run(spark, chosen, "run", quiet())
    url = f"sqlite:///{chosen.sqlite_db}"
    assert query(url, "SELECT (SELECT count(*) FROM mcc_codes), (SELECT count(*) FROM cards)") == [(0, 0)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mcc_codes.json", ""),
        ("mcc_codes.json", "[1, 2]"),
        ("mcc_codes.json", '{"5812": "Eating'),
        ("mcc_codes.json", '{"food": "Eating Places"}'),
        ("mcc_codes.json", '{"99999999999": "Eating Places"}'),
        ("mcc_codes.json", '{"5812": "\\ud800"}'),
        ("cards_data.csv", ""),
        ("cards_data.csv", CARD.replace("expires", "expiry")),
    ],
)
def test_names_that_cannot_be_read_are_refused_before_any_transaction(
    spark: SparkSession, tmp_path: Path, name: str, content: str
) -> None:
    chosen = settings(tmp_path)
    write(Path(chosen.csv_path), [row(1)])
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        clean.run(spark, chosen, "run", quiet())
    assert transactions(f"sqlite:///{chosen.sqlite_db}") == {}
