"""The folders in which a step exchanges data with Spark."""

import hashlib
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fraudstack.progress import Advance
from fraudstack.settings import Settings
from fraudstack.storage.connections.store import Store


@contextmanager
def staging_folder(settings: Settings, store: Store) -> Iterator[Path]:
    """A folder for this try alone; what a killed try on the same store left is removed."""
    of_store = settings.staging_dir.absolute() / hashlib.sha256(store.url.encode()).hexdigest()[:12]
    shutil.rmtree(of_store, ignore_errors=True)
    folder = of_store / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(of_store, ignore_errors=True)


@contextmanager
def check_folder(settings: Settings) -> Iterator[Path]:
    """A folder for a check, which has no turn on the store: an ingest under way keeps its own."""
    settings.staging_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=settings.staging_dir.absolute()) as folder:
        yield Path(folder)


def exported(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path, advance: Advance) -> int:
    """Copy rows from the store to Parquet, for Spark to read; returns how many."""
    folder.mkdir()
    rows = 0
    with pq.ParquetWriter(folder / "0.parquet", schema) as writer:
        for found in batches:
            writer.write_batch(found.cast(schema))
            rows += found.num_rows
            advance(rows, 0)
    return rows
