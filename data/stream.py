"""Post the rows of a raw file to the scorer, one after the other, and tell what it says of each."""

import csv
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.posting import Refused, Scorer
from fraudstack.columns import made_ids, rows
from fraudstack.columns.mapping import Mapping
from fraudstack.fields import ids
from fraudstack.fields.truth import is_fraud
from fraudstack.reading.files import raw_files, unpacked
from fraudstack.reading.header import names_of
from fraudstack.reading.labels import entries
from fraudstack.schema import CONTENT


@dataclass(frozen=True)
class Streamed:
    """A posted row, the scorer's answer, the label if there is one, and the milliseconds that it took.

    Of a row that was refused there is no answer, and `refused` says why and where it stands.
    """

    transaction: dict[str, str]
    answer: dict[str, Any] | None
    is_fraud: bool | None
    milliseconds: float
    refused: str | None = None


def stream(
    file: Path, labels: Path | None, url: str, key: str | None, mapping: Mapping | None = None, currency: str = "USD"
) -> Iterator[Streamed]:
    """Post each row of a raw file, read as an ingest reads it; one that the scorer can't take now is sent again.

    With a mapping the file has columns of its own, amounts in `currency`, and may carry the labels. A row that is
    refused is told, and the next one follows. Raises InputError when the file can't be read or the scorer takes no row
    of this caller, StoreError when it can't be reached.
    """
    truth, scorer = _labels(labels) if labels else {}, Scorer(url, key)
    for raw in raw_files(file, *((mapping.encoding, mapping.separator) if mapping else ())):
        names = raw.start.names if mapping else names_of(raw.start, raw.name)
        alike: Counter[int] = Counter()
        if mapping:
            mapping.check_header(names, raw.name)
        for line, content in raw.lines():
            body, problem = _body(content, names, raw.start.separator)
            if not mapping:
                body = {name: text for name, text in body.items() if name in CONTENT and text.strip(" ")}
            elif problem is None:
                body, problem = _mapped(body, mapping, currency, raw.start.separator, alike)
            carried = body.pop("is_fraud", None)
            started = time.perf_counter()
            answer = None
            if problem is None:
                try:
                    answer = scorer.post("/transaction", body)
                except Refused as error:
                    problem = f"the scorer refused transaction {body.get('id')}: {error}"
            milliseconds = (time.perf_counter() - started) * 1000
            label = truth.get(ids.key(str(body.get("id"))), None if carried is None else is_fraud(carried))
            said = None if problem is None else f"{raw.name}, line {line}: {problem}"
            yield Streamed(body, answer, label, milliseconds, said)


def _labels(file: Path) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for packed in unpacked(file):
        for entry in entries(packed):
            said = is_fraud(entry.value)
            if said is not None:
                found.setdefault(ids.key(entry.id), said)
    return found


def _body(content: bytes, names: list[str], separator: str) -> tuple[dict[str, str], str | None]:
    """A line as the scorer takes it, which reads fields as an ingest does; and why it can't be one."""
    try:
        [fields] = csv.reader([content.decode()], delimiter=separator, strict=True)
    except UnicodeDecodeError:
        return {}, "broken encoding"
    except (csv.Error, ValueError):
        return {}, "broken quoting"
    if len(fields) != len(names):
        return {}, f"too {'few' if len(fields) < len(names) else 'many'} columns"
    return dict(zip(names, fields, strict=True)), None


def _mapped(
    row: dict[str, str], mapping: Mapping, currency: str, separator: str, alike: Counter[int]
) -> tuple[dict[str, str], str | None]:
    """A row of a file with columns of its own, as the scorer takes it; `alike` counts rows without an id."""
    try:
        body = rows.read(mapping, row, currency, commas_group=separator == ",")
        if mapping.columns.id is None:
            id = rows.made_id(body, mapping)
            body["id"] = str(made_ids.of_another(id, alike[id]))
            alike[id] += 1
    except ValueError as error:
        return {}, str(error)
    return body, None
