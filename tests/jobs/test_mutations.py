"""Rows damaged in hundreds of ways: each is loaded as it can be read or quarantined, and none is lost."""

import gzip
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import clean
from jobs.steps.summary import Summary
from tests.jobs import mutations
from tests.jobs.databases import new_postgres, quarantined, quiet, settings, split_every, transactions
from tests.jobs.raw_files import HEADER, Row, read, records, row

AS_THEY_STAND = range(300_000_000, 300_150_000, 100)
# Nine digits, as no damaged row of ours has them, before what `row` says of every transaction.
UNDAMAGED = re.compile(b"[0-9]{9}" + re.escape(row("").encode()))


@dataclass(frozen=True)
class Ingested:
    summary: Summary
    files: list[Path]
    loaded: dict[int, Row]
    quarantined: list[tuple[object, ...]]


def expected(files: list[Path]) -> tuple[dict[int, Row], dict[tuple[object, ...], bytes]]:
    """What must be loaded, the first of each id, and by file and line what says otherwise."""
    loaded: dict[int, Row] = {}
    refused: dict[tuple[object, ...], bytes] = {}
    for file in files:
        for number, line in records(content(file)):
            found = read(line)
            if found is None or loaded.setdefault(int(str(found[0])), found) != found:
                refused[str(file), number] = line
    return loaded, refused


def shown(line: bytes) -> str:
    """A line as a database can keep it."""
    return line.decode(errors="replace").replace("\0", "\ufffd")


def content(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def ingest(spark: SparkSession, folder: Path, url: str, contents: list[bytes], split: int) -> Ingested:
    """Load contents as files of one glob, every fifth of them gzipped, in small splits."""
    files = []
    for number, raw in enumerate(contents):
        packed = number % 5 == 1
        files.append(folder / f"part-{number:03}.csv{'.gz' if packed else ''}")
        files[-1].write_bytes(gzip.compress(raw) if packed else raw)
    chosen = settings(folder, url, csv_path=str(folder / "part-*"), max_reject_share=1)
    with split_every(spark, split):
        summary = clean.run(spark, chosen, "run", quiet())
    return Ingested(summary, files, transactions(url), quarantined(url, "file, line, text"))


def damaged_rows(draw: random.Random) -> list[bytes]:
    plain = [row(2_000_000_000 + 1000 * i, errors='"Bad PIN,Bad CVV"' if i % 3 else "").encode() for i in range(400)]
    return [
        *mutations.of_values(77_000_000),
        *mutations.of_columns(78_000_000),
        *mutations.of_characters(plain, draw),
    ]


def damaged_files(draw: random.Random) -> list[bytes]:
    """Sixty rows a file, damaged in one way each, with ids of their own."""
    whole = "\n".join([HEADER, *(row(100_000_000 + i) for i in range(60)), ""]).encode()
    return [
        damaged.replace(b"\n100000", b"\n%d" % (200_000 + number))
        for number, damaged in enumerate(mutations.of_files(whole, draw))
    ]


@pytest.fixture(scope="module", params=["rows, sqlite", "rows, postgresql", "files, sqlite"])
def damaged(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    damage, kind = request.param.split(", ")
    folder = tmp_path_factory.mktemp(damage)
    url = f"sqlite:///{folder}/transactions.db"
    if kind == "postgresql":
        url = new_postgres(request.getfixturevalue("postgres_server"))
    if damage == "files":
        return ingest(spark, folder, url, damaged_files(random.Random(6)), 32 << 20)
    draw = random.Random(5)
    lines = [*damaged_rows(draw), *(row(id).encode() for id in AS_THEY_STAND)]
    draw.shuffle(lines)
    contents = [b"\n".join([HEADER.encode(), *lines[start::3], b""]) for start in range(3)]
    return ingest(spark, folder, url, contents, 60_000)


def test_the_ways_are_many_and_differ() -> None:
    assert len(set(damaged_rows(random.Random(5)))) > 700
    assert len(set(damaged_files(random.Random(6)))) > 40


def test_loaded_and_quarantined_are_all_the_rows_of_the_files(damaged: Ingested) -> None:
    rows_in = sum(len(records(content(file))) for file in damaged.files)
    assert damaged.summary.rows_in == rows_in
    assert (damaged.summary.loaded, damaged.summary.quarantined) == (len(damaged.loaded), len(damaged.quarantined))
    assert len(damaged.loaded) + len(damaged.quarantined) + damaged.summary.repeated == rows_in
    assert sum(damaged.summary.reasons.values()) == len(damaged.quarantined)


def test_undamaged_rows_are_loaded_as_they_stand(damaged: Ingested) -> None:
    lines = Counter(line for file in damaged.files for _, line in records(content(file)))
    ids = [int(line[:9]) for line, times in lines.items() if times == 1 and UNDAMAGED.fullmatch(line)]
    assert len(ids) > 1000
    assert [id for id in ids if damaged.loaded.get(id) != read(row(id).encode())] == []


def test_damaged_rows_are_loaded_only_as_they_can_be_read(damaged: Ingested) -> None:
    wanted, _ = expected(damaged.files)
    different = {id: (damaged.loaded.get(id), wanted.get(id)) for id in damaged.loaded.keys() | wanted.keys()}
    assert {id: pair for id, pair in different.items() if pair[0] != pair[1]} == {}


def test_each_refused_row_is_kept_with_its_file_line_and_text(damaged: Ingested) -> None:
    _, refused = expected(damaged.files)
    assert {(file, line) for file, line, _ in damaged.quarantined} == refused.keys()
    wrong = [kept for kept in damaged.quarantined if kept[2] != shown(refused[kept[:2]])]
    assert wrong == []
