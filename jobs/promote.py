"""The candidate becomes the champion, if it was found to be better."""

import json

from fraudstack.errors import InputError
from fraudstack.model import registry
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.steps.summary import Summary


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Promote the candidate of TX_MODEL_DIR if its evaluation says so; loaded is 1 then."""
    folder = settings.model_dir / registry.CANDIDATE
    try:
        found = json.loads((folder / registry.EVALUATION).read_text())
        better = bool(found["better"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the candidate in {folder} was not evaluated: {error}") from error
    if better:
        model = registry.promote(settings.model_dir, folder, found | {"run_id": run_id})
        phases.say(f"promote: model {model.version} is the champion")
    else:
        phases.say(f"promote: {found.get('reason')}")
    return Summary("promote", rows_in=1, loaded=int(better))
