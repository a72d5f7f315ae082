"""Labels and files of labels damaged in many ways: each entry is counted, and a sound one is never lost."""
# ruff: noqa: RUF001 - a digit that only looks like ours is one of the damages

import json
import random
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.settings import Settings
from jobs import label
from jobs.steps.summary import Summary
from tests.jobs.databases import everything, execute, new_postgres, quarantined, query, quiet, settings, split_every
from tests.jobs.labels_files import apply, entry, known, labels, load

SOUND = range(1, 401)
ANSWERS = {id: "Yes" if id % 7 == 0 else "No" for id in SOUND}
# None of them can be a label of a transaction of the store.
_VALUES = ("F", "-1", "2", "01", "Maybe", "Да", "perhaps")
_BARE: tuple[str, ...] = (
    "-1",
    "2",
    "1e9",
    "[]",
    "{}",
    '["No"]',
    "No",
    "'No'",
    '{"a":"No"}',
    '{"is":"Yes"}',
)
_MORE = ('[["No"]]', '"No" "No"', '"No"x', '"N"o"', '"No', 'No"', '["No","Yes"]')
_IDS = (
    "",
    " ",
    "-5",
    "5.5",
    "5e3",
    "0x5",
    "٥",
    " 5003",
    "5003 ",
    "1" * 20,
    "9" * 19,
    "9" * 400,
    "a",
    "5\\u0030",
    "5,007",
)
DAMAGED = [
    *(entry(5_000, value) for value in (*_VALUES, "No, really", "\\u004eo", "N\0o", "y" * 9_000)),
    *(f'"5001":{value}' for value in (*_BARE, *_MORE)),
    *(entry(id) for id in (*_IDS, "50\0 06")),
    *('"5004""No"', '"5004"="No"', "5004:No", '5004:"No"', "'5004':'No'", '"5004"', '"5004":', ':"No"', ":", "{", "}"),
    *('{"5005":"No"}', '"target":{"5005":"No"}', '"5005":"No"}', '{"5005":"No"', '"5005"::"No"', '"5005":"No":"No"'),
    *('"', "x", "\0", "\ufffd", "\u2028", "\\", '\\"5006\\":\\"No\\"', "x" * 9_000),
]
BROKEN = [b'"5008":"N\xff"', b'"50\xc308":"No"', b"\x80", b'"5008":"\xed\xa0\x80"', b"\xff\xfe"]
# Two of them say something else.
REPEATED = [entry(7), entry(7, "Yes"), entry(8, "Yes"), entry("0009"), entry(9), entry("9.0"), '"9":0']
# Sound, in other words or of no transaction; "00" is "0" again.
UNKNOWN = [
    *(entry(id) for id in ("5009", "0", "00", "999999999999999999", "1" * 19, "5010.0")),
    *(
        entry(6_000 + i, value)
        for i, value in enumerate(("yes", "NO", "Yes ", " No", "1", "0", "true", "False", "0.0"))
    ),
    *(f'"{6_100 + i}":{value}' for i, value in enumerate(("true", "false", "1", "0", " 1 "))),
]
SILENT = [
    *(entry(5_011, value) for value in ("", " ", "null", "NaN", "None", "-", "n/a", "keine Angabe", "[]")),
    '"5011":null',
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def damaged(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Summary]:
    folder = tmp_path_factory.mktemp("labels")
    url = f"sqlite:///{folder}/transactions.db"
    if request.param == "postgresql":
        url = new_postgres(request.getfixturevalue("postgres_server"))
    chosen = settings(folder, url, max_reject_share=1)
    load(spark, chosen, [*SOUND, 10_000])
    sound = [entry(id, answer).encode() for id, answer in ANSWERS.items()]
    others = [*(text.encode() for text in (*DAMAGED, *UNKNOWN, *SILENT)), *BROKEN]
    draw = random.Random(8)
    for other in others:
        sound.insert(draw.randrange(len(sound)), other)
    content = b",".join([*sound, *(text.encode() for text in REPEATED)])
    with split_every(spark, 3_000):
        return url, apply(spark, chosen, b'{"target":{' + content + b"}}")


def test_there_are_more_than_sixty_ways() -> None:
    assert len({*DAMAGED, *REPEATED}) + len(BROKEN) > 80


def test_sound_labels_among_damaged_ones_are_applied(damaged: tuple[str, Summary]) -> None:
    assert known(damaged[0]) == {id: int(answer == "Yes") for id, answer in ANSWERS.items()}


def test_every_entry_is_loaded_quarantined_or_unmatched(damaged: tuple[str, Summary]) -> None:
    url, summary = damaged
    # A comma within an entry makes two of it.
    commas = sum(text.count(",") for text in DAMAGED)
    entries = len(SOUND) + len(DAMAGED) + commas + len(BROKEN) + len(REPEATED) + len(UNKNOWN)
    kept = quarantined(url)
    assert summary.rows_in == entries
    assert (summary.loaded, summary.unmatched) == (len(SOUND), len(UNKNOWN) - 1)
    assert summary.repeated == len(REPEATED) - 2 + 1
    assert summary.quarantined == len(kept) == entries - len(SOUND) - len(UNKNOWN) - len(REPEATED) + 2
    assert sum(summary.reasons.values()) == len(kept)
    assert [reason for _, _, reason in kept].count("repeated id") == 2
    assert summary.said == [f"{len(SILENT)} entries say neither Yes nor No: they are no labels"]


WHOLE = labels(entry(id, answer) for id, answer in ANSWERS.items())
SAID = {
    "nothing": "",
    "spaces": " \n ",
    "an empty object": "{}",
    "a list": "[" + WHOLE + "]",
    "a list of lists": '[["1","No"]]',
    "columns": '{"id":{"0":1,"1":2},"target":{"0":"No","1":"No"}}',
    "another header": "id,date,sum\n1,2,3\n",
    "no entries": '{"target":null}',
    "text": '{"target":"No"}',
    "a line of words": "not found",
    "a transactions file": "id,date,client_id\n1,2010-01-01,3\n",
    "something behind": WHOLE + "x",
    **{f"cut by {bytes}": WHOLE[:-bytes] for bytes in (1, 2, 3, 8, 1000, len(WHOLE) - 12, len(WHOLE) - 5)},
}  # fmt: skip
READ = {
    "as it is": WHOLE,
    "BOM": "\ufeff" + WHOLE,
    "pretty-printed": json.dumps(json.loads(WHOLE), indent=4),
    "spaced": json.dumps(json.loads(WHOLE), separators=(" , ", " : ")),
    "tabs and CRLF": json.dumps(json.loads(WHOLE), indent="\t").replace("\n", "\r\n"),
    "a newline behind": WHOLE + "\n",
    "another key": WHOLE.replace("target", "labels", 1),
    "the entries alone": WHOLE[len('{"target":') : -1],
    "a key before": '{"version":{"of":[1]},' + WHOLE[1:],
    "a key behind": WHOLE[:-1] + ',"version":{"of":[1]}}',
    "zeros and ones": WHOLE.replace('"Yes"', "1").replace('"No"', "0"),
    "records": json.dumps([{"id": id, "isFraud": answer == "Yes"} for id, answer in ANSWERS.items()]),
    "records a line": "\n".join(json.dumps({"id": str(id), "label": answer}) for id, answer in ANSWERS.items()),
    "CSV": "id,label\n" + "".join(f"{id},{answer.upper()}\n" for id, answer in ANSWERS.items()),
    "CSV as pandas writes it": ",id,target,x\n" + "".join(f"0,{id}.0,{a == 'Yes'},\n" for id, a in ANSWERS.items()),
    "a comma too many": WHOLE.replace("}}", ",}}"),
}


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str]:
    folder = tmp_path_factory.mktemp("label files")
    chosen = settings(folder)
    load(spark, chosen, SOUND)
    return chosen, f"sqlite:///{chosen.sqlite_db}"


