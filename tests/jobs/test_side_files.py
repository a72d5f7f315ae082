"""Category names and cards are loaded with the transactions, without what makes a card usable."""

import csv
import json
import zipfile
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from data.generate import generate
from jobs import clean
from jobs.raw import side_files
from jobs.steps.summary import Summary
from tests.jobs.databases import new_postgres, query, quiet, settings
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
    # Twice: names are merged, not added.
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


def beside(spark: SparkSession, folder: Path, url: str | None = None, **contents: str | bytes) -> Summary:
    chosen = settings(folder, url)
    write(Path(chosen.csv_path), [row(1)])
    for name, content in (("mcc_codes.json", contents.get("codes")), ("cards_data.csv", contents.get("cards"))):
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return clean.run(spark, chosen, "run", quiet())


def test_what_is_known_stays_when_a_file_says_less(spark: SparkSession, database: str, tmp_path: Path) -> None:
    full = (
        f"{CARD}\n1,10,Visa,Debit,{NUMBER},12/2028,{CVV},YES,2,$5000,01/2015,2019,No\n2,20,Visa,,,12/2028,,YES,,,,,\n"
    )
    beside(spark, tmp_path, database, codes='{"1": "One", "2": "Two"}', cards=full)
    part = "client_id,id,expires,has_chip,credit_limit\n10,1,,NO,\n30,3,01/2030,YES,$1\n"
    summary = beside(
        spark,
        tmp_path,
        database,
        codes='[{"mcc": 2, "description": "Zwei"}, {"mcc": "0003", "name": "Three"}]',
        cards=part,
    )
    assert summary.said == []
    assert sorted(query(database, "SELECT mcc, name FROM mcc_codes")) == [(1, "One"), (2, "Zwei"), (3, "Three")]
    assert sorted(query(database, "SELECT * FROM cards")) == [
        ("1", "10", "Visa", "Debit", "12/2028", "NO", 2, 5000, "01/2015", 2019, "No"),
        ("2", "20", "Visa", None, "12/2028", "YES", None, None, None, None, None),
        ("3", "30", None, None, "01/2030", "YES", None, 1, None, None, None),
    ]
    # Nothing of them any more.
    beside(spark, tmp_path, database, codes="[]", cards=CARD)
    assert query(database, "SELECT (SELECT count(*) FROM mcc_codes), (SELECT count(*) FROM cards)") == [(3, 3)]


def test_cards_are_read_as_spreadsheets_save_them(tmp_path: Path) -> None:
    file = "\ufeff;" + CARD.replace(",", ";") + "\r\n" + "".join(
        f"{place};{line}\r\n"
        for place, line in enumerate((
            "1.0;10.0;Visa;Debit;4.53E+15;Dec-28;123;TRUE;1.0;$24,295.00;Jan-15;2019.0;FALSE",
            "2;20;Visa;Debit;;2028-12-01 00:00:00;;WAHR;1;24295 USD;01.01.2015;;nan",
            "3;30;Visa;Debit;;12/1/2028;;no;;$5,000;13/2015;;Yes",
            f"4;40;{NUMBER[:4]} {NUMBER[4:8]} {NUMBER[8:12]} {NUMBER[12:]};Debit;x;Dec-28;123;YES;1;1;;;",
            "5;50;4,53E+15;Debit;x;Dec-28;123;YES;1;1;;;",
            "6;60;Visa;Debit;Dec-28;123;YES;1;1;Jan-15;2019;No;",
            ";70;Visa;Debit;x;Dec-28;123;YES;1;1;;;",
        ))
    )  # fmt: skip
    (tmp_path / "cards_data.csv").write_bytes(file.encode("utf-16"))
    (tmp_path / "t.csv").write_text("x")
    found = side_files.read(str(tmp_path / "t.csv"))
    assert [tuple(card.values()) for card in found.tables["cards"].to_pylist()] == [
        ("1", "10", "Visa", "Debit", "12/2028", "YES", 1, 24295, "01/2015", 2019, "No"),
        ("2", "20", "Visa", "Debit", "12/2028", "YES", 1, 24295, "01/2015", None, None),
        ("3", "30", "Visa", "Debit", "12/2028", "NO", None, 5000, None, None, "Yes"),
    ]
    path = f"{tmp_path}/cards_data.csv"
    assert found.said == [
        f"{path}: 4 cards were left out: their columns are out of place, or there is no id or client_id",
        f"{path}: 1 fields were left out: no such date, amount, number or yes and no; the rest of their cards is read",
    ]


def test_side_files_are_found_in_the_archive_of_the_transactions(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("set/transactions_data.csv", "x")
        archive.writestr("set/mcc_codes.json", '{"5411": "Groceries"}')
        archive.writestr("set/cards_data.csv", "id,client_id\n1,2\n")
    found = side_files.read(str(tmp_path / "archive.zip"))
    assert found.tables["mcc_codes"].to_pylist() == [{"mcc": 5411, "name": "Groceries"}]
    assert found.tables["cards"].column("client_id").to_pylist() == ["2"]
    assert found.said == []


@pytest.mark.parametrize(
    ("name", "content", "said", "read"),
    [
        ("mcc_codes.json", "", "isn't JSON of merchant category codes", 0),
        ("mcc_codes.json", "[1, 2]", "2 codes were left out", 0),
        ("mcc_codes.json", '{"5812": "Eating', "isn't JSON of merchant category codes", 0),
        ("mcc_codes.json", "12", "isn't JSON of merchant category codes", 0),
        ("mcc_codes.json", "<html>Sign in", "is a web page", 0),
        ("mcc_codes.json", '{"food": "Eating Places", "5411": "Groceries"}', "1 codes were left out", 1),
        ("mcc_codes.json", '{"99999999999": "Eating Places"}', "1 codes were left out", 0),
        ("mcc_codes.json", '{"5812": "\\ud800"}', None, 1),
        ("mcc_codes.json", '[{"mcc": 742.0, "edited_description": "Vets"}]', None, 1),
        ("mcc_codes.json", '{"codes": [{"code": "0742", "description": "Vets"}]}', None, 1),
        ("cards_data.csv", "", "is empty", 0),
        ("cards_data.csv", "PAR1...", "is Parquet", 0),
        ("cards_data.csv", CARD.replace("client_id", "client"), "has no column client_id", 0),
        ("cards_data.csv", "id,client_id\n1,2\n1,3\n4\n", "1 cards were left out", 1),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, content: str, said: str | None, read: int) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "t.csv").write_text("x")
    found = side_files.read(str(tmp_path / "t.csv"))
    assert sum(rows.num_rows for rows in found.tables.values()) == read
    assert len(found.said) == (said is not None)
    for sentence in found.said:
        assert sentence.startswith(f"{tmp_path}/{name}")
        assert said is not None
        assert said in sentence


def test_transactions_are_loaded_beside_what_cannot_be_read(spark: SparkSession, tmp_path: Path) -> None:
    beside(spark, tmp_path, codes='{"1": "One"}')
    summary = beside(spark, tmp_path, codes="{", cards="")
    assert summary.loaded == 1
    assert len(summary.said) == 2
    assert all("; the transactions are loaded without it" in said for said in summary.said)
    assert query(f"sqlite:///{tmp_path}/transactions.db", "SELECT mcc FROM mcc_codes") == [(1,)]
