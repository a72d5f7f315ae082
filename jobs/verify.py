"""The store is held against its own facts; what differs is counted in the log by table, without anybody's figures."""

from collections import Counter

from fraudstack.errors import DifferenceError
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.verify.difference import sentence
from fraudstack.storage.verify.store import compare
from jobs.steps.summary import Summary
from jobs.steps.turn import noted


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Rebuild what follows from the facts, and compare; raises DifferenceError where something differs."""
    with noted(settings, run_id, "verify", phases) as (store, summary):
        found = Counter(difference.table for difference in compare(store, phases, repair=False))
        for table, differences in sorted(found.items()):
            phases.say(f"verify: {table}: {differences:,} differ")
        if found:
            raise DifferenceError(sentence(found.total(), store, repair=False))
        summary.said.append("nothing differs")
    return summary
