"""`python -m jobs.spark.class_archive`: keep the classes that Spark loads for the jobs, so that it starts faster.

Run once where the packages are installed; sessions find what it leaves by themselves.
"""

import os
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console

from fraudstack.progress import Phases
from fraudstack.settings import DATA_DIR, Settings
from jobs import begin


def main() -> None:
    """Run the jobs on the sample and keep the classes of their JVM."""
    begin()
    from jobs import clean, cluster, label, profiles
    from jobs.spark import session

    phases = Phases(Console(file=StringIO()))
    draft = session.CLASSES.with_name(f"{session.CLASSES.name}.{os.getpid()}")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            csv_path=str(DATA_DIR / "sample" / "transactions_data.csv"),
            labels_path=str(DATA_DIR / "sample" / "train_fraud_labels.json"),
            sqlite_db=Path(folder) / "transactions.db",
            clusters_db=Path(folder) / "transactions_clusters.db",
            database_url=None,
            staging_dir=Path(folder) / "staging",
            clusters_k=3,
        )
        spark = session.start(settings, "class archive", archive=draft)
        for job in (clean, cluster, label, profiles):
            job.run(spark, settings, "class archive", phases)
        gateway = spark.sparkContext._gateway
        spark.stop()
        if gateway is not None:
            # As Python's end would, but it doesn't wait for the JVM's.
            gateway.proc.stdin.close()
            gateway.proc.wait()
    # A Java without its own archive can't add to it: then there is none.
    if draft.exists():
        draft.replace(session.CLASSES)


if __name__ == "__main__":
    main()
