"""The forms in which files of transactions come, and the ones that are refused whole."""

import ctypes
import gzip
import os
import random
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.storage.connections.store import parse
from fraudstack.storage.quarantined import export
from jobs import clean
from jobs.steps.summary import Summary
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


def zipped(members: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def separated(by: str) -> str:
    return PLAIN.replace("$1,234.50", "1234.50").replace(",", by).replace(f"Bad PIN{by}Bad", "Bad PIN,Bad")


FORMS = {
    "as usual": PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "BOM": b"\xef\xbb\xbf" + PLAIN.encode(),
    "BOM and CRLF": b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
    "no newline at the end": PLAIN.rstrip("\n").encode(),
    "blank lines": PLAIN.replace("\n", "\n\n  \n").encode(),
    "gzip": gzip.compress(PLAIN.encode(), mtime=0),
    "a separator said above": f"sep=,\n{PLAIN}".encode(),
    "old line ends": PLAIN.replace("\n", "\r").encode(),
    "semicolons": separated(";").encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16 as a spreadsheet's Unicode text": separated("\t").replace("\n", "\r\n").encode("utf-16"),
    "gzip twice": gzip.compress(gzip.compress(PLAIN.encode())),
    "zip": zipped({"folder/a.csv": PLAIN.encode(), "__MACOSX/folder/._a.csv": b"\0\0", "README.md": b"#"}),
    "gzip in two parts": gzip.compress(PLAIN[:200].encode()) + gzip.compress(PLAIN[200:].encode()),
}


# Half of those that are, and one that isn't.
OF_GZIP = {"gzip in two parts", "gzip twice", "as usual"}


def ingest(
    spark: SparkSession, folder: Path, content: bytes, name: str = "transactions.csv", share: float = 0.01
) -> Summary:
    (folder / name).write_bytes(content)
    return clean.run(spark, settings(folder, csv_path=str(folder / name), max_reject_share=share), "run", quiet())


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_in_each_form_whatever_its_name(spark: SparkSession, tmp_path: Path, form: str) -> None:
    summary = ingest(spark, tmp_path, FORMS[form], "form.csv.gz" if form in OF_GZIP else "form.csv")
    assert (summary.rows_in, summary.loaded, summary.quarantined, summary.said) == (4, 4, 0, [])
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
    assert export(store, None, repaired)[:2] == ("run", 1)
    repaired.write_text(repaired.read_text().replace("2010-13-01", "2010-01-01"))
    ingest(spark, tmp_path, repaired.read_bytes(), repaired.name)
    assert transactions(f"sqlite:///{tmp_path}/transactions.db") == {id: read(row(id).encode()) for id in (1, 2)}


@pytest.mark.parametrize(
    "name", ["a b.csv", "a%20b+c.csv", "ä.csv", "a,b#c.csv", "a[1].csv", "a:b.csv", "_a{b}.csv", ".a*?\\\n'=\".bz2"]
)
def test_a_file_may_have_an_odd_name(spark: SparkSession, tmp_path: Path, name: str) -> None:
    ingest(spark, tmp_path, f"{PLAIN}x\n".encode(), name, share=0.5)
    assert quarantined(f"sqlite:///{tmp_path}/transactions.db", "file, line") == [(str(tmp_path / name), 6)]


def test_windows_1252_is_read_and_said(spark: SparkSession, tmp_path: Path) -> None:
    file = "\n".join([HEADER, row(1, merchant_city="Orléans"), row(2, merchant_city="L'Haÿ-les-Roses"), "x"])
    summary = ingest(spark, tmp_path, file.encode("windows-1252"), "a.csv", share=0.5)
    assert summary.said == [f"{tmp_path}/a.csv isn't UTF-8: it was read as windows-1252"]
    loaded = transactions(f"sqlite:///{tmp_path}/transactions.db")
    assert [row[8] for row in loaded.values()] == ["Orléans", "L'Haÿ-les-Roses"]
    assert quarantined(f"sqlite:///{tmp_path}/transactions.db", "file, line") == [(f"{tmp_path}/a.csv", 4)]


def test_of_utf_16_what_is_damaged_is_refused_by_its_line(spark: SparkSession, tmp_path: Path) -> None:
    file = "\n".join([HEADER, row(1), "", row(2, merchant_city="CITY"), row(3)]).encode("utf-16")
    file = file.replace("CITY".encode("utf-16-le"), b"\x00\xd8")[:-1]
    summary = ingest(spark, tmp_path, file, share=1)
    assert summary.loaded == 1
    found = quarantined(f"sqlite:///{tmp_path}/transactions.db", "line, reason")
    assert found == [(4, "broken encoding"), (5, "broken encoding")]


def test_lines_of_what_is_packed_keep_their_file_and_number(spark: SparkSession, tmp_path: Path) -> None:
    members = {"2.csv": f"sep=;\r\n\r\n{HEADER}\r\n".replace(",", ";").encode() + b"x\r\n", "10.csv": b"\n\ny"}
    members["10.csv"] = HEADER.replace(",", ";").encode() + members["10.csv"]
    ingest(spark, tmp_path, zipped(members), "a.zip", share=1)
    found = quarantined(f"sqlite:///{tmp_path}/transactions.db", "file, line, text")
    assert found == [(f"{tmp_path}/a.zip/10.csv", 3, "y"), (f"{tmp_path}/a.zip/2.csv", 4, "x")]


@pytest.mark.parametrize("size", [5 << 20, 40 << 20], ids=["a task's", "more than a task's"])
def test_an_endless_line_is_one_refused_row(spark: SparkSession, tmp_path: Path, size: int) -> None:
    started = time.monotonic()
    file = b"\n".join([HEADER.encode(), row(1).encode(), b"," * size, row(2).encode(), b"x"])
    summary = ingest(spark, tmp_path, file, share=1)
    assert time.monotonic() - started < 60
    assert (summary.rows_in, summary.loaded) == (4, 2)
    found = quarantined(f"sqlite:///{tmp_path}/transactions.db", "line, length(text), reason")
    assert found == [(3, 1 << 16, "line too long"), (5, 1, "too few columns")]


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
    "blank lines": ("a.csv", b"\n \n", "is empty"),
    "no header": ("a.csv", "\n".join(GOOD).encode(), "has no header, its first line is '1,2010-01-01"),
    "a column less": ("a.csv", PLAIN.replace(",amount", ",amt", 1).encode(), "has no column amount;"),
    "a cut header": ("a.csv", HEADER[:14].encode(), "has other columns"),
    "a header in quotes": ("a.csv", f'"{PLAIN}'.encode(), "has other columns"),
    "a tab in the header": ("a.csv", PLAIN.replace("id", "id\t", 1).encode(), "has no column id;"),
    "broken bytes in the header": ("a.csv", PLAIN.encode().replace(b"date", b"\xffate"), "has no column date"),
    "one endless line": ("a.csv", b"x" * 300_000, "its first line is longer than"),
    "noise": ("a.csv", random.Random(1).randbytes(100_000), "isn't text"),
    "Parquet": ("a.csv", b"PAR1" + bytes(99), "is Parquet: write it as CSV"),
    "a web page": ("a.csv", b"\n<!DOCTYPE html><html><body>Sign in", "is a web page, perhaps that of a login"),
    "JSON": ("a.csv", b'[{"id": 1, "amount": 2}]', "is JSON: write it as CSV"),
    "a workbook": (
        "a.csv",
        zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}),
        "is an Excel workbook",
    ),
    "an archive of pictures": ("a.zip", zipped({"a.csv": b"\x89PNG" + bytes(99)}), "a.zip/a.csv is a picture"),
    "an archive of nothing": ("a.zip", zipped({}), "is an archive with nothing of that kind"),
    "a cut archive": ("a.csv", zipped({"a.csv": PLAIN.encode()})[:-30], "it is cut off or damaged"),
    "a bomb": ("a.csv", zipped({"a.csv": bytes(1 << 30) + b"\n"}), "would unpack to 1,073,741,825 bytes"),
    **{f"gzip cut at {part}": ("a.csv.gz", cut(PACKED, part), "can't be read") for part in (0.0003, 0.1, 0.5, 0.9999)},
    "gzip with a byte changed": ("a.csv.gz", PACKED[:-9000] + b"\0" + PACKED[-8999:], "can't be read"),
}


