"""Copies of the SQLite stores, each of one moment, made and put back while others go on reading and writing."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from fraudstack.errors import StoreError
from fraudstack.model.champion import CHAMPION
from fraudstack.progress import Advance
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.store import Store

# A copy's folder is named by its moment; while it is made it begins with a dot.
_NAME = "%Y%m%dT%H%M%S%fZ"
_PAGES = 4096
MODELS = "model"


def backup(stores: Sequence[Store], models: Path, folder: Path, keep: int) -> Path:
    """Copy the stores that are there, and the models, into a new folder of `folder`, of which the newest `keep` stay.

    Raises StoreError, and leaves nothing of it, when a store is no SQLite file, when there is none, when the copy
    doesn't fit or can't be made.
    """
    paths = [path for path in map(_path, stores) if path.exists()]
    if not paths:
        raise StoreError(f"there is nothing to copy: no store at {', '.join(str(_path(store)) for store in stores)}")
    made = folder / f"{datetime.now(UTC):{_NAME}}"
    part = folder / f".{made.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*T*Z"):
            shutil.rmtree(left)
        _check_room(paths, models, folder)
        part.mkdir()
        for path in paths:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
                source.execute("VACUUM INTO ?", (str(part / path.name),))
            _check(part / path.name)
        _copy_models(models, part / MODELS)
        part.rename(made)
        for old in copies(folder)[:-keep]:
            shutil.rmtree(old)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the copy {made} can't be made: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def copies(folder: Path) -> list[Path]:
    """The whole copies in a folder, the oldest first."""
    return sorted(path for path in folder.glob("*T*Z") if not path.name.startswith("."))


def restore(copy: Path, stores: Sequence[Store], models: Path, advance: Advance) -> list[Store]:
    """Put a copy in the place of the stores, each in one transaction; returns those of which it holds one.

    The models of the copy are there again beside those that were made since; the champion is the one that it was.
    Raises StoreError, with nothing changed, when the copy is none or is damaged.
    """
    found = [store for store in stores if (copy / _path(store).name).exists()]
    if not found:
        raise StoreError(f"{copy} is no copy of {' or '.join(_path(store).name for store in stores)}")
    for store in found:
        _check(copy / _path(store).name)
    for store in found:
        path = _path(store)
        try:
            with (
                write_turn(store),
                closing(sqlite3.connect(f"{(copy / path.name).as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(path)) as target,
            ):
                source.backup(target, pages=_PAGES, progress=lambda _, left, total: advance(total - left, total))
        except sqlite3.Error as error:
            raise StoreError(f"{path} can't be restored: {error}") from error
    _restore_models(copy / MODELS, models)
    return found


def _copy_models(models: Path, copy: Path) -> None:
    if not models.is_dir():
        return
    copy.mkdir()
    # Before the versions: one that becomes champion meanwhile is there already. What is being made begins with a dot.
    if (models / CHAMPION).exists():
        shutil.copy2(models / CHAMPION, copy)
    shutil.copytree(models, copy, ignore=shutil.ignore_patterns(".*", CHAMPION), dirs_exist_ok=True)


def _restore_models(copy: Path, models: Path) -> None:
    if not copy.is_dir():
        return
    try:
        # What names a model comes after it: scorers look at it all the time.
        for file in sorted((one for one in copy.rglob("*") if one.is_file()), key=lambda one: (-len(one.parts), one)):
            target = models / file.relative_to(copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.restored")
            shutil.copy2(file, draft)
            draft.replace(target)
        if not (copy / CHAMPION).exists():
            (models / CHAMPION).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"the models of {copy} can't be restored into {models}: {error}") from error


def _check_room(paths: Sequence[Path], models: Path, folder: Path) -> None:
    """Raise StoreError when a copy doesn't fit; on a store's own volume as much again has to stay free."""
    needed = sum(map(_size, paths)) + sum(file.stat().st_size for file in models.rglob("*") if file.is_file())
    own = folder.stat().st_dev in {path.stat().st_dev for path in paths}
    free = shutil.disk_usage(folder).free
    if free < needed * (1 + own):
        left = " and leave the store as much to grow" if own else ""
        raise StoreError(
            f"a copy of {needed / 1e6:,.0f} MB doesn't fit into {folder}{left}: {free / 1e6:,.0f} MB are free there"
        )


def _size(path: Path) -> int:
    """Bytes that a copy of a SQLite file takes at most."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        [(size,)] = connection.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
    return int(size)


def _path(store: Store) -> Path:
    if store.path is None:
        raise StoreError(f"{store.shown} is PostgreSQL, which is copied and restored with pg_dump and pg_restore")
    return store.path


def _check(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            [(said,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise StoreError(f"the copy {path} is damaged: {said}")
