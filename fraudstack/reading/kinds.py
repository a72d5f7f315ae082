"""What the first bytes of a file say that it is, where it is no table in plain text."""

import re

# What a file begins with, what it is called, and what to do with it.
_BINARY = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Excel workbook of the old kind, or a protected one",
        "save it as CSV UTF-8",
    ),
    (b"PAR1", "Parquet", "write it as CSV, from pandas with to_csv(index=False)"),
    (b"ORC", "ORC", "write it as CSV"),
    (b"Obj\x01", "Avro", "write it as CSV"),
    (b"ARROW1", "Arrow or Feather", "write it as CSV, from pandas with to_csv(index=False)"),
    (b"SQLite format 3\0", "a SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF", "ask for the same data as CSV"),
    (b"\x89PNG", "a picture", "ask for the same data as CSV"),
    (b"\xff\xd8\xff", "a picture", "ask for the same data as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first (7z x)"),
    (b"Rar!", "a RAR archive", "unpack it first (unrar x)"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", "unpack it first (zstd -d)"),
    (b"\x04\x22\x4d\x18", "packed with LZ4", "unpack it first (lz4 -d)"),
    (b"\x1f\x9d", "packed with compress", "unpack it first (uncompress)"),
    (b"version https://git-lfs", "only Git LFS's pointer to the file", "fetch the file itself (git lfs pull)"),
)
_WEB_PAGE = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body|<script|<!--)", re.IGNORECASE)
_XML = re.compile(rb"\s*<(?:\?xml|[a-zA-Z])")
_TAR_AT, _TAR = 257, b"ustar"
# Of a spreadsheet's archive, by a member's name.
_SHEETS = {
    "xl/workbook.xml": "an Excel workbook",
    "xl/workbook.bin": "an Excel workbook",
    "content.xml": "a spreadsheet",
}


def cause(start: bytes) -> str | None:
    """What is told of a file that begins so: its kind and the cure; None for what may be text."""
    for magic, kind, cure in _BINARY:
        if start.startswith(magic):
            return f"is {kind}: {cure}"
    if start[_TAR_AT:].startswith(_TAR):
        return "is a tar archive: unpack it first (tar xf)"
    text = start.removeprefix(b"\xef\xbb\xbf")
    if _WEB_PAGE.match(text):
        return "is a web page, perhaps that of a login or an error, saved in the file's place: fetch the file again"
    if _XML.match(text):
        return "is XML: ask for the same data as CSV"
    return None


def cause_of_json(start: str) -> str | None:
    """What is told of a table that begins so, where it is JSON."""
    return "is JSON: write it as CSV with a header, a transaction a line" if start.lstrip()[:1] in ("{", "[") else None


def cause_of_archive(members: list[str]) -> str | None:
    """What is told of a zip archive with such members, where it is a spreadsheet's."""
    for member in members:
        if kind := _SHEETS.get(member):
            return f"is {kind}: open it and save the sheet as CSV UTF-8"
    return None
