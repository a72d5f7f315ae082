"""A raw file as it was saved: what packs it, its encoding, its header, and its lines as UTF-8.

What a file is follows from its bytes and never from its name.
"""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from fraudstack.errors import InputError
from fraudstack.reading import kinds, text
from fraudstack.reading.text import Start

_CHUNK = 1 << 20
# So much of a file is looked at to find its encoding: letters beyond ASCII come soon or hardly ever.
_SAMPLE, _PACKED_SAMPLE = 64 << 20, 4 << 20
# So much of a file says what it is.
START = 1 << 17
_DEEPEST = 3
# No table of text packs better; what does was made to fill a disk.
_MOST_TIMES, _HARMLESS = 200, 1 << 30
# Of the archive of a public set, what is neither transactions nor labels.
_BESIDE = {"cards_data.csv", "users_data.csv", "mcc_codes.json"}
_NO_DATA = {".md", ".html", ".pdf", ".png", ".ipynb"}
Open = Callable[[], AbstractContextManager[IO[bytes]]]
_UNPACKED: tuple[tuple[bytes, str, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b\x08", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
)
_ZIP, _EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"


@dataclass(frozen=True)
class Packed:
    """Bytes somewhere in a file on this machine: `name` is for people, `packing` from the outside in."""

    name: str
    path: Path
    packing: tuple[str, ...]
    open: Open

    def chunks(self) -> Iterator[bytes]:
        """All the bytes, a MiB at a time; raises InputError where they can't be unpacked."""
        with readable(self.name), self.open() as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def first(self, size: int) -> bytes:
        """The first bytes, at most `size`; raises InputError where they can't be unpacked."""
        with readable(self.name), self.open() as file:
            return file.read(size)


@dataclass(frozen=True)
class RawFile:
    """A table in text: its bytes, how they are to be read, and its header."""

    packed: Packed
    encoding: str
    start: Start
    # Whether its lines end with a carriage return alone, as those of old Macs.
    old_ends: bool = False

    @property
    def name(self) -> str:
        """What the file is called for people."""
        return self.packed.name

    def chunks(self) -> Iterator[bytes]:
        """The file as UTF-8 with the header in its first line; the other lines keep their numbers."""
        pieces = self.packed.chunks()
        if self.encoding != "utf-8" or self.old_ends:
            texts = text.decoded(pieces, self.encoding)
            pieces = (text.encoded(t.replace("\r", "\n") if self.old_ends else t) for t in texts)
        pieces = text.bounded(pieces)
        if self.start.above:
            pieces = _header_first(pieces, self.start.above)
        return pieces

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Number (physical, from 1) and bytes of every line behind the header that isn't blank."""
        rest, number = b"", 0
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                number += 1
                if number > 1 and line.strip(b" \r"):
                    yield number, line.rstrip(b"\r")
        if number and rest.strip(b" \r"):
            yield number + 1, rest.rstrip(b"\r")

    def note(self) -> str | None:
        """What a person should know of how the file was read; None where it was read as it stands."""
        if self.encoding == "windows-1252":
            return f"{self.name} isn't UTF-8: it was read as windows-1252"
        return None


def raw_files(path: Path, encoding: str | None = None, separator: str | None = None) -> list[RawFile]:
    """The tables of text in a file, of an archive all that may hold transactions; none where it is empty.

    encoding and separator are found where they aren't given. Raises InputError, with the likely cause and its cure,
    where the file is something else.
    """
    found = [raw_file(packed, encoding, separator) for packed in unpacked(path)]
    return [file for file in found if file is not None]


def may_be_transactions(member: str) -> bool:
    """Whether a member of an archive may be a table of transactions, by its name."""
    return _is_data(member) and Path(member).suffix.lower() != ".json"


def may_be_labels(member: str) -> bool:
    """Whether a member of an archive may be labels, by its name."""
    return _is_data(member) and Path(member).name != "transactions_data.csv"


def member(path: Path, name: str) -> Packed | None:
    """A member of an archive by its name, in whatever folder of it; None where a file is no archive, or has none."""
    with readable(str(path)), path.open("rb") as file:
        if not file.read(4).startswith((_ZIP, _EMPTY_ZIP)):
            return None
    with readable(str(path)), zipfile.ZipFile(path) as archive:
        if not any(Path(each).name == name for each in archive.namelist()):
            return None
    return unpacked(path, lambda each: Path(each).name == name)[0]


def unpacked(path: Path, is_wanted: Callable[[str], bool] = may_be_transactions) -> list[Packed]:
    """What a file holds once it is unpacked: itself, or of an archive the members of wanted names.

    Raises InputError where it can't be unpacked or says by its first bytes that it is no text.
    """
    return _unpacked(Packed(str(path), path, (), lambda: path.open("rb")), is_wanted)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raises InputError where a file can't be read or unpacked."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise InputError(f"{name} can't be read, it is cut off or damaged: fetch it again ({error})") from error
    except (NotImplementedError, RuntimeError) as error:
        # As zipfile tells what it lacks.
        raise InputError(f"{name} can't be read: unpack it first ({error})") from error
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror or error}") from error


