"""Refused rows on their way back to whoever can repair them."""

from pathlib import Path

from sqlalchemy import desc, select

from fraudstack.errors import StoreError
from fraudstack.schema import RAW, TransactionsStore
from fraudstack.storage.engines import read_only
from fraudstack.storage.store import Store

_QUARANTINE = TransactionsStore.metadata.tables["quarantine"]
_RUNS = TransactionsStore.metadata.tables["ingest_runs"]


def export(store: Store, run_id: str | None, out: Path) -> tuple[str, int]:
    """Write the rows that a run's clean step refused, as they stood, under the header of their files.

    Without a run the last one that refused rows is taken. Returns the run and the number of rows; raises
    StoreError when there is nothing to export.
    """
    refused = _QUARANTINE.c.step == "clean"
    with read_only(store).connect() as connection:
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
    return run_id, len(texts)
