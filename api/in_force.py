"""What is in force in a worker: rules and a model, each read again when its file changes."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from api import metrics
from fraudstack.errors import InputError
from fraudstack.model.champion import CHAMPION, facts
from fraudstack.rules import config
from fraudstack.storage import models
from fraudstack.storage.connections.online import Connection

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model

log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS = 1.0
_DOUBTS_SHOWN = 5
# What can't be loaded may be on its way: a folder that is being copied.
_RETRY_SECONDS = 10.0
# So long a missing opinion is a problem, and so often it is logged.
_REMEMBERED_SECONDS, _LOGGED_SECONDS = 300.0, 60.0


class RulesInForce:
    """The rules file, read again when it changes; one that can't be used leaves the old rules in force."""

    def __init__(self, path: Path) -> None:
        """Read it; raises InputError when it can't be used."""
        self._path = path
        self._seen = _mark(path)
        self._looked = time.monotonic()
        self.rules = config.load(path)
        # Why the file as it is now isn't in force, or what in it matches nothing; None when it is as it should be.
        self.problem: str | None = _doubtful(self.rules)

    def now(self) -> config.Rules:
        """The rules to decide by; the file is looked at once a second."""
        moment = time.monotonic()
        if moment - self._looked >= LOOK_EVERY_SECONDS:
            self._looked = moment
            if (seen := _mark(self._path)) != self._seen:
                self._seen = seen
                self._read()
        return self.rules

    def _read(self) -> None:
        try:
            self.rules = config.load(self._path)
            self.problem = _doubtful(self.rules)
            log.info("rules in force", extra={"said": {"rules_version": self.rules.version}})
        except InputError as error:
            self.problem = str(error)
            log.error("the new rules can't be used, the old stay in force", extra={"said": {"error": self.problem}})


def _doubtful(rules: config.Rules) -> str | None:
    return " ".join(f"{doubt}." for doubt in rules.doubts[:_DOUBTS_SHOWN]) or None


class ModelInForce:
    """The champion, loaded again when another takes its place; one that can't be used leaves the old in force."""

    def __init__(self, folder: Path) -> None:
        """Nothing is loaded yet: the store's champion comes first (`export`), then `look`."""
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._looked = time.monotonic()
        self.model: Model | None = None
        # Why what is named as the champion isn't in force; None when it is, or when none is.
        self.unusable: str | None = None
        # Why the store's champion isn't in the folder; the latest promotion that is.
        self._missing: str | None = None
        self._exported: int | None = None
        # Why the model in force had no opinion, and when it had none, when that was logged.
        self._silent: str | None = None
        self._silent_at = self._logged_at = -_REMEMBERED_SECONDS

    @property
    def problem(self) -> str | None:
        """Why the champion isn't in force, or had no opinion lately; None when all is well."""
        if self.unusable is not None or self._missing is not None:
            return self.unusable or self._missing
        return self._silent if time.monotonic() - self._silent_at < _REMEMBERED_SECONDS else None

    @property
    def due(self) -> bool:
        """Whether to look: another one may be the champion now, or it may be usable at last."""
        metrics.MODEL_PROBLEM.set(self.problem is not None)
        retry = self.unusable is not None and time.monotonic() - self._looked >= _RETRY_SECONDS
        return retry or _mark(self._folder / CHAMPION) != self._seen

    def export(self, connection: Connection) -> None:
        """Have the store's champion in the folder, once it is another; never raises for a model that can't be used."""
        named = models.latest(connection)
        if named is None or (named.number == self._exported and self._missing is None):
            return
        # With it come numpy and LightGBM, which a scorer without a model does without.
        from fraudstack.decisions.champions import export

        try:
            export(connection, self._folder)
        except (InputError, OSError) as error:
            said = f"the store names the model {named.version}, which isn't in force: {error}"
            if said != self._missing:
                log.error("the store's champion can't be used", extra={"said": {"error": said}})
            self._missing = said
        else:
            self._missing, self._exported = None, named.number
        metrics.MODEL_PROBLEM.set(self.problem is not None)

    def look(self) -> None:
        """Load the champion; takes a second, and never raises."""
        self._looked, self._seen = time.monotonic(), _mark(self._folder / CHAMPION)
        try:
            found = self._champion()
        except Exception as error:  # noqa: BLE001 - whatever lies there, the worker goes on deciding
            said = (
                str(error) if isinstance(error, InputError) else f"the champion can't be used: {type(error).__name__}"
            )
            if said != self.unusable:
                log.error("the champion can't be used, what was in force stays", extra={"said": {"error": said}})
            self.unusable = said
        else:
            self.model, self.unusable, self._silent = found, None, None
            if found is not None:
                log.info("model in force", extra={"said": {"model_version": found.version}})
        metrics.MODEL_PROBLEM.set(self.problem is not None)

    def failed(self, error: Exception) -> str:
        """Note that the model in force had no opinion; the sentence for whoever asks why."""
        version = self.model.version if self.model else None
        why = str(error) if isinstance(error, InputError) else f"it raises {type(error).__name__}"
        said = f"the model {version} has no opinion: {why}"
        now = time.monotonic()
        metrics.MODEL_FAILURES.inc()
        if said != self._silent or now - self._logged_at >= _LOGGED_SECONDS:
            log.error("a model has no opinion, the rules decide", extra={"said": {"model": said}}, exc_info=error)
            self._logged_at = now
        self._silent, self._silent_at = said, now
        return said

    def _champion(self) -> "Model | None":
        if facts(self._folder) is None:
            if self.model is None:
                return None
            # A volume that is away says the same as a file that somebody took.
            raise InputError(f"{self._folder / CHAMPION} has gone: {self.model.version} stays until a restart")
        # With it come numpy and LightGBM, which a scorer without a model does without.
        from fraudstack.model.registry import champion

        return champion(self._folder)


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Another one when the file is another one; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
