"""Whatever values a row is written with come out of parsing as they were; other forms never do."""

from datetime import datetime

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from fraudstack.fields import nothing
from fraudstack.schema import FIRST_ASSIGNED
from jobs.raw.parse import parsed
from tests.jobs.raw_files import COLUMNS, row

batches = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
BATCH = 150
Written = tuple[str, object]


def parse(spark: SparkSession, rows: list[str]) -> list[dict[str, object]]:
    lines = pa.table({"position": range(len(rows)), "line": rows, "is_first": [False] * len(rows)})
    found = parsed(spark.createDataFrame(lines), COLUMNS, "USD").toArrow().to_pylist()
    return sorted(found, key=lambda of: int(of["position"]))


def column(spark: SparkSession, name: str, texts: list[str]) -> list[dict[str, object]]:
    return parse(spark, [row(**({"id": str(number)} | {name: text})) for number, text in enumerate(texts)])


def batch(of: st.SearchStrategy[Written]) -> st.SearchStrategy[list[Written]]:
    return st.lists(of, min_size=BATCH, max_size=BATCH)


@st.composite
def amounts(draw: st.DrawFn) -> Written:
    """An amount in one of its forms, and its cents."""
    cents = draw(st.one_of(st.integers(0, 10**12 - 1), st.integers(0, 10**5)))
    negative = draw(st.booleans())
    units = draw(st.sampled_from([f"{cents // 100}", f"{cents // 100:,}"]))
    places = [f".{cents % 100:02}", f".{cents % 100:02}00"]
    if cents % 10 == 0:
        places.append(f".{cents % 100 // 10}")
    if cents % 100 == 0:
        places.append("")
    sign = draw(st.sampled_from(["$-", "-$", "-"] if negative else ["$", ""]))
    text = f"{sign}{units}{draw(st.sampled_from(places))}"
    return (f'"{text}"' if "," in text or draw(st.booleans()) else text), -cents if negative else cents


@st.composite
def dates(draw: st.DrawFn) -> Written:
    date = draw(st.datetimes(datetime(1970, 1, 1), datetime(2026, 1, 1))).replace(microsecond=0)
    if draw(st.booleans()):
        date = date.replace(second=0)
        return date.isoformat(" ")[:16], date
    return date.isoformat(" "), date


@st.composite
def zips(draw: st.DrawFn) -> Written:
    code = draw(st.integers(0, 99999))
    return draw(st.sampled_from([f"{code}", f"{code:05}", f"{code}.0"])), f"{code:05}"


ids = st.integers(0, FIRST_ASSIGNED - 1).map(lambda id: (str(id), id))
# Everything but what ends a line or a database's text.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), min_size=1, max_size=60)


@batches
@given(batch(amounts()))
def test_amounts_come_out_to_the_cent(spark: SparkSession, written: list[Written]) -> None:
    found = column(spark, "amount", [text for text, _ in written])
    assert [(of["reason"], of["cents"]) for of in found] == [(None, cents) for _, cents in written]


@batches
@given(batch(dates()))
def test_dates_come_out_to_the_second(spark: SparkSession, written: list[Written]) -> None:
    found = column(spark, "date", [text for text, _ in written])
    assert [(of["reason"], of["date"]) for of in found] == [(None, date) for _, date in written]


@batches
@given(batch(zips()))
def test_zips_come_out_with_five_digits(spark: SparkSession, written: list[Written]) -> None:
    found = column(spark, "zip", [text for text, _ in written])
    assert [(of["reason"], of["zip"]) for of in found] == [(None, code) for _, code in written]


@batches
@given(batch(ids))
def test_ids_come_out_whole(spark: SparkSession, written: list[Written]) -> None:
    found = parse(spark, [row(text) for text, _ in written])
    assert [(of["reason"], of["id"]) for of in found] == [(None, id) for _, id in written]


@batches
@given(st.lists(st.tuples(texts, texts, texts), min_size=BATCH, max_size=BATCH))
def test_texts_in_quotes_come_out_as_they_were_but_for_spaces_around(
    spark: SparkSession, written: list[tuple[str, str, str]]
) -> None:
    names = ("client_id", "merchant_city", "errors")
    rows = []
    for number, values in enumerate(written):
        quoted = ['"' + value.replace('"', '""') + '"' for value in ("c" + values[0], *values[1:])]
        rows.append(row(**({"id": str(number)} | dict(zip(names, quoted, strict=True)))))
    found = [(of["reason"], *(of[name] for name in names)) for of in parse(spark, rows)]
    wanted = [
        (None, ("c" + a).strip(" "), *(s.strip(" ") if nothing.is_value(s) else None for s in rest))
        for a, *rest in written
    ]
    assert found == wanted


@batches
@given(batch(st.one_of(amounts(), dates())), st.data())
def test_a_value_with_a_stranger_in_it_is_refused(
    spark: SparkSession, written: list[Written], data: st.DataObject
) -> None:
    strangers = st.sampled_from([*"xXdDfFlL#%&*/;:_~€¥٣\t\x0b\u2028\ufeff"])
    texts = []
    for text, _ in written:
        place = data.draw(st.integers(0, len(text.strip('"'))))
        inner = text.strip('"')
        texts.append('"' + inner[:place] + data.draw(strangers) + inner[place:] + '"')
    as_amounts, as_dates = column(spark, "amount", texts), column(spark, "date", texts)
    assert {of["reason"] for of in as_amounts} == {"bad amount"}
    assert {of["reason"] for of in as_dates} == {"bad date"}
