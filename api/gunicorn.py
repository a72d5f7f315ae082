"""gunicorn's configuration: `gunicorn --config python:api.gunicorn api.main:app`."""

import os
import shutil
import signal
import sys
import tempfile
from typing import Any, Protocol

from api import logs
from fraudstack.errors import SettingError
from fraudstack.settings import Settings

# Where the workers count. It must be named before anything imports prometheus_client.
_counters = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="fraudstack-metrics-")


class _Worker(Protocol):
    pid: int


try:
    _settings = Settings()
except SettingError as error:
    # gunicorn would print where in its own code it was read.
    sys.exit(str(error))
bind = _settings.api_bind
workers = _settings.api_workers
worker_class = "api.worker.Worker"
# A request in flight at SIGTERM is finished; the longest waits for a language model and a commit.
graceful_timeout = 20
timeout = 60
# Longer than a balancer keeps a connection that nobody uses (60 s, mostly): it must not send into one just closed.
keepalive = 75
# What waits here can't be counted by a worker: short, so that overload shows as 503 and not as silence.
backlog = 512
logconfig_dict: dict[str, Any] = {"version": 1, "disable_existing_loggers": False}


def on_starting(_: object) -> None:
    """Logs are JSON from the first line on."""
    logs.configure()


def post_fork(_: object, __: object) -> None:
    """A worker's logs are JSON as well."""
    logs.configure()


def worker_int(worker: _Worker) -> None:
    """What --reload calls when a file has changed: uvicorn's worker ends by a signal and nothing else."""
    os.kill(worker.pid, signal.SIGTERM)


def child_exit(_: object, worker: _Worker) -> None:
    """Keep a dead worker's counts, forget what it held at the moment."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_: object) -> None:
    """Remove the folder of the counters."""
    shutil.rmtree(_counters, ignore_errors=True)
