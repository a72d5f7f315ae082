"""The scorer under load: gunicorn on 127.0.0.1, posts of known clients, wrk."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection, date_text
from fraudstack.storage.connections.store import parse
from tests.bench.stores import given

CONNECTIONS, THREADS, WORKERS = 8, 2, 2
# More than a floor answers.
_POSTS_A_SECOND = 3_000


class Stream:
    """Posts of known clients after the end of what the store holds, three a client and day, without ids."""

    def __init__(self, folder: Path, rows: int, url: str) -> None:
        with (folder / f"inputs-{rows}" / "transactions_data.csv").open() as lines:
            self._names = next(lines).rstrip("\n").split(",")
            self._rows = [line.rstrip("\n").split(",") for line in islice(lines, 200_000) if '"' not in line]
        self._clients = len({row[self._names.index("client_id")] for row in self._rows})
        Random(1).shuffle(self._rows)
        self._file = folder / f"bodies-{rows}.jsonl"
        connection = Connection(parse(url), read_only=True)
        last = date_text(connection.rows("SELECT max(date) FROM transactions")[0][0])
        connection.close()
        self._after = datetime.strptime(last, DATE_FORMAT)
        self._posted = 0

    def write(self, posts: int) -> Path:
        """A file with the next posts, one a line."""
        with self._file.open("w") as out:
            for number in range(self._posted, self._posted + posts):
                out.write(json.dumps(self._body(number)) + "\n")
        self._posted += posts
        return self._file

    def _body(self, number: int) -> dict[str, Any]:
        row = dict(zip(self._names, self._rows[number % len(self._rows)], strict=True))
        date = self._after + timedelta(days=number / (3 * self._clients))
        body: dict[str, Any] = {name: row[name] for name in row if row[name] and name not in ("id", "errors", "zip")}
        return body | {
            "date": f"{date:%Y-%m-%d %H:%M:%S}",
            "amount": float(row["amount"].replace("$", "")),
            "mcc": int(row["mcc"]),
        }


@contextmanager
def scorer(database: str, folder: Path, models: Path | None = None) -> Iterator[str]:
    environment = os.environ | given(database, folder) | settings(folder, models)
    with served(["--config", "python:api.gunicorn", "api.main:app"], environment, "/readyz") as url:
        yield url


def settings(folder: Path, models: Path | None = None) -> dict[str, str]:
    return {
        "TX_ENV": "development",
        "TX_API_WORKERS": str(WORKERS),
        "OPENAI_API_KEY": "",
        "TX_MODEL_DIR": str(models or folder / "no-models"),
    }


@contextmanager
def served(
    arguments: list[str],
    environment: Mapping[str, str],
    ready: str,
    python: str = sys.executable,
    checkout: Path | None = None,
) -> Iterator[str]:
    """gunicorn on a port of its own, until the block ends."""
    port = 18_081
    command = [python, "-m", "gunicorn", *arguments, "--bind", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=subprocess.STDOUT, cwd=checkout)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 60
            while not _answers(url + ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"gunicorn didn't start: {log.read()[-2000:]}")
                time.sleep(0.1)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def load(url: str, stream: Stream, seconds: int, pause: int = 0) -> dict[str, float]:
    """Posts for so many seconds after a second of warming; requests a second, p50 and p99 in milliseconds."""
    script = str(Path(__file__).with_name("load.lua"))
    for length in (1, seconds):
        environment = os.environ | {
            "LOAD_BODIES": str(stream.write(length * _POSTS_A_SECOND)),
            "LOAD_PAUSE_MS": str(pause),
            "LOAD_THREADS": str(THREADS),
        }
        command = [
            "wrk",
            "-t",
            str(THREADS),
            "-c",
            str(CONNECTIONS),
            "-d",
            f"{length}s",
            "--latency",
            "-s",
            script,
            url,
        ]
        output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.split("RESULT ", 1)[1])
    if result["failed"]:
        raise SystemExit(f"{result['failed']} requests failed: {output}")
    return result | {"rate": result["requests"] / result["seconds"]}
