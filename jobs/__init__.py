"""One PySpark program a file: arguments → run(spark, …) → a summary."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


def leave_pandas_out() -> None:
    """Keep pandas out of a process that only runs jobs.

    Spark and Arrow import it wherever they find it, for seconds and nothing, and Spark 4.3 warns about pandas 3.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("a job runs without pandas", name=name)
