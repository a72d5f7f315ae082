"""The command line of a job: `python -m jobs clean --run-id R`.

Settings come from the environment; progress goes to stderr, a JSON summary is the last line of stdout.
"""

import argparse
import importlib
import json
import sys
from dataclasses import asdict

from rich.console import Console

from fraudstack.errors import Refusal
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs import JOBS, begin, new_run_id


def main() -> None:
    """Run one job; what was refused is one sentence and an exit code."""
    parser = argparse.ArgumentParser(prog="python -m jobs", description="Run one job of an ingest.")
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--run-id", help="the run that this step belongs to")
    arguments = parser.parse_args()
    begin()
    job = importlib.import_module(f"jobs.{arguments.job}")
    from jobs import session

    console = Console(stderr=True)
    phases = Phases(console)
    settings = Settings()
    try:
        with phases.phase("start Spark"):
            spark = session.start(settings, arguments.job)
        try:
            summary = job.run(spark, settings, arguments.run_id or new_run_id(), phases)
        finally:
            spark.stop()
    except Refusal as error:
        console.print(f"{arguments.job}: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


if __name__ == "__main__":
    main()
