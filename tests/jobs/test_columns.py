"""Files with columns of their own, from their rows to the store."""

import csv
import random
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from data.stream import stream
from fraudstack.columns.mapping import Mapping, load
from fraudstack.columns.rows import made_id, read
from fraudstack.errors import InputError
from fraudstack.settings import Settings
from jobs import clean, label
from jobs.raw import history
from jobs.raw.columns import Others, with_key
from jobs.raw.parse import parsed
from tests.api.served import environment, served
from tests.columns.made import KEY, mapping
from tests.jobs.databases import everything, quarantined, quiet, settings, transactions

TABFORMER = (
    "User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,Merchant State,Zip,MCC,Errors?,Is Fraud?"
)
SPARKOV = (
    ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,"
    "dob,trans_num,unix_time,merch_lat,merch_long,is_fraud"
)
PAN = "9999000011102107"


def tabformer(client: int, day: int, time: str, *, fraud: str = "No", errors: str = "") -> str:
    paid = "$38.82,Chip Transaction,-1000000000000700,Larkspur,OH,45011.0,5411"
    return f"{client},0,2024,3,{day},{time},{paid},{errors},{fraud}"


def sparkov(number: int, pan: str = PAN, category: str = "grocery_pos", fraud: str = "0") -> str:
    return (
        f'{number},2024-03-01 08:15:{number:02},{pan},"fraud_Shop, Sons",{category},38.82,A,B,F,1 Main,Larkspur,OH,'
        f'4501,40.1,-80.2,3495,"Engineer, civil",1988-03-09,{number:032x},17092,40.2,-80.1,{fraud}'
    )


def written(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join([*lines, ""]), encoding=encoding)
    return path


def ingested(spark: SparkSession, folder: Path, file: Path | str, columns: Path | str, **given: Any) -> Any:
    run = settings(folder, csv_path=str(file), columns=str(columns), **given)
    return clean.run(spark, run, "r", quiet()), run


def test_rows_without_ids_and_a_date_in_four_columns(spark: SparkSession, tmp_path: Path) -> None:
    alike = [tabformer(303, 2, "10:40")] * 2
    first = [tabformer(301, 1, "08:15", errors="Bad PIN"), tabformer(302, 1, "9:23", fraud="Yes"), *alike]
    file = written(tmp_path / "card_transaction.csv", TABFORMER, *first)
    summary, run = ingested(spark, tmp_path, file, "tabformer")
    assert (summary.rows_in, summary.loaded, summary.quarantined) == (4, 4, 0)
    before = transactions(run.store_url)
    assert [row[1:] for row in before.values() if row[2] == "301"] == [
        (
            datetime(2024, 3, 1, 8, 15), "301", "301 0", Decimal("38.82"), "USD", "Chip Transaction",
            "-1000000000000700", "Larkspur", "OH", "45011", 5411, None, "Bad PIN", None, 0,
        )
    ]  # fmt: skip
    assert all(2**62 <= id < 2**62 + 2**60 for id in before)
    assert sorted(str(row[-1]) for row in before.values()) == ["0", "0", "0", "1"]
    # The same again, and an export that shares a day with it.
    clean.run(spark, run, "again", quiet())
    assert transactions(run.store_url) == before
    later = written(tmp_path / "later.csv", TABFORMER, *alike, tabformer(301, 3, "08:15"))
    clean.run(spark, run.model_copy(update={"csv_path": str(later)}), "later", quiet())
    assert len(transactions(run.store_url)) == 5
    assert before.items() <= transactions(run.store_url).items()


