"""gunicorn's worker: uvicorn's, with limits for who sends slowly, and without an end for who can't start."""

import asyncio
import gc
import logging
import mmap
import sys
import time
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

HEADER_SECONDS = 10.0
_PAUSE_SECONDS = 5.0
# Memory that gunicorn's process shares with all its workers: 1 once one of them has started.
_started = mmap.mmap(-1, 1)


class TimedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's headers don't come in time; uvicorn would wait for ever."""

    _waiting: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Wait for a later request's headers."""
        super().on_message_begin()
        if self._waiting is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The headers have come."""
        self._rest()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing comes any more."""
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_SECONDS, self.timeout_keep_alive_handler)

    def _rest(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class Worker(UvicornWorker):  # type: ignore[misc]
    """A worker of the scorer."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": TimedProtocol,
        # Nobody asks whence a request came.
        "proxy_headers": False,
        # One that makes room for another doesn't wait for ever.
        "timeout_graceful_shutdown": 20,
    }

    _frozen = False

    def init_process(self) -> None:
        """Load, start and serve; where workers have started before, one that can't is no reason to end them all."""
        try:
            super().init_process()
        except (Exception, SystemExit) as end:
            if not _started[0] or (isinstance(end, SystemExit) and not end.code):
                raise
            logging.getLogger(__name__).exception("the worker failed; another one starts")
            # gunicorn starts it at once.
            time.sleep(_PAUSE_SECONDS)
            sys.exit(1)

    async def callback_notify(self) -> None:
        """Told when serving has begun, and from then on as long as it goes on."""
        if not self._frozen:
            # What stays as long as the worker needn't be looked through for garbage, while decisions wait.
            gc.collect()
            gc.freeze()
            self._frozen = True
        _started[0] = 1
        await super().callback_notify()
