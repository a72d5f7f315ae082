"""One PySpark program a file: arguments → run(spark, …) → a summary."""

import os
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.abc import MetaPathFinder
from types import ModuleType

# The steps of an ingest, in order.
JOBS = ("clean", "label", "follow", "profiles", "cluster")
# The steps that may put another model in force, in order; some of them without Spark.
MODEL_REFRESH = ("train", "evaluate", "promote", "memories")
# What follows an ingest, in order.
AFTER_INGEST = ("memories", "decide")
# What looks at the model in force once in a while.
MODEL_WATCH = ("watch",)
# What proves that the store is right.
STORE_VERIFY = ("verify",)
EVERY = tuple(dict.fromkeys((*JOBS, *MODEL_REFRESH, *AFTER_INGEST, *MODEL_WATCH, *STORE_VERIFY)))
WITHOUT_SPARK = ("follow", "evaluate", "promote", "verify")
# Jobs that make of all transactions what else is kept as they come, by what is outdated where they have to: nothing is,
# unless a load was large against the store.
OF_A_LARGE_LOAD = {"profiles": "profiles", "memories": "memories", "decide": "decisions"}

# Of 19, the last: a scorer on the same machine gets nine tenths of a processor that both want.
_NICENESS = 10


def begin() -> None:
    """What a process that only runs jobs does before it imports them.

    It stands behind those who wait for an answer, and does without pandas: Spark and Arrow import it wherever they
    find it, for seconds and nothing, and Spark 4.3 warns about pandas 3.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    sys.meta_path.insert(0, _NoPandas())


def new_run_id() -> str:
    """A name for a run that nobody else named."""
    return f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("a job runs without pandas", name=name)
