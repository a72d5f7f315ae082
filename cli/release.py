"""The commands for a release that runs: a key to its scorer, a job in its cluster, an attack on it."""

import json
import secrets
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Columns, Csv, Labels
from fraudstack.progress import Phases

_progress = Console(stderr=True)


def key(
    name: Annotated[str, typer.Argument(help="Whose key it is; logs show this name.")],
    scopes: Annotated[str, typer.Option(help="What it may do: score, review, admin, joined by +.")] = "score",
    person: Annotated[bool, typer.Option("--person", help="The name is a person's: reviews are made in it.")] = False,
) -> None:
    """Make an API key: the key for the caller, and the entry for TX_API_KEYS, which holds only its digest."""
    from fraudstack.keys import PERSON, SCOPES, digest, entry

    asked = scopes.split("+")
    if unknown := set(asked) - set(SCOPES):
        raise typer.BadParameter(f"no such scope: {', '.join(sorted(unknown))}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise typer.BadParameter("a name has letters, digits, - and _")
    made = secrets.token_urlsafe(32)
    if person:
        asked.append(PERSON)
    sys.stdout.write(f"X-API-Key: {made}\nTX_API_KEYS entry: {entry(name, asked, digest(made))}\n")


def submit(
    job: Annotated[str, typer.Argument(help="A job of an ingest or of a model, as in the DAGs.")],
    csv: Csv = None,
    labels: Labels = None,
    columns: Columns = None,
    run_id: Annotated[str | None, typer.Option(help="The run that it belongs to, by default a new one.")] = None,
    namespace: Annotated[str, typer.Option(help="Where the release is.")] = "default",
    release: Annotated[str, typer.Option(help="The release of the chart.")] = "fraudstack",
) -> None:
    """Run a job in the cluster of the current kubectl context, as the DAG would, and follow it to its end."""
    from jobs import EVERY, new_run_id
    from jobs.kubernetes.submit import manifests_of, run

    if job not in EVERY:
        raise typer.BadParameter(f"no such job: {job}; there are {', '.join(EVERY)}")
    inputs = {"TX_CSV_PATH": csv, "TX_LABELS_PATH": labels, "TX_COLUMNS": columns}
    say = partial(_progress.print, highlight=False, markup=False, soft_wrap=True)
    summary = run(manifests_of(namespace, release), job, run_id or new_run_id(), 1, inputs, say)
    sys.stdout.write(json.dumps(summary) + "\n")


def attack(
    scenario: Annotated[str | None, typer.Argument(help="One of them; without it all are played.")] = None,
    url: Annotated[str, typer.Option(help="The scorer.", envvar="TX_API_URL")] = "http://127.0.0.1:8081",
    key: Annotated[
        str | None, typer.Option(help="A key with the scopes score and review.", envvar="TX_API_KEY")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Play scripted attacks on a scorer that isn't in production, each beside the same volume by honest clients."""
    from data.attacks.play import SCRIPTS, play
    from data.posting import Scorer
    from fraudstack.report.attacks import table

    if scenario is not None and scenario not in SCRIPTS:
        raise typer.BadParameter(f"no such attack: {scenario}; there are {', '.join(SCRIPTS)}")
    phases, outcomes = Phases(_progress), []
    for name in SCRIPTS if scenario is None else [scenario]:
        with phases.phase(name) as advance:
            outcomes.append(play(name, Scorer(url, key), datetime.now(UTC), advance))
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) | {"a_thousand": one.a_thousand} for one in outcomes]) + "\n")
        return
    Console().print(table(outcomes))
