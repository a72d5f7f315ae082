"""The champion of a store, which every scorer and job has in a folder of its own, and the challenger beside it.

The store's registry says which models these are; TX_MODEL_DIR is where a champion is exported to, and where a candidate
is imported from. Scorers and jobs share no folder.
"""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.fields.dates import this_second
from fraudstack.model import champion, registry
from fraudstack.model.artefact import Model, load, write
from fraudstack.settings import Settings
from fraudstack.storage import models
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade

# A model has a few megabytes.
_MOST_BYTES = 128 << 20


@contextmanager
def opened(settings: Settings) -> Iterator[Connection]:
    """A connection to the store whose champion is asked for."""
    store = parse(settings.store_url)
    upgrade(store, "transactions")
    with closing(Connection(store)) as connection:
        yield connection


def export(connection: Connection, folder: Path) -> None:
    """Let the champion of a folder be that of the store, if the store has one.

    Raises InputError, and leaves the folder's, when it can't be.
    """
    named = models.latest(connection)
    if named is not None and named.version != _here(folder):
        _export(connection, folder, named.version, {"reason": f"the store's since {named.at}"})


def fetch(settings: Settings) -> None:
    """`export`, for a step that comes: a process uses one kind of connection on a file at a time."""
    with opened(settings) as connection:
        export(connection, settings.model_dir)


def promote(
    connection: Connection,
    folder: Path,
    candidate: Path,
    who: str,
    why: Mapping[str, Any],
    *,
    judged: bool = False,
    knowing: bool = False,
) -> Model:
    """Make the model in the folder `candidate` the champion of the store, and export it; raises InputError.

    `judged`: only if the champion is still the one that it was held against, `why["against"]`. A version that somebody
    went back from is only put in force again `knowing` that.
    """
    model = load(candidate, NAMES)
    before = in_force(connection, folder)
    with connection.write(models.TURN):
        log, now = models.promotions(connection), this_second()
        before = log[0].version if log else before
        if judged and before != why.get("against"):
            raise InputError(
                f"the model {model.version} was held against {why.get('against') or 'no champion'}, and "
                f"{before or 'none'} is in force by now: evaluate it anew"
            )
        veto = models.vetoes(log).get(model.version)
        if veto is not None and not knowing:
            raise InputError(
                f"the model {model.version} was rolled back from by {veto.who} on {veto.at}: to put it in force again, "
                "a person says so with --after-rollback"
            )
        if veto is not None:
            why = {**why, "after_rollback": f"by {veto.who} on {veto.at}"}
        if before is not None and not log:
            # From before there was a registry: what can be gone back to is known.
            models.replace(connection, before, _read(_of_champion(folder)))
            models.promote(connection, before, who, {"reason": "it was in force when the registry began"}, now)
        models.replace(connection, model.version, _files(model, candidate))
        models.promote(connection, model.version, who, why, now)
    return registry.promote(folder, candidate, why)


def roll_back(connection: Connection, folder: Path, who: str) -> Model:
    """Make the champion before this one the champion again; raises InputError where there is none.

    No refresh puts the one that is gone back from in force again.
    """
    named = models.latest(connection)
    before = models.before(models.promotions(connection))
    if named is None or before is None:
        raise InputError(f"there was no champion before the one of {connection.store.shown}")
    why = {"reason": f"rolled back from {named.version}"}
    model = kept(connection, before)
    with connection.write(models.TURN):
        latest = models.latest(connection)
        if latest is None or latest.number != named.number:
            raise InputError(f"{latest and latest.version} came into force meanwhile: look, and go back again")
        models.promote(connection, before, who, why, this_second(), vetoed=named.version)
    _export(connection, folder, before, why)
    return model


def keep(connection: Connection, folder: Path, versions: Iterable[str]) -> None:
    """Keep in the store the files of models that a folder has, by their versions."""
    for version in versions:
        if not models.files(connection, version):
            with connection.write(models.TURN):
                models.replace(connection, version, _read(champion.of_version(folder, version)))


def in_force(connection: Connection, folder: Path) -> str | None:
    """The champion's version: the store's, or where it never had one a folder's; None where nobody has one."""
    named = models.latest(connection)
    return _here(folder) if named is None else named.version


def vetoed(connection: Connection) -> Collection[str]:
    """The versions that somebody went back from."""
    return models.vetoes(models.promotions(connection)).keys()


