"""Files as people have them are read as text whatever packs them, or told what they are; without Spark."""

import bz2
import gzip
import lzma
import zipfile
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest

from fraudstack.errors import InputError
from fraudstack.reading.files import raw_files
from fraudstack.reading.paths import found
from fraudstack.reading.text import encoding_of

LINES = ["Id,City,Note", "1,Orléans,a", "", '2,"Köln, am Rhein",b', "3,Łódź,c"]
PLAIN = "\n".join([*LINES, ""])
READ = [(number, line.encode()) for number, line in enumerate(LINES, 1) if number > 1 and line]


def zipped(members: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


FORMS = {
    "plain": PLAIN.encode(),
    "BOM": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "no end": PLAIN.rstrip().encode(),
    "old line ends": PLAIN.replace("\n", "\r").encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-16 without BOM": PLAIN.encode("utf-16-le"),
    "UTF-16 without BOM, big end first": PLAIN.encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"),
    "gzip": gzip.compress(PLAIN.encode()),
    "gzip of two parts": gzip.compress(PLAIN[:20].encode()) + gzip.compress(PLAIN[20:].encode()),
    "gzip twice": gzip.compress(gzip.compress(PLAIN.encode())),
    "bzip2": bz2.compress(PLAIN.encode()),
    "xz": lzma.compress(PLAIN.encode()),
    "zip": zipped(
        {"a/b.csv": PLAIN.encode(), "__MACOSX/a/._b.csv": b"\0", "README.md": b"#", "cards_data.csv": b"x,y"}
    ),
    "zip of gzip of UTF-16": zipped({"a": gzip.compress(PLAIN.encode("utf-16"))}),
    "gzip of zip": gzip.compress(zipped({"a.csv": PLAIN.encode()})),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.csv", "a.gz"])
def test_a_form_is_read_whatever_its_name(tmp_path: Path, form: str, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[form])
    [file] = raw_files(tmp_path / name)
    assert file.start.names == ["id", "city", "note"]
    assert list(file.lines()) == READ
    assert file.note() is None


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("above", ["", "\n  \n", "sep={}\r\n", '"sep={}"\n\n'])
def test_the_separator_follows_from_the_header_and_lines_keep_their_numbers(
    tmp_path: Path, separator: str, above: str
) -> None:
    above = above.format(separator)
    (tmp_path / "a").write_text(f'{above}"a,b;c"{separator}d{separator}e{separator}f\nx\n\ny', newline="")
    [file] = raw_files(tmp_path / "a")
    assert (file.start.names, file.start.separator) == (["a,b;c", "d", "e", "f"], separator)
    lines = above.count("\n")
    assert list(file.lines()) == [(lines + 2, b"x"), (lines + 4, b"y")]


def test_each_table_of_an_archive_is_read_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(zipped({"2.csv": b"a,b\n2", "1.csv": b"a,b\n1", "0.csv": b""}))
    files = raw_files(tmp_path / "a")
    assert [file.name for file in files] == [f"{tmp_path}/a/1.csv", f"{tmp_path}/a/2.csv"]
    assert [list(file.lines()) for file in files] == [[(2, b"1")], [(2, b"2")]]


WORDS = "Orléans Düsseldorf Ñuñoa São João Àlacant L\u2019Haÿ-les-Roses Smørrebrød 5 €"


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        (WORDS.encode("windows-1252"), "windows-1252"),
        (WORDS.encode(), "utf-8"),
        (WORDS.encode()[:-1], "utf-8"),
        (b"Orl\xe9ans, Orl\xc3\xa9ans", "utf-8"),
        ("Kraków Łódź Zgorzałe Ząbki".encode("cp1250"), "utf-8"),
        ("Москва".encode("cp1251"), "utf-8"),
        ("Αθήνα".encode("cp1253"), "utf-8"),
        ("東京".encode("shift-jis"), "utf-8"),
        ("Köln Füssen".encode("cp850"), "utf-8"),
        (b"Orl\xe9ans\0", "utf-8"),
        (bytes(range(256)) * 9, None),
    ],
)
def test_windows_1252_is_told_where_nothing_speaks_against_it(sample: bytes, encoding: str | None) -> None:
    """What else isn't UTF-8 is left to be refused row by row."""
    assert encoding_of(sample) == encoding


