"""`make bench-attacks ROWS=50000`: the scripted attacks on a scorer whose store has a history of its own."""

import argparse
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests import postgres
from tests.bench import load, stores

# Fewer have too few frauds to train on.
_FOR_A_MODEL = 200_000


def main() -> None:
    """Make a store, serve it, and play all attacks on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", help="the URL of a PostgreSQL server's database; else SQLite")
    where.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server that is started for it")
    parser.add_argument("--model", action="store_true", help="with a model, trained on the history")
    parser.add_argument("scenario", nargs="?", help="one alone")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running()) if arguments.postgresql else arguments.server
        if arguments.model:
            rows = max(arguments.rows, _FOR_A_MODEL)
            store, models = stores.with_model(arguments.folder, rows, server, anew=True)
        else:
            store, models = stores.store(arguments.folder, arguments.rows, server, anew=True), None
        url = stack.enter_context(load.scorer(store, arguments.folder, models))
        one = [arguments.scenario] if arguments.scenario else []
        subprocess.run([Path(sys.executable).with_name("fraudstack"), "attack", *one, "--url", url], check=True)


if __name__ == "__main__":
    main()
