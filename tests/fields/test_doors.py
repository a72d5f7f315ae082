"""What one door takes the others take: the same texts in a raw file and in a post, with the same outcome."""
# ruff: noqa: RUF001, E501 - tables of texts: blanks, minus signs and quotes that only look like ours

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pyspark.sql import SparkSession

from fraudstack.decisions.submission import Submission
from fraudstack.fields import amounts
from jobs.raw.parse import parsed
from tests.jobs.raw_files import COLUMNS

LATER = datetime.now(UTC) + timedelta(days=3)

AMOUNTS = {
    "$-77.00": -77_00, "-$77.00": -77_00, "$1,234.50": 1234_50, "12.5": 12_50, "5": 5_00, "0012.50": 12_50, "$-0.00": 0,
    # Accountants.
    "($77.00)": -77_00, "$(77.00)": -77_00, "(77)": -77_00, "77.00-": -77_00, "$77.00-": -77_00, "−77.00": -77_00,
    "+12.50": 12_50, "(1,234.50)": -1234_50, "(−5)": None, "(-5)": None, "-(5)": None, "--5": None, "-5-": None, "+-5": None,
    "(5": None, "5)": None, "()": None,
    # Currencies.
    "USD 12.50": 12_50, "12.50 USD": 12_50, "12.50USD": 12_50, "$ 12.50": 12_50, "12.50 $": 12_50, "USD -5": -5_00,
    "-USD 5": -5_00, "US$5": 5_00, "(USD 5.00)": -5_00, "$": None, "USD": None, "$$5": None, "5 dollars": None,
    # Thousands.
    "1'234.50": 1234_50, "1’234’567.00": 1234567_00, "1 234,50": 1234_50, "1\u00a0234,50": 1234_50, "1\u202f234.50": 1234_50,
    "1.234,50": 1234_50, "1.234.567": 1234567_00, "1,234,567.8": 1234567_80, "1,107": 1107_00, "12,34,567.00": None,
    "1,2,3": None, "1'23": None, "12 34": None, "1 2345": None, "1.23.456": None,
    # The cents.
    "7,50": 7_50, "7,5": 7_50, "12.5000": 12_50, ".50": 50, "-.5": -50, "12.": 12_00, "0.500": 50, "1234.500": 1234_50,
    "12.345": None, "12.3456": None, "0,123": None, "7,": None, ".": None, ",": None, "": None, "-": None,
    # Digits that can be read in two ways.
    "47.890": None, "3.000": None, "1.234": None, "-1.000": None, "$47.890": None, "(47.890)": None, "47.890-": None,
    # Exponents.
    "7.7E+1": 77_00, "1e3": 1000_00, "1.2E3": 1200_00, "5e-1": 50, "-1E2": -100_00, "1e-3": None, "1e99": None, "e5": None,
    "12e1": None, "1e": None,
    # Blanks, and what is none.
    "  12.50 ": 12_50, "\u00a012.50": 12_50, "1_000": None, "0x10": None, "٣": None, "５": None, "nan": None, "Infinity": None,
    "1/2": None, "50%": None, "12:50": None, "x": None, "5x": None, "1\t5": None,
}  # fmt: skip
DATES = {
    "2024-03-01 08:15": "2024-03-01 08:15:00", "2024-03-01 08:15:09": "2024-03-01 08:15:09",
    "2024-03-01T08:15:00.000Z": "2024-03-01 08:15:00", "2024-03-01T08:15:00Z": "2024-03-01 08:15:00",
    "2024-03-01T08:15Z": "2024-03-01 08:15:00", "2024-03-01t08:15:00z": "2024-03-01 08:15:00",
    "2024-03-01T08:15:00.999999999": "2024-03-01 08:15:00", "2024-03-01 08:15:00,5": "2024-03-01 08:15:00",
    "2024-03-01T08:15:00+02:00": "2024-03-01 06:15:00", "2024-03-01 08:15:00 +0200": "2024-03-01 06:15:00",
    "2024-03-01T23:30:00-01:30": "2024-03-02 01:00:00", "2024-03-01T08:15:00+02": "2024-03-01 06:15:00",
    " 2024-03-01 08:15 ": "2024-03-01 08:15:00", "1970-01-01 00:00:00": "1970-01-01 00:00:00",
    "2024-02-29 00:00": "2024-02-29 00:00:00",
    **dict.fromkeys(
        [
            "2023-02-29 00:00", "2024-03-01", "2024-03-01 24:00", "2024-03-01 08:60", "2024-03-01 08:15:60", "2024-13-01 08:15",
            "0000-01-01 00:00", "1969-12-31 23:59:59", "1970-01-01 00:00+01:00", "01.03.2024 08:15", "2024/03/01 08:15", "now",
            "20240301T081500", "1709280900", "2024-3-1 08:15", "2024-03-01 8:15", "2024-03-01 08:15:00 CET",
            "2024-03-01 08:15:00+25:00", "2024-03-01T08:15:00ZZ", "٢٠٢٤-03-01 08:15", f"{LATER:%Y-%m-%d %H:%M:%S}",
            f"{LATER:%Y-%m-%dT%H:%M:%S}Z", "2042-01-01 00:00:00", "9999-12-31 23:59:59",
        ]
    ),
}  # fmt: skip
KEYS = {
    "301": "301", "301.0": "301", "-727612092259916377": "-727612092259916377", "-1.0": "-1", " 7 ": "7", "007": "007",
    "SW1": "SW1", "3.5": "3.5", "1.00": "1.00", "a.0": "a.0", "-": None, "None": None, "NaN": None, "": None,
}  # fmt: skip
ZIPS = {
    "45011": "45011",
    "45011.0": "45011",
    "501": "00501",
    "501.0": "00501",
    "K1A 0B1": "K1A 0B1",
    "nan": None,
    "": None,
}
MCCS = {"5411": 5411, "5411.0": 5411, "0742": 742, " 5411 ": 5411, "nan": None, "": None, "-": None}
NO_MCCS = ["54110", "5411.5", "-5411", "x", "5e3", "５４１１"]
TEXTS = {
    **dict.fromkeys(
        [
            "", "  ", "nan", "NaN", "None", "NONE", "NULL", "null", "No Error", "no error", "NO ERRORS", "-", "--", "N/A", "n/a", "NA",
            "<NA>", "#N/A", "NaT", "?", "keine", "Keine", "Kein Fehler", "ninguno", "aucune", "nessuno", "geen", "ingen", "brak",
            "нет", "无", "なし", " None ",
        ]
    ),
    **{text: text for text in ("Bad PIN", "Nonesuch", "Nan Yang", "No", "0", "Nullarbor", "Error", "Keines Bakery")},
}  # fmt: skip
ODD_IDS = ["-5", "5.5", "x", "", "nan", "1e3", "1" * 19, "٣"]


