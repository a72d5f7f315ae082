"""The tasks of a DAG: jobs that follow one another, each run where the settings say."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetAlias, Context, chain, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException
from spark import run

# The longest that a job may take: a first load of 13 million rows takes minutes, whatever takes hours hangs.
LONGEST = timedelta(hours=6)
# Has one slot: whoever waits for its turn on the store waits before its driver starts, and keeps nobody's memory.
POOL = "fraudstack_store"
# In all twenty minutes, later and later: a control plane that is upgraded is away for some.
RETRIES = {
    "retries": 7,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}

TRANSACTIONS = Asset("fraudstack-transactions")
# Through it a run says that they changed, or says nothing.
CHANGED = AssetAlias("fraudstack-transactions-changed")


@task(execution_timeout=LONGEST, pool=POOL)
def run_job(job: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Run one job on the store; its row in ingest_runs carries the DAG run's id.

    `inputs` names params of this DAG by the settings (TX_...) that they override.
    """
    context = get_current_context()
    params = given(context)
    settings = {setting: params[param] for setting, param in inputs.items()}
    summary = run(job, context["run_id"], context["ti"].try_number, settings)
    # Whoever waits for new transactions waits for all of it, and isn't woken where nothing is new.
    if CHANGED in context["outlets"] and not summary["idle"]:
        context["outlet_events"][CHANGED].add(TRANSACTIONS)
    return summary


def given(context: Context) -> Mapping[str, Any]:
    """The params of this DAG run; it fails at once where its conf has a key that none of them is."""
    # Airflow checks their types, and takes any other key without a word.
    params = context["dag"].params
    if unknown := sorted(set(context["dag_run"].conf or {}) - set(params)):
        known = ", ".join(sorted(params)) or "no key at all"
        raise AirflowFailException(f"the conf of this run has {', '.join(unknown)}, and this DAG knows {known}")
    return context["params"]


def in_order(jobs: Sequence[str], inputs: Mapping[str, str] | None = None, *, changes: bool = False) -> None:
    """Tasks of these jobs, one after the other; `changes`: when the last has ended, transactions may have changed."""
    outlets = {jobs[-1]: [CHANGED]} if changes else {}
    chain(
        *(
            run_job.override(task_id=job, outlets=outlets.get(job, []), **RETRIES)(job, dict(inputs or {}))
            for job in jobs
        )
    )