def test_a_card_number_becomes_a_token_and_stands_nowhere(spark: SparkSession, tmp_path: Path) -> None:
    refused = [sparkov(2, category="gambling"), sparkov(3, fraud="perhaps"), sparkov(4, pan="9.9990000111E+15"), PAN]
    file = written(tmp_path / "fraudTrain.csv", SPARKOV, sparkov(0), sparkov(1, fraud="1", pan=f"{PAN}.0"), *refused)
    summary, run = ingested(spark, tmp_path, file, "sparkov", token_key=KEY, max_reject_share=1)
    assert summary.reasons == {
        "unknown use_chip": 1, "bad is_fraud": 1, "bad client_id": 1, "too few columns": 1,
    }  # fmt: skip
    rows = transactions(run.store_url)
    tokens = {(str(row[2]), str(row[3])) for row in rows.values()}
    assert len(rows) == 2
    assert len(tokens) == 1
    assert all(client == card and client.startswith("k2-") and len(client) == 35 for client, card in tokens)
    assert {(row[6], row[10], row[11], row[15]) for row in rows.values()} == {
        ("Swipe Transaction", "04501", 5411, 0), ("Swipe Transaction", "04501", 5411, 1),
    }  # fmt: skip
    kept = run.sqlite_db.read_bytes() + repr(summary).encode() + repr(everything(run.store_url)).encode()
    assert b"99990000111" not in kept
    assert all("hidden" in str(text) for _, text, _ in quarantined(run.store_url))
    # Another key makes other tokens and the same ids.
    other = tmp_path / "other"
    other.mkdir()
    _, run = ingested(spark, other, file, "sparkov", token_key=SecretStr("3:quite-another-secret"), max_reject_share=1)
    assert transactions(run.store_url).keys() == rows.keys()
    assert all(str(row[2]).startswith("k3-") for row in transactions(run.store_url).values())


def test_no_plan_shows_the_key(spark: SparkSession) -> None:
    tokened = mapping(card_id="{from: A, token: true}")
    assert tokened.key
    texts = {"a": PAN, "when": "2024-03-01", "who": "1", "much": "1.00"}
    rows = with_key(spark, spark.range(1).select(*(F.lit(text).alias(name) for name, text in texts.items())), tokened)
    others = Others(tokened, F.col)
    token = rows.select("*", *others.sources()).select(others.text("card_id").alias("token"))
    assert token.head() == (tokened.key.token(PAN),)
    plan = token._jdf.queryExecution().toString()
    inner, outer = tokened.key.blocks()
    for secret in (tokened.key.secret, inner, outer):
        assert secret.hex().upper() not in plan.upper()
        assert secret.decode("latin-1") not in plan


OWN = """
encoding: windows-1252
columns:
  id: Nr
  date: {from: [Tag, Uhrzeit], format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
  client_id: Kunde
  amount: {from: Betrag, unit: cents, sign: {from: S/H, minus: [H]}}
  use_chip: {from: Weg, values: {Chip: Chip Transaction, Netz: Online Transaction}}
  merchant_id: Händler
  description: Zweck
  currency: {value: EUR}
  is_fraud: {from: Betrug, values: {ja: true, nein: false}}
"""


def test_a_bank_s_own_export(spark: SparkSession, tmp_path: Path) -> None:
    columns = written(tmp_path / "columns.yaml", OWN)
    file = written(
        tmp_path / "umsatz.csv",
        "Nr;Tag;Uhrzeit;Kunde;Betrag;S/H;Weg;Händler;Zweck;Betrug",
        "1;01.07.2024;08:15;301;3882;S;Chip;Bäcker;Brötchen;ja",
        "2;1.7.2024;08:15;301;3882;H;Netz;;PAN 4111 1111 1111 1111;nein",
        "3;01.07.2024;08:15;301;3882;S;;NULL;;",
        "4;01.07.2024;08:15;301;3882;S;Magnet;;;",
        "5;01.07.2024;08:15;301;38,82;S;Chip;;;",
        "6;31.06.2024;08:15;301;3882;S;Chip;;;",
        "7;01.07.2024;08:15;301;3882;S;Chip;;;vielleicht",
        encoding="windows-1252",
    )
    summary, run = ingested(spark, tmp_path, file, columns, max_reject_share=1)
    assert summary.reasons == {"unknown use_chip": 1, "bad amount": 1, "bad date": 1, "bad is_fraud": 1}
    assert [(row[0], row[1], row[4], *row[5:8], row[12], row[15]) for row in transactions(run.store_url).values()] == [
        (1, datetime(2024, 7, 1, 6, 15), Decimal("38.82"), "EUR", "Chip Transaction", "Bäcker", "Brötchen", 1),
        (2, datetime(2024, 7, 1, 6, 15), Decimal("-38.82"), "EUR", "Online Transaction", None, "PAN [card]", 0),
        (3, datetime(2024, 7, 1, 6, 15), Decimal("38.82"), "EUR", None, None, None, None),
    ]
    # Where nobody named labels, those of the rows stand, and the clusters' rates follow from them.
    unnamed = {
        name: value for name, value in run.model_dump().items() if name in run.model_fields_set - {"labels_path"}
    }
    labelled = label.run(spark, Settings(**unnamed), "r", quiet())
    assert labelled.said == ["the labels are those that the rows carry"]


