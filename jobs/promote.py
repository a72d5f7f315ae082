"""The candidate becomes the champion, if it was found to deserve it."""

import json

from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.model import registry
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.steps.summary import Summary


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Promote the candidate if its evaluation says so; loaded is 1 then."""
    with champions.opened(settings) as connection:
        folder = champions.fetch_candidate(connection, settings.model_dir)
        try:
            found = json.loads((folder / registry.EVALUATION).read_text())
            better = bool(found["better"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"the candidate in {folder} was not evaluated: {error}") from error
        if better:
            signed = f", signed off by {settings.model_signed_by}" if settings.model_signed_by else ""
            who, why = f"run {run_id}{signed}", found | {"run_id": run_id}
            model = champions.promote(connection, settings.model_dir, folder, who, why, judged=True)
            phases.say(f"promote: model {model.version} is the champion")
        else:
            phases.say(f"promote: {found.get('reason')}")
    return Summary("promote", rows_in=1, loaded=int(better))