def shadow(connection: Connection, candidate: Path, until: datetime, who: str, reason: str) -> Model:
    """Have the model in the folder `candidate` asked beside the champion until a time, without effect.

    Raises InputError when it can't be used, or is the champion.
    """
    model, now = load(candidate, NAMES), this_second()
    if until <= now:
        raise InputError(f"a challenger can't be asked until {until}: that is over")
    with connection.write(models.TURN):
        named = models.latest(connection)
        if named is not None and named.version == model.version:
            raise InputError(f"the model {model.version} is the champion, and nobody's challenger")
        models.replace(connection, model.version, _files(model, candidate))
        models.cast_shadow(connection, model.version, until, who, reason, now)
    return model


def end_shadow(connection: Connection, who: str, reason: str) -> str:
    """Have the challenger asked no more; its version. Raises InputError where there is none."""
    with connection.write(models.TURN):
        named = models.shadow(connection, now := this_second())
        if named is None:
            raise InputError("no challenger is asked")
        models.cast_shadow(connection, named.version, now, who, reason, now)
    return named.version


def challenger(connection: Connection) -> Model | None:
    """The model that is asked beside the champion now; raises InputError where it can't be."""
    named = models.shadow(connection, this_second())
    return None if named is None else kept(connection, named.version)


def kept(connection: Connection, version: str, features: tuple[str, ...] | None = NAMES) -> Model:
    """A model of the store, without a folder; raises InputError as artefact.load, and where it isn't there."""
    with _laid_out(connection, version) as draft:
        return _checked(connection, version, draft, features)


@contextmanager
def at_hand(connection: Connection, named: str) -> Iterator[Path]:
    """The folder of a model: the one that is named, or the store's of that version, or its latest `candidate`."""
    if Path(named).is_dir():
        yield Path(named)
        return
    if not models.files(connection, named):
        raise InputError(f"there is no model in {named}, and the store {connection.store.shown} has none of that name")
    with _laid_out(connection, named) as draft:
        yield draft


def keep_candidate(connection: Connection, folder: Path) -> None:
    """Keep what a folder has of the candidate for the steps that come, which may run elsewhere."""
    with connection.write(models.TURN):
        models.replace(connection, registry.CANDIDATE, _read(folder / registry.CANDIDATE))


def fetch_candidate(connection: Connection, folder: Path) -> Path:
    """Have the store's candidate in a folder, and nothing of another, if the store has one; returns where it lies."""
    found = models.files(connection, registry.CANDIDATE)
    candidate = folder / registry.CANDIDATE
    if found:
        shutil.rmtree(candidate, ignore_errors=True)
        candidate.mkdir(parents=True)
        _write(found, candidate)
    return candidate


def _export(connection: Connection, folder: Path, version: str, why: Mapping[str, Any]) -> None:
    with _laid_out(connection, version) as draft:
        _checked(connection, version, draft, NAMES)
        registry.promote(folder, draft, why)


def _checked(connection: Connection, version: str, draft: Path, features: tuple[str, ...] | None) -> Model:
    model = load(draft, features)
    if model.version != version:
        raise InputError(f"the store {connection.store.shown} has another model than {version} under its name")
    return model


@contextmanager
def _laid_out(connection: Connection, version: str) -> Iterator[Path]:
    """A folder with the files that the store has of a model."""
    found = models.files(connection, version)
    if not found:
        raise InputError(f"the store {connection.store.shown} names the model {version} and doesn't have it")
    with tempfile.TemporaryDirectory(prefix="fraudstack-model-") as draft:
        _write(found, Path(draft))
        yield Path(draft)


def _files(model: Model, folder: Path) -> dict[str, bytes]:
    """What a folder has of a model, and the model itself as it was read and tried, whatever the folder holds by now."""
    with tempfile.TemporaryDirectory(prefix="fraudstack-model-") as draft:
        write(model, Path(draft))
        return _read(folder) | _read(Path(draft))


def _read(folder: Path) -> dict[str, bytes]:
    found = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
    if sum(map(len, found.values())) > _MOST_BYTES:
        raise InputError(f"the model in {folder} is larger than any of its kind")
    return found


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)


def _here(folder: Path) -> str | None:
    """The version that a folder names and has; None where it has none that can be used."""
    try:
        named = champion.facts(folder)
        return None if named is None else champion.read(folder, named).version
    except InputError:
        return None


def _of_champion(folder: Path) -> Path:
    """Where a folder's champion lies; one of the first release under the version that it had then."""
    return champion.of_version(folder, (champion.facts(folder) or {})["version"])