def test_what_a_file_has_no_column_for_stays_empty(spark: SparkSession, tmp_path: Path) -> None:
    names = ["id", "date", "client_id", "amount", "currency"]
    rows = ["1,2010-01-01 00:01,7,5,USD", "2,2010-01-01 00:02,7,6,", "3,2010-01-01 00:03,7,7,EUR"]
    chosen = settings(tmp_path, max_reject_share=0.5)
    write(Path(chosen.csv_path), rows, header=",".join(names))
    summary = clean.run(spark, chosen, "run", quiet())
    url = f"sqlite:///{chosen.sqlite_db}"
    assert [row[2:] for row in transactions(url).values()] == [
        ("7", None, float(n), "USD", *[None] * 10) for n in (5, 6)
    ]
    assert quarantined(url) == [(4, rows[2], "other currency")]
    assert "has no column card_id, use_chip" in summary.sentence()


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
    refused(
        spark, store, path.format(tmp_path), "is a folder" if path[3:] in {"folder", "empty"} else "there is no file at"
    )


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
    assert ended.stderr.splitlines()[-1] == f"clean: {file} can't be read: Permission denied"
    assert "Traceback" not in ended.stderr
    assert "\tat org.apache" not in ended.stderr


def give_up_reading_everything() -> None:
    """Takes from root its right to read what it has no permission for; of others nothing."""
    drop_capability, dac_override, dac_read_search = 24, 1, 2
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(drop_capability, capability, 0, 0, 0)
