"""Raw files made ready for Spark: most are read as they are, the rest through a copy or link in the staging folder."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from fraudstack.columns.tokens import without_numbers
from fraudstack.errors import InputError, MachineError
from fraudstack.progress import Advance, Phases
from fraudstack.reading import files as reading
from fraudstack.reading import paths
from fraudstack.reading.files import Packed, RawFile
from fraudstack.reading.text import LONGEST_LINE, Start, start_of

# What Spark and Hadoop take for no pattern, no hidden file and no partition.
_PLAIN_NAME = re.compile(r"/(?:[\w.-]+/)*[a-zA-Z0-9][\w.-]*", re.ASCII)
# Spark tells by these that a file is packed.
_PACKED_NAME = re.compile(r".*\.(?:gz|gzip|bz2|deflate|lz4|snappy|zst|zstd|xz)", re.IGNORECASE)
# A line this long leaves no end of a line in one of the places looked at, and would be held whole by a task.
_PROBE_EVERY, _PROBE = 32 << 20, LONGEST_LINE


@dataclass(frozen=True)
class Input:
    """Files that Spark can read, what they are called for people, in their order, and the header that all have."""

    paths: list[str]
    names: Mapping[str, str]
    start: Start
    said: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The name of the first file."""
        return next(iter(self.names.values()))


def prepared(
    spark: SparkSession,
    path: str,
    staging: Path,
    phases: Phases,
    encoding: str | None = None,
    separator: str | None = None,
) -> Input:
    """The files that a path, glob or URL names, for Spark to read; what it can't read as it is goes into `staging`.

    Raises InputError where there is none, one can't be read, or their headers differ.
    """
    if paths.is_remote(path):
        return _remote(spark, path, separator)
    found = paths.found(path)
    files = [file for each in found for file in reading.raw_files(each, encoding, separator)]
    if not files:
        raise InputError(f"{found[0]} is empty: it has no header line")
    for file in files[1:]:
        if file.start.names != files[0].start.names:
            raise InputError(
                f"{file.name} has another header than the first file: {without_numbers(file.start.header[:200])}"
            )
    return Input(
        *ready([(file.packed, _as_it_is(file), file.chunks) for file in files], staging / "input", phases, "clean"),
        start=files[0].start,
        said=[note for file in files if (note := file.note())],
    )


def ready(
    files: Sequence[tuple[Packed, bool, Callable[[], Iterable[bytes]]]], folder: Path, phases: Phases, step: str
) -> tuple[list[str], dict[str, str]]:
    """Paths of files for Spark, and by path their names; each comes with whether Spark can read it as it is.

    One that it can't is copied, one of a name that would mislead it gets a link.
    """
    names: dict[str, str] = {}
    to_copy: list[tuple[Path, Callable[[], Iterable[bytes]]]] = []
    for number, (packed, as_it_is, chunks) in enumerate(files):
        gzipped = as_it_is and bool(packed.packing)
        target = packed.path
        if not as_it_is or not _is_plain(packed.path, gzipped=gzipped):
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{number:06}.csv{'.gz' if gzipped else ''}"
            if as_it_is:
                target.symlink_to(packed.path)
            else:
                to_copy.append((target, chunks))
        names[str(target)] = packed.name
    if to_copy:
        with phases.phase(f"{step}: unpack") as advance:
            _copy(to_copy, advance)
    return list(names), names


def _copy(to_copy: list[tuple[Path, Callable[[], Iterable[bytes]]]], advance: Advance) -> None:
    copied = 0
    for target, chunks in to_copy:
        try:
            with target.open("wb") as copy:
                for chunk in chunks():
                    copied += copy.write(chunk)
                    advance(copied, 0)
        except OSError as error:
            raise MachineError(f"{target} can't be written: {error.strerror}") from error


def _is_plain(path: Path, *, gzipped: bool) -> bool:
    packed = _PACKED_NAME.fullmatch(path.name)
    return bool(_PLAIN_NAME.fullmatch(str(path))) and (path.suffix == ".gz" if gzipped else not packed)


def _as_it_is(file: RawFile) -> bool:
    """Whether Spark reads the same of a file as we do."""
    in_utf_8 = file.encoding == "utf-8" and not file.old_ends and not file.start.above
    if file.packed.packing:
        return in_utf_8 and file.packed.packing == ("gzip",)
    return in_utf_8 and not _has_endless_line(file.packed.path)


def _has_endless_line(path: Path) -> bool:
    with reading.readable(str(path)), path.open("rb") as file:
        for place in range(_PROBE_EVERY, path.stat().st_size - _PROBE, _PROBE_EVERY):
            file.seek(place)
            if b"\n" not in file.read(4096) and b"\n" not in file.read(_PROBE):
                return True
    return False


@contextmanager
def readable(names: Mapping[str, str]) -> Iterator[None]:
    """Raises InputError where Spark comes upon one of these files that can't be read: cut gzip, no permission."""
    try:
        yield
    except Py4JJavaError as error:
        file = re.search(r"\[FAILED_READ_FILE.*reading file (.*?)\. +(?:SQLSTATE|File does not exist)", str(error))
        if file is None:
            raise
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        path = path_of(file[1])
        raise InputError(f"{names.get(path, path)} can't be read: {cause.getMessage()}") from error


def path_of(file: str) -> str:
    """A path as it was given to Spark, from the URI by which Spark calls it."""
    return unquote(re.sub("^file:/+", "/", file))


def _remote(spark: SparkSession, path: str, separator: str | None) -> Input:
    try:
        found = sorted(unquote(file) for file in spark.read.text(path).inputFiles())
    except (PySparkException, Py4JJavaError) as error:
        # A Java Error, unlike an Exception, says that the installation lacks something.
        if isinstance(error, Py4JJavaError) and error.java_exception.getClass().getName().endswith("Error"):
            raise
        raise InputError(f"there is no file at {path!r}") from error
    for file in found:
        with readable({}):
            first = spark.read.text(file, lineSep="\n").head()
        if first is not None and (start := start_of(first.value, file, separator)):
            return Input(found, {file: file for file in found}, start)
    raise InputError(f"{path} is empty: it has no header line" if found else f"there is no file at {path!r}")