@pytest.mark.parametrize("form", SAID)
def test_a_file_that_is_no_whole_object_changes_nothing(
    spark: SparkSession, store: tuple[Settings, str], form: str
) -> None:
    chosen, url = store
    before = everything(url)
    with pytest.raises(InputError, match=r"isn't a file of labels|is cut off") as refused:
        apply(spark, chosen, SAID[form])
    assert "\n" not in str(refused.value)
    assert everything(url) == before
    run = query(url, "SELECT loaded, error FROM ingest_runs WHERE step = 'label'")
    assert run == [(0, str(refused.value))]


@pytest.mark.parametrize("form", READ)
def test_an_object_is_read_however_it_is_laid_out(spark: SparkSession, store: tuple[Settings, str], form: str) -> None:
    chosen, url = store
    # As if nothing had ever been labelled.
    execute(url, "UPDATE transactions SET is_fraud = NULL", "DELETE FROM load_lists")
    summary = apply(spark, chosen, READ[form])
    assert (summary.rows_in, summary.loaded, summary.quarantined, summary.unmatched) == (len(SOUND), len(SOUND), 0, 0)
    assert known(url) == {id: int(answer == "Yes") for id, answer in ANSWERS.items()}


def test_a_missing_file_changes_nothing(spark: SparkSession, store: tuple[Settings, str], tmp_path: Path) -> None:
    chosen, url = store
    before = everything(url)
    gone = chosen.model_copy(update={"labels_path": f"{tmp_path}/gone.json"})
    with pytest.raises(InputError, match="there is no file at"):
        label.run(spark, gone, "label", quiet())
    assert everything(url) == before