@pytest.mark.slow
def test_a_stream_names_the_rows_as_an_ingest_does(spark: SparkSession, tmp_path: Path) -> None:
    alike = [tabformer(303, 2, "10:40")] * 2
    file = written(tmp_path / "t.csv", TABFORMER, tabformer(301, 1, "08:15", fraud="Yes"), *alike, "1,2")
    _, run = ingested(spark, tmp_path, file, "tabformer", max_reject_share=1)
    loaded = transactions(run.store_url)
    with served(tmp_path, environment(tmp_path, run.store_url)) as (url, _):
        found = list(stream(file, None, url, None, load("tabformer")))
    # What ingest loaded is decided, since it says the same; JSON has such ids as text.
    assert {int(one.answer["id"]) for one in found if one.answer} == loaded.keys()
    assert all(isinstance(one.answer["id"], str) for one in found if one.answer)
    assert [one.is_fraud for one in found] == [True, False, False, None]
    assert str(found[-1].refused).endswith("t.csv, line 5: too few columns")


def test_models_learn_from_the_labels_of_rows(spark: SparkSession, tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", TABFORMER, tabformer(301, 1, "08:15"), tabformer(302, 1, "9:23", fraud="Yes"))
    run = Settings(csv_path=str(file), columns="tabformer", staging_dir=tmp_path)
    events, prints = history.from_files(spark, run, tmp_path, quiet())
    assert sorted((row.client_id, row.is_fraud) for row in events.collect()) == [("301", 0), ("302", 1)]
    assert prints["labels"] == prints["transactions"]


def test_a_header_that_lacks_a_column_is_told_with_the_line(spark: SparkSession, tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", TABFORMER.replace("Amount", "Betrag"), tabformer(301, 1, "08:15"))
    with pytest.raises(InputError, match=r"tabformer\.yaml, line 7: .*t\.csv has no column 'Amount'"):
        ingested(spark, tmp_path, file, "tabformer")


TEXTS: list[tuple[dict[str, str], list[str]]] = [
    ({"date": "{from: A, zone: Europe/Berlin}"}, ["2024-03-31 02:30", "2024-10-27 02:30", "2024-03-01T08:15Z", "2024"]),
    (
        {"date": "{from: A, format: '%d.%m.%Y %H:%M', zone: America/St_Johns}"},
        ["10.03.2024 02:30", "3.11.2024 01:30", "29.02.2023 01:00", "1.1.1 1:1", "\u0661.1.2024 01:30"],
    ),
    (
        {"date": "{from: A, format: '%d%b%y %I:%M %p'}"},
        ["01MAR24 12:05 a.m.", "01sept69 11:05 PM", "01Mai24 1:05 AM", "1May 1:05 AM"],
    ),
    (
        {"date": "{from: A, format: '%B %d, %Y %H:%M:%S.%f'}"},
        ["July 4, 2024 01:02:03.45", "Juli 4, 2024 01:02:03.4"],
    ),
    ({"date": "{from: A, format: '%Y%m%d'}"}, ["20240301", "2024113", "20240230"]),
    ({"date": "{from: A, unix: s}"}, ["1709280900", "1709280900.7", "-1", "x"]),
    ({"date": "{from: A, unix: ms}"}, ["1709280900999", "-1", ""]),
    ({"amount": "{from: A, unit: cents}"}, ["3882", "-7", "38.82", "3,882", "(12)", "1e3", "12345678901", ""]),
    ({"amount": "{from: A, decimal: ','}"}, ["1.234,50", "47.890", "38,8", "38.82", "5-", "1 234,5"]),
    ({"amount": "{from: A, decimal: '.'}"}, ["47.890", "1,234.5", "1.5", "1.2.3"]),
    ({"amount": "{from: A, sign: {from: B, minus: [H]}}"}, ["5.00", "-5.00", "0.00"]),
    ({"use_chip": "{from: A, values: {Yes: Chip Transaction, '': Swipe Transaction}}"}, ["Yes", "yes", "", "null"]),
    ({"is_fraud": "A"}, ["yes", "FALSE", "1", "", "-", "2"]),
    ({"card_id": "{from: A, token: true}"}, [PAN, "9999 0000-1110 2107", "1.5E+15", "", "nan", "Ä-1", "12.0"]),
    ({"id": "{from: A, digest: true}"}, ["x1", "Ä", ""]),
    (
        {"card_id": "[A, B]", "zip": "A", "merchant_id": "A", "errors": "A"},
        ["1", "", "501.0", "nan", "Ä x"],
    ),
]


def test_spark_reads_what_python_reads(spark: SparkSession) -> None:
    dice = random.Random(7)
    for said, texts in TEXTS:
        asked = mapping(KEY, **said)
        every = [*texts, *("".join(dice.sample("0123456789.,-: eE+", 6)) for _ in range(5))]
        for text, found in zip(every, read_by_spark(spark, asked, every), strict=True):
            wanted = read_by_python(asked, text)
            if "reason" in wanted:
                assert found.reason == wanted["reason"], (said, text)
            elif found.reason:
                # What the ordinary rules refuse.
                early = found.reason == "bad date" and wanted["date"] < "1970"
                assert early or (found.reason == "missing id" and "id" not in wanted), (said, text, found)
            else:
                assert str(found.date) == wanted["date"], (said, text)
                assert found.cents == Decimal(wanted["amount"]) * 100, (said, text)
                assert found.use_chip == wanted.get("use_chip"), (said, text)
                assert found.card_id == wanted.get("card_id"), (said, text)
                label = None if found.is_fraud is None else "Yes" if found.is_fraud else "No"
                assert label == wanted.get("is_fraud"), (said, text)
                made = str(made_id(wanted, asked)) if asked.columns.id is None else wanted["id"]
                assert str(found.id) == made, (said, text)


def read_by_python(asked: Mapping, text: str) -> dict[str, str]:
    row = {"when": "2024-03-01 08:15", "who": "1", "much": "1.00", "a": text, "b": "H"}
    try:
        return read(asked, row, "USD")
    except ValueError as error:
        return {"reason": str(error)}


def read_by_spark(spark: SparkSession, asked: Mapping, texts: list[str]) -> list[Any]:
    rows = []
    for position, text in enumerate(texts):
        line = StringIO()
        csv.writer(line, lineterminator="").writerow([text, "H", "2024-03-01 08:15", "1", "1.00"])
        rows.append({"position": position, "line": line.getvalue(), "is_first": False})
    lines = with_key(spark, spark.createDataFrame(pa.Table.from_pylist(rows)), asked)
    found = parsed(lines, ["a", "b", "when", "who", "much"], "USD", ",", asked)
    if "is_fraud" not in found.columns:
        found = found.withColumn("is_fraud", F.lit(None).cast("int"))
    return found.orderBy("position").collect()
