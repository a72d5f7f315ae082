"""What SQLite does to its files, recorded as it does it, or made to fail: writes, truncations, syncs and deletions.

The methods of the files that this process opens are wrapped in place (sqlite.org/c3ref/io_methods.html), so that
the code under test runs as it is, with Python's own module.
"""

import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_OK = 0
_NAMES = ("xClose", "xRead", "xWrite", "xTruncate", "xSync", *(f"other{number}" for number in range(13)))


class _Methods(ctypes.Structure):
    _fields_ = [("iVersion", ctypes.c_int), *((name, ctypes.c_void_p) for name in _NAMES)]


class _File(ctypes.Structure):
    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", ctypes.c_void_p),
        ("xDelete", ctypes.c_void_p),
    ]


_FILE = ctypes.POINTER(_File)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_OPEN = ctypes.CFUNCTYPE(
    # The name stays an address: SQLite keeps it as long as the file, and reads on behind it.
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_void_p,
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)


@dataclass(frozen=True)
class Done:
    """Something that was done: `write` (data at a place), `truncate` (to a place), `sync`, `delete`, or `said`."""

    kind: str
    path: str = ""
    place: int = 0
    data: bytes = b""


def _library() -> ctypes.CDLL:
    """The SQLite that Python's module uses: its own symbols, or those of the library that it is linked with."""
    for name in (None, "libsqlite3.so.0", getattr(__import__("_sqlite3"), "__file__", None)):
        try:
            found = ctypes.CDLL(name)
            found.sqlite3_libversion.restype = ctypes.c_char_p
            if found.sqlite3_libversion().decode() == sqlite3.sqlite_version:
                return found
        except (OSError, AttributeError):
            continue
    raise AssertionError("this Python's SQLite can't be found by ctypes, so that what it writes can't be recorded")


def _never(kind: str, path: str) -> int:
    """No operation fails."""
    return _OK


@contextmanager
def recording(kept: list[Done], fails: Callable[[str, str], int] = _never) -> Iterator[None]:
    """Note in `kept` what is done to files opened from now on, in its order.

    `fails` is asked before each operation (its kind and path): a code of SQLite's but 0 is answered in its place.
    """
    library = _library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    real_open, real_delete = vfs.xOpen, vfs.xDelete
    paths: dict[int, str] = {}
    # By the address of the methods that were there; kept alive, for files may outlive the recording.
    wrapped: dict[int, tuple[Any, ...]] = {}

    def wrap(methods: Any) -> Any:
        address = ctypes.addressof(methods.contents)
        if address not in wrapped:
            copy = _Methods.from_buffer_copy(methods.contents)
            write, truncate, sync = _WRITE(copy.xWrite), _TRUNCATE(copy.xTruncate), _SYNC(copy.xSync)

            def on_write(file: int, data: int, size: int, place: int) -> int:
                code = fails("write", paths.get(file, "")) or int(write(file, data, size, place))
                if code == _OK and file in paths:
                    kept.append(Done("write", paths[file], place, ctypes.string_at(data, size)))
                return code

            def on_truncate(file: int, size: int) -> int:
                code = fails("truncate", paths.get(file, "")) or int(truncate(file, size))
                if code == _OK and file in paths:
                    kept.append(Done("truncate", paths[file], size))
                return code

            def on_sync(file: int, flags: int) -> int:
                code = fails("sync", paths.get(file, "")) or int(sync(file, flags))
                if code == _OK and file in paths:
                    kept.append(Done("sync", paths[file]))
                return code

            callbacks = _WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync)
            copy.xWrite, copy.xTruncate, copy.xSync = (ctypes.cast(one, ctypes.c_void_p).value for one in callbacks)
            wrapped[address] = (copy, *callbacks)
        return ctypes.pointer(wrapped[address][0])

    def on_open(this: int, name: int | None, file: int, flags: int, out: Any) -> int:
        code = int(_OPEN(real_open)(this, name, file, flags, out))
        if code == _OK and name is not None:
            paths[file] = ctypes.string_at(name).decode()
            opened = ctypes.cast(file, _FILE).contents
            opened.methods = wrap(opened.methods)
        return code

    def on_delete(this: int, name: bytes, sync: int) -> int:
        code = fails("delete", name.decode()) or int(_DELETE(real_delete)(this, name, sync))
        if code == _OK:
            kept.append(Done("delete", name.decode()))
        return code

    callbacks = _OPEN(on_open), _DELETE(on_delete)
    # Closed files keep pointing at what is wrapped here.
    _alive.append((wrapped, callbacks))
    vfs.xOpen, vfs.xDelete = (ctypes.cast(one, ctypes.c_void_p).value for one in callbacks)
    try:
        yield
    finally:
        vfs.xOpen, vfs.xDelete = real_open, real_delete


_alive: list[Any] = []
