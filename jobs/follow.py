"""What a load or labels changed is counted wherever transactions are counted, and decided, the scorer's own way."""

from contextlib import closing

from fraudstack.decisions.following import follow_all
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage.connections.online import Connection
from jobs.steps.summary import Summary
from jobs.steps.turn import noted


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Count and decide what waits, in short transactions; loaded counts transactions."""
    with noted(settings, run_id, "follow", phases) as (store, summary), closing(Connection(store)) as connection:
        found = follow_all(connection, settings, phases)
        if found is None:
            summary.said.append("nothing to do: the load was large, and all is made anew")
            return summary
        summary.rows_in, summary.loaded = found.waited, found.counted
        if found.waited:
            summary.said.append(f"{found.decided:,} transactions were decided")
    return summary
