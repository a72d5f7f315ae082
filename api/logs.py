"""Logs as JSON, a line each, for machines to read: a message, and the words given as `extra={"said": …}`."""

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType

from pydantic_core import to_json


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "said", {}),
        }
        if record.exc_info:
            kind = record.exc_info[0]
            # Where and what kind: a message may quote what was posted.
            said["error"] = kind.__name__ if kind else None
            said["trace"] = [
                f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" for frame in _frames(record.exc_info[2])
            ]
        return to_json(said, serialize_unknown=True, inf_nan_mode="null").decode()


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def configure() -> None:
    """Send all logs to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # A line says nothing of where in the code, nor of threads: finding it out takes a third of what a line takes.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = name not in ("uvicorn.access", "gunicorn.access")
    # The library logs requests with their texts at DEBUG, and addresses at INFO.
    for name in ("openai", "httpx", "httpx2", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
