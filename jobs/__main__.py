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
from jobs import EVERY, OF_A_LARGE_LOAD, WITHOUT_SPARK, begin, new_run_id


def main() -> None:
    """Run one job; what was refused is one sentence and an exit code."""
    parser = argparse.ArgumentParser(prog="python -m jobs", description="Run one job of an ingest or of a model.")
    parser.add_argument("job", choices=EVERY)
    parser.add_argument("--run-id", help="the run that this step belongs to")
    arguments = parser.parse_args()
    begin()
    job = importlib.import_module(f"jobs.{arguments.job}")
    from jobs import session
    from jobs.step import is_current, skipped

    console = Console(stderr=True)
    phases = Phases(console)
    try:
        settings = Settings()
        run_id = arguments.run_id or new_run_id()
        if arguments.job in OF_A_LARGE_LOAD and is_current(settings, arguments.job):
            summary = skipped(settings, run_id, arguments.job, phases)
        elif arguments.job in WITHOUT_SPARK:
            summary = job.run(settings, run_id, phases)
        else:
            with session.started(settings, arguments.job, phases) as spark:
                summary = job.run(spark, settings, run_id, phases)
    except Refusal as error:
        console.print(f"{arguments.job}: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


if __name__ == "__main__":
    main()
