"""The command line of a job: `python -m jobs clean --run-id R`.

Settings come from the environment; progress goes to stderr, a JSON summary is the last line of stdout.
"""

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console

from fraudstack.errors import Refusal
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs import EVERY, begin, new_run_id


def main() -> None:
    """Run one job; what was refused is one sentence and an exit code."""
    parser = argparse.ArgumentParser(prog="python -m jobs", description="Run one job of an ingest or of a model.")
    parser.add_argument("job", choices=EVERY)
    parser.add_argument("--run-id", help="the run that this step belongs to")
    arguments = parser.parse_args()
    begin()
    from jobs.run import run, session_when_needed

    console = Console(stderr=True)
    phases = Phases(console)
    try:
        settings = Settings()
        run_id = arguments.run_id or new_run_id()
        with session_when_needed(settings, arguments.job, phases) as spark:
            summary = run(arguments.job, spark, settings, run_id, phases)
    except Refusal as error:
        console.print(f"{arguments.job}: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


if __name__ == "__main__":
    main()
