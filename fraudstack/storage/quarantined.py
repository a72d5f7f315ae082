"""Refused rows on their way back to whoever can repair them."""

import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import desc, select

from fraudstack.errors import StoreError
from fraudstack.schema import RAW, TransactionsStore
from fraudstack.spreadsheet import harmless
from fraudstack.storage.connections.engines import read
from fraudstack.storage.connections.store import Store

_QUARANTINE = TransactionsStore.metadata.tables["quarantine"]
_RUNS = TransactionsStore.metadata.tables["ingest_runs"]
_NUMBER = re.compile(r"[+-]?[$€£]? ?[0-9][0-9.,' ]*")


class Exported(NamedTuple):
    """What was written: rows of a run, and how many of them a spreadsheet would run a formula of."""

    run_id: str
    rows: int
    formulas: int


def export(store: Store, run_id: str | None, out: Path) -> Exported:
    """Write the rows that a run's clean step refused, as they stood, under the header of their files.

    Without a run the last one that refused rows is taken. A formula stays as it stood, or what is repaired would be
    another row. Raises StoreError when there is nothing to export.
    """
    refused = _QUARANTINE.c.step == "clean"
    with read(store) as connection:
        if run_id is None:
            latest = (
                select(_RUNS.c.run_id)
                .where(_RUNS.c.step == "clean", _RUNS.c.quarantined > 0)
                .order_by(desc(_RUNS.c.started_at))
                .limit(1)
            )
            run_id = connection.scalar(latest)
        if run_id is None:
            raise StoreError(f"no run on {store.shown} refused a row")
        header = connection.scalar(select(_RUNS.c.header).where(_RUNS.c.step == "clean", _RUNS.c.run_id == run_id))
        texts = connection.scalars(
            select(_QUARANTINE.c.text)
            .where(refused, _QUARANTINE.c.run_id == run_id)
            .order_by(_QUARANTINE.c.file, _QUARANTINE.c.line)
        ).all()
    if not texts:
        raise StoreError(f"run {run_id} refused no row on {store.shown}")
    draft = out.with_name(f"{out.name}.part")
    draft.write_text("\n".join([header or ",".join(RAW), *texts, ""]), encoding="utf-8")
    draft.replace(out)
    return Exported(run_id, len(texts), sum(map(_runs, texts)))


def _runs(line: str) -> bool:
    # Whatever the separator is, and with or without quotes; amounts may be signed.
    cells = re.split('[,;\t|"]', line)
    return any(harmless(cell) != cell and not _NUMBER.fullmatch(cell) for cell in cells)
