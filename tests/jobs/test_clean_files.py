"""The forms in which files of transactions come, and the ones that are refused whole."""

import ctypes
import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.storage.quarantined import export
from fraudstack.storage.store import parse
from jobs import clean
from jobs.step import Summary
from tests.jobs.databases import everything, quarantined, query, quiet, settings, transactions
from tests.jobs.raw_files import COLUMNS, HEADER, read, row, write

GOOD = [row(1), row(2, amount='"$1,234.50"'), row(3, zip="501.0"), row(4, errors='"Bad PIN,Bad CVV"')]
PLAIN = "\n".join([HEADER, *GOOD, ""])
LOADED = {id: read(line.encode()) for id, line in enumerate(GOOD, 1)}


def reordered() -> str:
    """The columns backwards, named in capitals, quoted and spaced, with one more that nobody asked for."""
    lines = [[f'" {name.upper()}"' for name in COLUMNS]]
    lines += [[f'"{field}"' if field == "$-77.00" else field for field in row(id).split(",")] for id in (1, 2)]
    return "\n".join(",".join([*reversed(line), "extra"]) for line in lines)


FORMS = {
    "as usual": PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "BOM": b"\xef\xbb\xbf" + PLAIN.encode(),
    "BOM and CRLF": b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
    "no newline at the end": PLAIN.rstrip("\n").encode(),
    "blank lines": PLAIN.replace("\n", "\n\n  \n").encode(),
    "gzip": gzip.compress(PLAIN.encode(), mtime=0),
    "gzip in two parts": gzip.compress(PLAIN[:200].encode()) + gzip.compress(PLAIN[200:].encode()),
}


def ingest(
    spark: SparkSession, folder: Path, content: bytes, name: str = "transactions.csv", share: float = 0.01
) -> Summary:
    (folder / name).write_bytes(content)
    return clean.run(spark, settings(folder, csv_path=str(folder / name), max_reject_share=share), "run", quiet())


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_in_each_form(spark: SparkSession, tmp_path: Path, form: str) -> None:
    summary = ingest(spark, tmp_path, FORMS[form], "form.csv.gz" if "gzip" in form else "form.csv")
    assert (summary.rows_in, summary.loaded, summary.quarantined) == (4, 4, 0)
    assert transactions(f"sqlite:///{tmp_path}/transactions.db") == LOADED


def test_columns_stand_in_any_order_and_case_and_more_of_them_are_left_out(spark: SparkSession, tmp_path: Path) -> None:
    summary = ingest(spark, tmp_path, reordered().encode())
    assert (summary.loaded, summary.quarantined) == (2, 0)
    assert transactions(f"sqlite:///{tmp_path}/transactions.db") == {id: read(row(id).encode()) for id in (1, 2)}


def test_refused_rows_are_exported_under_the_header_of_their_file(spark: SparkSession, tmp_path: Path) -> None:
    file = reordered().replace("2010-01-01", "2010-13-01", 1)
    ingest(spark, tmp_path, file.encode(), share=1)
    store = parse(f"sqlite:///{tmp_path}/transactions.db")
    repaired = tmp_path / "repaired.csv"
    assert export(store, None, repaired) == ("run", 1)
    repaired.write_text(repaired.read_text().replace("2010-13-01", "2010-01-01"))
    ingest(spark, tmp_path, repaired.read_bytes(), repaired.name)
    assert transactions(f"sqlite:///{tmp_path}/transactions.db") == {id: read(row(id).encode()) for id in (1, 2)}


@pytest.mark.parametrize("name", ["a b.csv", "a%20b+c.csv", "ä.csv", "a,b.csv", "a#b.csv"])
def test_a_file_may_have_an_odd_name(spark: SparkSession, tmp_path: Path, name: str) -> None:
    ingest(spark, tmp_path, f"{PLAIN}x\n".encode(), name, share=0.5)
    assert quarantined(f"sqlite:///{tmp_path}/transactions.db", "file, line") == [(str(tmp_path / name), 6)]


def test_a_file_of_a_header_alone_loads_nothing(spark: SparkSession, database: str, tmp_path: Path) -> None:
    write(tmp_path / "transactions_data.csv", [])
    summary = clean.run(spark, settings(tmp_path, database), "run", quiet())
    assert (summary.rows_in, summary.loaded, summary.quarantined) == (0, 0, 0)
    assert transactions(database) == {}


def test_empty_files_among_several_hold_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    for name, content in {"a": "", "b": PLAIN, "c": "", "d": f"{HEADER}\n"}.items():
        (tmp_path / f"{name}.csv").write_text(content)
    summary = clean.run(spark, settings(tmp_path, csv_path=str(tmp_path / "*.csv")), "run", quiet())
    assert (summary.rows_in, summary.loaded) == (4, 4)


