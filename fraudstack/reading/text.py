"""What bytes are as text: their encoding, where the header stands, and what separates its names."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fraudstack.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
# A header is shorter, whatever its table has for columns.
_LONGEST_HEADER = 1 << 16
# Longer lines are cut here: they are no transactions, and whoever comes upon one holds it whole.
LONGEST_LINE = 1 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Bytes that windows-1252 lacks, signs within a word, and more than two beyond ASCII side by side, as in Greek or
# Japanese.
_NOT_WESTERN = re.compile(
    r"[\0\ufffd]|[a-zA-Z](?:[^\w\x00-\x7f\u2019\u2013\xb4\xb7\xad]|[ª²³¹º¼½¾µ])[a-zA-Z]|[^\x00-\x7f]{3}"
)
_BROKEN = "fraudstack-broken"
# A separator said above the header, as Excel does.
_SAID = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


def _as_a_broken_byte(error: UnicodeError) -> tuple[str, int]:
    """Stands for what can't be decoded by what no UTF-8 is: its row is refused, and not loaded with another letter."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - registered for decoding alone
    return "\udcff", error.end


codecs.register_error(_BROKEN, _as_a_broken_byte)


@dataclass(frozen=True)
class Start:
    """How a text begins: its header's line, how many lines stand above it, and what separates names."""

    header: str
    above: int
    separator: str

    @property
    def names(self) -> list[str]:
        """The header's names, trimmed and in small letters; none where its quotes are broken."""
        try:
            return [name.strip(" ").lower() for name in next(csv.reader([self.header], delimiter=self.separator))]
        except csv.Error:
            return []


def encoding_of(sample: bytes) -> str | None:
    """The encoding of a text that begins so, as Python calls it: None where it is no text at all.

    Damaged UTF-8 is UTF-8: its rows are refused one by one. windows-1252 is only told where nothing speaks against it.
    """
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    start = sample[:1024]
    if len(start) >= 8 and start.count(0) * 3 > len(start):
        for encoding, zeros, letters in (
            ("utf-16-le", start[1::2], start[::2]),
            ("utf-16-be", start[::2], start[1::2]),
        ):
            if zeros.count(0) > len(zeros) * 0.8 and letters.count(0) == 0:
                return encoding
        return None
    if sample.isascii():
        return "utf-8"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    controls = len(re.findall(rb"[\x00-\x08\x0e-\x1f]", start))
    if controls > 3 and controls * 20 > len(start):
        return None
    if _BEYOND_ASCII.search(sample) or _NOT_WESTERN.search(sample.decode("windows-1252", "replace")):
        return "utf-8"
    return "windows-1252"


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Chunks of bytes as text; what isn't text in the encoding becomes what UTF-8 can't hold."""
    decoder = codecs.getincrementaldecoder(encoding)(_BROKEN)
    for chunk in chunks:
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def encoded(text: str) -> bytes:
    """Text as UTF-8, with a broken byte for each thing that wasn't text."""
    return text.encode("utf-8", "surrogateescape")


def start_of(text: str, name: str, separator: str | None = None) -> Start | None:
    """Where the header of a text stands that begins so; None where all of it is blank.

    Raises InputError where the first line is too long for one.
    """
    said = separator
    for above, line in enumerate(text.removeprefix("\ufeff").split("\n")):
        line = line.rstrip("\r")
        if len(line) > _LONGEST_HEADER:
            raise InputError(f"{name} has no header: its first line is longer than {_LONGEST_HEADER:,} characters")
        if found := _SAID.fullmatch(line):
            said = said or found[1]
        elif line.strip(" "):
            return Start(line, above, said or separator_of(line))
    return None


def separator_of(header: str) -> str:
    """What separates a header's names: what makes most of them; a comma where nothing does."""
    unquoted = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=unquoted.count)


def bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines, none much longer than LONGEST_LINE: what stands behind is left out."""
    length = 0
    for chunk in chunks:
        if length > LONGEST_LINE:
            behind = chunk.find(b"\n")
            chunk = chunk[behind:] if behind >= 0 else b""
        if chunk:
            yield chunk
        behind = chunk.rfind(b"\n")
        length = length + len(chunk) if behind < 0 else len(chunk) - behind - 1
