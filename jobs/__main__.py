"""The command line of a job: `python -m jobs clean --run-id R`.

Settings come from the environment; progress goes to stderr, a JSON summary is the last line of stdout; in a pod
it is also its termination message.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from fraudstack.errors import Refusal
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs import EVERY, begin, new_run_id

# Of at most 4 KiB: kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure.
_LAST_WORD, _MOST_BYTES = Path("/dev/termination-log"), 4096


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
        said = f"{arguments.job}: {error}"
        console.print(said, style="red", highlight=False, markup=False, soft_wrap=True)
        _last_word(said)
        sys.exit(error.exit_code)
    said = json.dumps(asdict(summary))
    # What doesn't fit into a pod's message is told by the log alone.
    short = asdict(summary) | {"header": None, "said": [], "phases": {}}
    _last_word(said if len(said.encode()) < _MOST_BYTES else json.dumps(short))
    sys.stdout.write(said + "\n")


def _last_word(said: str) -> None:
    """Leave the result where Kubernetes takes it from, if this is a container there."""
    if _LAST_WORD.is_file():
        _LAST_WORD.write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main()