def test_the_fingerprint_is_of_the_rows_and_not_of_their_packing(spark: SparkSession, tmp_path: Path) -> None:
    names = {"plain": "a.csv", "gzip": "a.csv.gz", "CRLF": "b.csv"}
    same = {
        ingest(spark, tmp_path, FORMS["as usual"], names["plain"]).fingerprint,
        ingest(spark, tmp_path, FORMS["gzip"], names["gzip"]).fingerprint,
        ingest(spark, tmp_path, FORMS["CRLF"], names["CRLF"]).fingerprint,
    }
    assert len(same) == 1
    others = {
        "amount": PLAIN.replace("$-77.00", "$-77.01", 1),
        "fewer": "\n".join([HEADER, *GOOD[:3]]),
        "header": PLAIN.replace("card_id,amount", "amount,card_id"),
        # Twice the same line, of either.
        "first twice": "\n".join([HEADER, *GOOD, *GOOD[:1] * 2]),
        "second twice": "\n".join([HEADER, *GOOD, *GOOD[1:2] * 2]),
    }
    different = {ingest(spark, tmp_path, file.encode(), share=1).fingerprint for file in others.values()}
    assert len(same | different) == 1 + len(others)


def cut(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


PACKED = gzip.compress("\n".join([HEADER, *(row(i, client_id=str(i * 7919)) for i in range(3000))]).encode(), mtime=0)
# Name, content, what the sentence says of it.
REFUSED = {
    "nothing": ("a.csv", b"", "is empty"),
    "an empty gzip": ("a.csv.gz", b"", "is empty"),
    "a newline": ("a.csv", b"\n" + PLAIN.encode(), "has no column id"),
    "no header": ("a.csv", "\n".join(GOOD).encode(), "has no column id"),
    "a column less": ("a.csv", PLAIN.replace(",mcc", ",mmc", 1).encode(), "has no column mcc:"),
    "a cut header": ("a.csv", HEADER[:-3].encode(), "has no column errors"),
    "a header in quotes": ("a.csv", f'"{PLAIN}'.encode(), "has no column id"),
    "a tab in the header": ("a.csv", PLAIN.replace("id", "id\t", 1).encode(), "has no column id:"),
    "broken bytes in the header": ("a.csv", PLAIN.encode().replace(b"zip", b"\xffip"), "has no column zip"),
    "old line ends": ("a.csv", PLAIN.replace("\n", "\r").encode(), "has no column"),
    "one endless line": ("a.csv", b"x" * 300_000, "has no column id"),
    "noise": ("a.csv", random.Random(1).randbytes(100_000), "has no column id"),
    "gzip without the name": ("a.csv", PACKED, "has no column id"),
    "the name without gzip": ("a.csv.gz", PLAIN.encode(), "can't be read: not a gzip file"),
    "another encoding": ("a.csv", PLAIN.encode("utf-16"), "has no column id"),
    **{f"gzip cut at {part}": ("a.csv.gz", cut(PACKED, part), "can't be read") for part in (0.0003, 0.1, 0.5, 0.9999)},
    "gzip with a byte changed": ("a.csv.gz", PACKED[:-9000] + b"\0" + PACKED[-8999:], "can't be read"),
}


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that holds LOADED."""
    folder = tmp_path_factory.mktemp("store")
    ingest(spark, folder, PLAIN.encode())
    return folder


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_is_refused_whole_in_one_sentence(spark: SparkSession, tmp_path: Path, store: Path, what: str) -> None:
    name, content, said = REFUSED[what]
    (tmp_path / name).write_bytes(content)
    refused(spark, store, str(tmp_path / name), said)


@pytest.mark.parametrize("path", ["{}/missing.csv", "{}/missing*.csv", "{}/folder", "{}/empty", "", "nowhere://a.csv"])
def test_a_path_without_a_file_is_refused(spark: SparkSession, tmp_path: Path, store: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.csv").write_text(PLAIN)
    refused(spark, store, path.format(tmp_path), "is a folder" if "folder" in path else "there is no file at")


@pytest.mark.parametrize("header", [HEADER.replace("id,date", "date,id"), f"{HEADER},more", HEADER[:-7], row(9)])
def test_files_of_several_headers_are_refused(spark: SparkSession, tmp_path: Path, store: Path, header: str) -> None:
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", [row(5)], header)
    refused(spark, store, f"{tmp_path}/*.csv", f"{tmp_path}/b.csv has another header than the first file")


def refused(spark: SparkSession, store: Path, path: str, said: str) -> None:
    url = f"sqlite:///{store}/transactions.db"
    before = everything(url)
    chosen = settings(store, csv_path=path, max_reject_share=1)
    with pytest.raises(InputError) as checked:
        clean.check(spark, chosen, quiet())
    with pytest.raises(InputError) as error:
        clean.run(spark, chosen, "refused", quiet())
    assert str(checked.value) == str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    assert everything(url) == before
    run = query(url, "SELECT loaded, error FROM ingest_runs WHERE run_id = 'refused'")
    assert run == [(0, str(error.value))]


@pytest.mark.slow
def test_a_file_without_permission_ends_the_program_with_one_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "transactions_data.csv", GOOD)
    file.chmod(0)
    ended = subprocess.run(
        [sys.executable, "-m", "jobs", "clean"],
        env=os.environ
        | {"TX_CSV_PATH": str(file), "TX_SQLITE_DB": f"{tmp_path}/a.db", "TX_STAGING_DIR": f"{tmp_path}/staging"},
        preexec_fn=give_up_reading_everything,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[-1] == f"clean: {file} can't be read: {file} (Permission denied)"
    assert "Traceback" not in ended.stderr
    assert "\tat org.apache" not in ended.stderr


def give_up_reading_everything() -> None:
    """Takes from root its right to read what it has no permission for; of others nothing."""
    drop_capability, dac_override, dac_read_search = 24, 1, 2
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(drop_capability, capability, 0, 0, 0)
