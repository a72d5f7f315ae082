"""What a load or labels changed is counted wherever transactions are counted, the scorer's own way."""

from contextlib import closing

from fraudstack.progress import Phases
from fraudstack.settings import Settings
from fraudstack.storage import changes, days_seen, history, value_days
from fraudstack.storage.online import Connection
from jobs.step import Summary, noted


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Count what waits to be counted, in short transactions; loaded counts transactions."""
    with noted(settings, run_id, "follow", phases) as (store, summary), closing(Connection(store)) as connection:
        if not history.is_whole(connection):
            summary.said.append("nothing to do: the load was large, and all is made anew")
            return summary
        waiting = changes.waiting(connection)
        summary.rows_in = sum(several for _, several in waiting)
        with phases.counted("follow: count changes", summary.rows_in) as on_rows:
            summary.loaded = changes.follow_all(connection, [client for client, _ in waiting], on_rows)
        with phases.phase("follow: days"):
            value_days.merge_old(connection)
            days_seen.catch_up(connection)
    return summary
