"""A model scores raw files, each transaction by what was known at its time."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.features import examples
from jobs.features.fold import matrix
from jobs.steps.staging import check_folder

_SCORED = pa.schema([("id", pa.int64()), ("score", pa.float64())])


def score(
    spark: SparkSession, settings: Settings, model: Model, first: int, last: int, out: Path, phases: Phases
) -> int:
    """Write id and score of the transactions from one day to another; returns how many."""
    with check_folder(settings) as staging:
        rows, _ = examples.of_files(spark, settings, model.label_delay, staging, phases)
        wanted = (pc.field("seconds") >= first * DAY) & (pc.field("seconds") < (last + 1) * DAY)
        scored = 0
        with phases.phase("score"):
            draft = out.with_name(f".{out.name}.part")
            try:
                with pq.ParquetWriter(draft, _SCORED) as writer:
                    for batch in ds.dataset(rows).to_batches(columns=["id", *NAMES], filter=wanted):
                        if batch.num_rows:
                            scores = model.scores(matrix(batch))
                            writer.write_batch(pa.record_batch([batch.column("id"), scores], schema=_SCORED))
                            scored += batch.num_rows
                draft.replace(out)
            except OSError as error:
                raise InputError(f"{out} can't be written: {error}") from error
            finally:
                draft.unlink(missing_ok=True)
    if not scored:
        raise InputError(f"{settings.csv_path} has no transaction in the days asked for; {out} is empty")
    return scored