def _unpacked(packed: Packed, is_wanted: Callable[[str], bool]) -> list[Packed]:
    start = packed.first(START)
    if len(packed.packing) > _DEEPEST:
        raise InputError(f"{packed.name} is packed more than {_DEEPEST} times over: unpack it first")
    if start.startswith((_ZIP, _EMPTY_ZIP)):
        return [found for member in _members(packed, is_wanted) for found in _unpacked(member, is_wanted)]
    for magic, name, unpack in _UNPACKED:
        if start.startswith(magic):
            inner = Packed(packed.name, packed.path, (*packed.packing, name), partial(_through, packed.open, unpack))
            return _unpacked(inner, is_wanted)
    if cause := kinds.cause(start):
        raise InputError(f"{packed.name} {cause}")
    return [packed]


@contextmanager
def _through(outer: Open, unpack: Callable[[IO[bytes]], Any]) -> Iterator[IO[bytes]]:
    with outer() as file, unpack(file) as inner:
        yield inner


@contextmanager
def _member(outer: Open, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    with outer() as file, zipfile.ZipFile(file) as archive, archive.open(member) as inner:
        yield inner


def _members(packed: Packed, is_wanted: Callable[[str], bool]) -> list[Packed]:
    with readable(packed.name), packed.open() as file, zipfile.ZipFile(file) as archive:
        every = [member for member in archive.infolist() if not member.is_dir()]
    if cause := kinds.cause_of_archive([member.filename for member in every]):
        raise InputError(f"{packed.name} {cause}")
    tables = [member for member in every if is_wanted(member.filename)]
    if not tables:
        raise InputError(f"{packed.name} is an archive with nothing of that kind in it")
    for member in tables:
        if member.flag_bits & 1:
            raise InputError(f"{packed.name} is encrypted: unpack it with its password first")
        if member.file_size > max(_HARMLESS, _MOST_TIMES * member.compress_size):
            raise InputError(
                f"{packed.name} would unpack to {member.file_size:,} bytes, more than {_MOST_TIMES} times its size: "
                "if that is meant, unpack it first"
            )
    return [
        Packed(
            f"{packed.name}/{member.filename}",
            packed.path,
            (*packed.packing, "zip"),
            partial(_member, packed.open, member),
        )
        for member in sorted(tables, key=lambda member: member.filename)
    ]


def _is_data(member: str) -> bool:
    """Whether a member of an archive is neither a note, nor left by a system, nor a side file."""
    path = Path(member)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.name not in _BESIDE and path.suffix.lower() not in _NO_DATA


def raw_file(packed: Packed, encoding: str | None, separator: str | None) -> RawFile | None:
    """The table of text in what was unpacked, None where it is empty; raises InputError where it is something else."""
    sample = packed.first(_PACKED_SAMPLE if packed.packing else _SAMPLE)
    if not sample:
        return None
    encoding = encoding or text.encoding_of(sample)
    if encoding is None:
        raise InputError(f"{packed.name} isn't text: it must be a CSV file with a header")
    head = "".join(text.decoded([sample[:START]], encoding))
    old_ends = "\r" in head and "\n" not in head
    if old_ends:
        head = head.replace("\r", "\n")
    start = text.start_of(head, packed.name, separator)
    if start is None:
        return None
    if cause := kinds.cause_of_json(start.header):
        raise InputError(f"{packed.name} {cause}")
    return RawFile(packed, encoding, start, old_ends)


def _header_first(chunks: Iterator[bytes], above: int) -> Iterator[bytes]:
    """The header before the lines above it, which become blank: none behind it changes its number."""
    kept = b""
    for chunk in chunks:
        kept += chunk
        if kept.count(b"\n") > above:
            break
    *_, header, rest = kept.split(b"\n", above + 1) if kept.count(b"\n") > above else (*kept.split(b"\n", above), b"")
    yield header + b"\n" * (above + 1) + rest
    yield from chunks