def in_file(spark: SparkSession, name: str, texts: list[str]) -> list[dict[str, Any]]:
    """The rows of a raw file, each with another text in one column."""
    lines = []
    for number, text in enumerate(texts):
        row = {"id": str(number), "date": "2024-03-01 08:15", "client_id": "301", "amount": "5"} | {name: text}
        lines.append(",".join('"' + row.get(column, "").replace('"', '""') + '"' for column in COLUMNS))
    table = pa.table({"position": range(len(lines)), "line": lines, "is_first": [False] * len(lines)})
    found = parsed(spark.createDataFrame(table), COLUMNS, "USD").toArrow().to_pylist()
    return sorted(found, key=lambda row: int(row["position"]))


def posted(name: str, text: object) -> Submission | None:
    """A post with a text in one field; None where it is refused."""
    try:
        return Submission.model_validate({"client_id": "301", "amount": "5", "currency": "USD"} | {name: text})
    except ValidationError:
        return None


def same(
    spark: SparkSession, name: str, texts: list[str], column: str, said: Callable[[Submission], object]
) -> list[object]:
    """What a column holds of each text, None where it is refused or empty, once both doors have said the same."""
    of_file = [None if row["reason"] else row[column] for row in in_file(spark, name, texts)]
    of_posts = [found and said(found) for found in (posted(name, text) for text in texts)]
    pairs = zip(texts, of_file, of_posts, strict=True)
    assert [(text, a, b) for text, a, b in pairs if a != b] == []
    return of_file


def test_amounts(spark: SparkSession) -> None:
    assert same(spark, "amount", list(AMOUNTS), "cents", lambda found: found.cents) == list(AMOUNTS.values())


def test_dates(spark: SparkSession) -> None:
    found = same(spark, "date", list(DATES), "date", lambda found: found.date)
    assert [date and str(date) for date in found] == list(DATES.values())


@pytest.mark.parametrize("name", ["card_id", "merchant_id"])
def test_keys(spark: SparkSession, name: str) -> None:
    assert same(spark, name, list(KEYS), name, lambda found: getattr(found, name)) == list(KEYS.values())


def test_clients(spark: SparkSession) -> None:
    # Every transaction has one: a word for nothing is refused.
    found = same(spark, "client_id", list(KEYS), "client_id", lambda found: found.client_id)
    assert found == list(KEYS.values())


def test_zips_and_categories(spark: SparkSession) -> None:
    assert same(spark, "zip", list(ZIPS), "zip", lambda found: found.zip) == list(ZIPS.values())
    assert same(spark, "mcc", [*MCCS, *NO_MCCS], "mcc", lambda found: found.mcc)[: len(MCCS)] == list(MCCS.values())
    assert {row["reason"] for row in in_file(spark, "mcc", NO_MCCS)} == {"bad mcc"}
    assert [posted("mcc", text) for text in NO_MCCS] == [None] * len(NO_MCCS)


@pytest.mark.parametrize("name", ["errors", "use_chip", "merchant_city"])
def test_words_for_nothing(spark: SparkSession, name: str) -> None:
    assert same(spark, name, list(TEXTS), name, lambda found: getattr(found, name)) == list(TEXTS.values())


def test_ids(spark: SparkSession) -> None:
    assert same(spark, "id", ["5", "5.0", " 5 ", "007"], "id", lambda found: found.id) == [5, 5, 5, 7]
    assert {row["reason"] for row in in_file(spark, "id", ODD_IDS)} == {"bad id", "missing id"}
    # A post without an id gets one.
    assert [posted("id", text) for text in ODD_IDS if text not in ("", "nan")] == [None] * (len(ODD_IDS) - 2)


def test_numbers_of_json_are_what_their_text_is() -> None:
    for number in (301, 301.0, -1, 5411.0):
        found, wanted = posted("merchant_id", number), posted("merchant_id", str(number))
        assert found is not None
        assert wanted is not None
        assert found.merchant_id == wanted.merchant_id


ODD = st.text("0123456789.,-−+()$ '’\u00a0eEUSD€", max_size=12)


@settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ODD, min_size=400, max_size=400))
def test_any_amount_is_the_same_at_both_doors(spark: SparkSession, texts: list[str]) -> None:
    found = [row["cents"] for row in in_file(spark, "amount", texts)]
    wanted = [amounts.cents(text.strip(" "), "USD") for text in texts]
    assert [(t, a, b) for t, a, b in zip(texts, found, wanted, strict=True) if a != b] == []