def test_what_is_no_text_in_its_encoding_is_none_in_utf_8(tmp_path: Path) -> None:
    broken = "a,b\n1,X\n2,y".encode("utf-16").replace("X".encode("utf-16-le"), b"\x00\xd8")
    (tmp_path / "a").write_bytes(broken)
    [file] = raw_files(tmp_path / "a")
    assert list(file.lines()) == [(2, b"1,\xff"), (3, b"2,y")]
    assert file.note() is None
    (tmp_path / "a").write_bytes(b"a,b\n1,\xe9\n2,\x81")
    [file] = raw_files(tmp_path / "a", encoding="windows-1252")
    assert list(file.lines()) == [(2, "1,é".encode()), (3, b"2,\xff")]
    assert file.note() == f"{tmp_path}/a isn't UTF-8: it was read as windows-1252"


def test_a_line_is_bounded_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a,b\n1\n" + b"," * (9 << 20) + b"\n2\n"))
    [file] = raw_files(tmp_path / "a.gz")
    (one, first), (two, longest), (three, last) = file.lines()
    assert (one, two, three, first, last) == (2, 3, 4, b"1", b"2")
    assert len(longest) < 3 << 20


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1" + bytes(9), "is Parquet: write it as CSV, from pandas with to_csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "is an Excel workbook of the old kind, or a protected one"),
        (zipped({"xl/workbook.xml": b"<x/>"}), "is an Excel workbook: open it and save the sheet as CSV UTF-8"),
        (zipped({"content.xml": b"<x/>", "mimetype": b"x"}), "is a spreadsheet: open it"),
        (b"%PDF-1.7", "is a PDF: ask for the same data as CSV"),
        (gzip.compress(b"<html><body>"), "is a web page, perhaps that of a login or an error"),
        (b'<?xml version="1.0"?><a/>', "is XML"),
        (b' {"a": 1}\n{"a": 2}', "is JSON: write it as CSV with a header"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first (7z x)"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "is packed with Zstandard: unpack it first"),
        (bytes(257) + b"ustar\x0000", "is a tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is only Git LFS's pointer"),
        (bytes(range(256)) * 9, "isn't text"),
        (b"x" * 70_000, "has no header: its first line is longer than 65,536 characters"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"a,b")))), "is packed more than 3 times over"),
        (zipped({"a.csv": PLAIN.encode()})[:-30], "is cut off or damaged: fetch it again"),
        (zipped({"readme.md": b"#"}), "is an archive with nothing of that kind in it"),
        (gzip.compress(PLAIN.encode())[:-20], "is cut off or damaged: fetch it again"),
    ],
    # By their place: packed bytes hold the time, and both processes must call a test the same.
    ids=count(),
)
def test_what_is_no_table_is_told_by_its_cause_and_cure(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        raw_files(tmp_path / "a.csv")
    assert str(error.value).startswith(f"{tmp_path}/a.csv ")
    assert said in str(error.value)


def test_an_encrypted_archive_and_a_bomb_are_told(tmp_path: Path) -> None:
    encrypted = bytearray(zipped({"a.csv": PLAIN.encode()}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a").write_bytes(encrypted)
    with pytest.raises(InputError, match="a is encrypted: unpack it with its password first"):
        raw_files(tmp_path / "a")
    bomb = bytearray(zipped({"a.csv": b"0" * 10_000}))
    size = bomb.index(b"PK\x01\x02") + 24
    bomb[size : size + 4] = (3 << 30).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(bomb)
    with pytest.raises(InputError, match="a would unpack to 3,221,225,472 bytes"):
        raw_files(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"\n \r\n", gzip.compress(b""), "\ufeff".encode()], ids=count())
def test_nothing_is_no_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert raw_files(tmp_path / "a") == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a[12].csv", ["a[12].csv"]),
        ("a[!1].csv", ["a2.csv"]),
        ("a[^1].csv", ["a2.csv"]),
        ("{a[1],b}.csv", ["a1.csv", "b.csv"]),
        ("?[12].csv", ["a1.csv", "a2.csv"]),
        ("*.csv", ["a1.csv", "a2.csv", "a[12].csv", "b.csv"]),
        ("_*.csv", ["_a.csv"]),
        ("c*", ["c/d.csv"]),
        ("_a.csv", ["_a.csv"]),
    ],
)
def test_a_name_wins_over_the_glob_that_it_might_be(tmp_path: Path, path: str, names: list[str]) -> None:
    (tmp_path / "c").mkdir()
    for name in ("a[12].csv", "a1.csv", "a2.csv", "b.csv", "_a.csv", ".a.csv", "c/d.csv", "c/_e.csv"):
        (tmp_path / name).touch()
    assert [str(file.relative_to(tmp_path)) for file in found(f"{tmp_path}/{path}")] == names
