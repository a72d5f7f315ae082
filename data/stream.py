"""Post the rows of a raw file to the scorer, one after the other, and tell what it says of each."""

import csv
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudstack.errors import InputError, StoreError

_TRIES, _PAUSE_SECONDS = 5, 1.0


@dataclass(frozen=True)
class Streamed:
    """A posted transaction, the scorer's answer, the label if there is one, and the milliseconds that it took."""

    transaction: dict[str, Any]
    answer: dict[str, Any]
    is_fraud: bool | None
    milliseconds: float


def stream(file: Path, labels: Path | None, url: str, key: str | None) -> Iterator[Streamed]:
    """Post each row of a raw CSV file; one that the scorer can't take now is sent again.

    Raises InputError when the file can't be read or the scorer refuses a row, StoreError when it can't be reached.
    """
    try:
        truth = json.loads(labels.read_text())["target"] if labels else {}
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file} and its labels can't be read: {error}") from error
    for row in rows:
        body = _body(row)
        started = time.perf_counter()
        answer = _posted(f"{url.rstrip('/')}/transaction", body, key)
        label = truth.get(row["id"])
        yield Streamed(body, answer, None if label is None else label == "Yes", (time.perf_counter() - started) * 1000)


def _body(row: dict[str, str]) -> dict[str, Any]:
    """A raw row as the scorer takes it."""
    body: dict[str, Any] = {name: value for name, value in row.items() if value}
    body["amount"] = row["amount"].replace("$", "").replace(",", "")
    if row["zip"]:
        body["zip"] = row["zip"].removesuffix(".0")
    if row["mcc"]:
        body["mcc"] = int(float(row["mcc"]))
    return body


def _posted(url: str, body: dict[str, Any], key: str | None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - the user's own address
    for _ in range(_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code in (429, 503):
                # Nothing was written: the same post again is safe.
                time.sleep(float(error.headers.get("Retry-After", _PAUSE_SECONDS)))
                continue
            said = json.loads(error.read() or b"{}").get("detail", error.reason)
            raise InputError(f"the scorer refused transaction {body.get('id')}: {said}") from error
        except OSError as error:
            raise StoreError(f"there is no scorer at {url}: {error}") from error
    raise StoreError(f"the scorer at {url} is overloaded")
