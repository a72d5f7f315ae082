"""A phase of a job that Spark works on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from fraudstack.progress import Phases

_POLL_SECONDS = 0.5


@contextmanager
def spark_phase(spark: SparkSession, phases: Phases, name: str) -> Iterator[None]:
    """A phase whose progress is that of the Spark tasks under way."""
    over = threading.Event()
    with phases.phase(name) as advance:

        def follow() -> None:
            tracker = spark.sparkContext.statusTracker()
            while not over.wait(_POLL_SECONDS):
                infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                known = [info for info in infos if info is not None]
                if known:
                    advance(sum(i.numCompletedTasks for i in known), sum(i.numTasks for i in known))

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()
