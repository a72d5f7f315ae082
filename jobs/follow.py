"""What a load or labels changed is counted wherever transactions are counted, and decided, the scorer's own way."""

from contextlib import closing
from datetime import UTC, datetime

from fraudstack.decisions.deciding import Terms
from fraudstack.decisions.following import decide_all
from fraudstack.errors import InputError
from fraudstack.model import registry
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage import changes, days_seen, decided, history, value_days
from fraudstack.storage.online import Connection
from jobs.step import Summary, noted


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Count and decide what waits, in short transactions; loaded counts transactions.

    What nobody decided is decided by the rules and the champion, unless the step `decide` is to decide it all.
    """
    with noted(settings, run_id, "follow", phases) as (store, summary), closing(Connection(store)) as connection:
        if not history.is_whole(connection):
            summary.said.append("nothing to do: the load was large, and all is made anew")
            return summary
        waiting = changes.waiting(connection)
        summary.rows_in = sum(several for _, several in waiting)
        with phases.counted("follow: count changes", summary.rows_in) as on_rows:
            summary.loaded = changes.count_all(connection, [client for client, _ in waiting], on_rows)
        waiting = changes.waiting(connection)
        if waiting:
            terms, now = _terms(settings, connection, phases), datetime.now(UTC).replace(tzinfo=None, microsecond=0)
            with phases.counted("follow: decide", sum(several for _, several in waiting)) as on_rows:
                made = decide_all(connection, [client for client, _ in waiting], terms, now, on_rows)
            summary.said.append(f"{made:,} transactions were decided")
        with phases.phase("follow: days"):
            value_days.merge_old(connection)
            days_seen.catch_up(connection)
    return summary


def _terms(settings: Settings, connection: Connection, phases: Phases) -> Terms:
    rules = config.load(settings.rules_path or config.DEFAULT)
    champion, problem = None, None
    try:
        champion = registry.champion(settings.model_dir)
    except InputError as error:
        # As a scorer does, which goes on without it.
        phases.say(f"follow: {error}")
        problem = str(error)
    return Terms(rules, settings.currency, decided.categories(connection), champion, problem)
