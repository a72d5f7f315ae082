"""The DAG transactions_ingest: raw card transactions and fraud labels become the queried store."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, Param, chain, get_current_context, task
from spark import LONGEST, given, run

from jobs import JOBS

_INPUTS = {"TX_CSV_PATH": "csv", "TX_LABELS_PATH": "labels", "TX_COLUMNS": "columns"}


@task(retries=2, retry_delay=timedelta(seconds=10), retry_exponential_backoff=2, execution_timeout=LONGEST)
def run_job(job: str) -> dict[str, object]:
    """Run one job on the inputs of this DAG run; its row in ingest_runs carries the DAG run's id."""
    context = get_current_context()
    params = given(context)
    inputs = {name: params[param] for name, param in _INPUTS.items()}
    return run(job, context["run_id"], context["ti"].try_number, inputs)


with DAG(
    dag_id="transactions_ingest",
    description="Raw card transactions and fraud labels become the queried store",
    doc_md="""
Ingests a file of card transactions into the store, in steps that each commit once and can be repeated:

1. **clean** casts every row of `csv` into the table `transactions`; what can't be read goes to `quarantine`.
2. **label** sets `is_fraud` from `labels`; a transaction without a label keeps NULL.
3. **follow** counts what these changed wherever transactions are counted, in profiles, sums and days, and decides what
   is new or corrected as a scorer would.
4. **profiles** makes all that anew after a first load, or one that is large against the store; the scorer, which keeps
   it current, may go on meanwhile.
5. **cluster** groups the clients by their habits into `transactions_clusters` and `client_clusters`.

Ingesting the same files again changes nothing. Runs wait for each other. Every step leaves a row in
`ingest_runs` and its summary as the task's XCom. An input that is refused fails the run without a retry,
with the reason as the last line of the task's log.
""",
    schedule=None,
    catchup=False,
    # A paused DAG would accept a trigger and never start it.
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "ingest"],
    params={
        "csv": Param(
            None,
            type=["null", "string"],
            title="Transactions",
            description="A CSV file or a glob of several, packed or not; empty: what TX_CSV_PATH says",
        ),
        "labels": Param(
            None,
            type=["null", "string"],
            title="Fraud labels",
            description="The labels by transaction id, JSON or CSV; empty: what TX_LABELS_PATH says",
        ),
        "columns": Param(
            None,
            type=["null", "string"],
            title="Columns",
            description="How other columns are read: a preset or a file of columns; empty: as TX_COLUMNS says",
        ),
    },
):
    # Whoever waits for new transactions waits for all of it.
    outlets = {JOBS[-1]: [Asset("fraudstack-transactions")]}
    chain(*(run_job.override(task_id=job, outlets=outlets.get(job, []))(job) for job in JOBS))
