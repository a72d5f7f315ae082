"""The challenger: a model that is asked beside the champion, without effect, until a date."""

import logging
import time
from typing import TYPE_CHECKING

from api import metrics
from fraudstack.fields.dates import this_second
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage import models
from fraudstack.storage.connections.online import Connection

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model

log = logging.getLogger(__name__)
# What can't be loaded may be mended.
_RETRY_SECONDS = 10.0
_LOGGED_SECONDS = 60.0


class Challenger:
    """What the store's registry names, taken up like a champion, but from the store alone."""

    def __init__(self) -> None:
        """Nobody is asked until the store names one."""
        self._model: Model | None = None
        self._named: models.Shadow | None = None
        self._tried_at = self._logged_at = -_LOGGED_SECONDS

    def take_up(self, connection: Connection) -> None:
        """Have the one that the store names now; never raises for a model that can't be used."""
        named = models.shadow(connection, this_second())
        if named is None:
            self._named = self._model = None
            return
        tries = self._model is not None or time.monotonic() - self._tried_at < _RETRY_SECONDS
        if self._named is not None and named.number == self._named.number and tries:
            return
        self._named, self._model, self._tried_at = named, None, time.monotonic()
        # With it come numpy and LightGBM, which a scorer without a model does without.
        from fraudstack.decisions.champions import kept

        try:
            self._model = kept(connection, named.version)
        except Exception as error:  # noqa: BLE001 - whatever lies there, the worker goes on deciding
            self.failed(error)
        else:
            log.info("challenger asked", extra={"said": {"challenger_version": named.version, "until": named.until}})

    def now(self, champion: "Model | None") -> "Model | None":
        """The model to ask beside the champion at this moment; None where there is none, or its time is over."""
        model, named = self._model, self._named
        if model is None or named is None or this_second().strftime(DATE_FORMAT) >= named.until:
            return None
        return None if champion is not None and champion.version == model.version else model

    def failed(self, error: Exception) -> None:
        """Note that it had no opinion: no answer tells it."""
        metrics.CHALLENGER_FAILURES.inc()
        if time.monotonic() - self._logged_at >= _LOGGED_SECONDS:
            self._logged_at = time.monotonic()
            said = {"challenger_version": self._named and self._named.version}
            log.error("a challenger has no opinion", extra={"said": said}, exc_info=error)
