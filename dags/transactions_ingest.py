"""The DAG transactions_ingest: raw card transactions and fraud labels become the queried store."""

from airflow.sdk import DAG, Param
from arrival import Arrival, daily, since
from steps import in_order, tell

from jobs import JOBS

_INPUTS = {"TX_CSV_PATH": "csv", "TX_LABELS_PATH": "labels", "TX_COLUMNS": "columns", "TX_UNUSUAL": "unusual"}

with DAG(
    dag_id="transactions_ingest",
    description="Raw card transactions and fraud labels become the queried store",
    doc_md="""
Ingests a file of card transactions into the store, in steps that each commit once and can be repeated. With
`TX_INGEST_SCHEDULE` each day starts itself, and its run is that day's partition; otherwise a person triggers.

1. **arrive** waits for the file of the day, where `csv` has `%Y-%m-%d` in its name, until it is there and written. One
   that is late fails the run with one sentence; clear the task when it has come.
2. **clean** casts every row of `csv` into the table `transactions`; what can't be read goes to `quarantine`. A file
   that is unlike what the store has stops the run before anything is written, unless `unusual` lets it through.
3. **label** sets `is_fraud` from `labels`; a transaction without a label keeps NULL.
4. **follow** counts what these changed wherever transactions are counted, in profiles, sums and days, and decides what
   is new or corrected as a scorer would.
5. **profiles** makes all that anew after a first load, or one that is large against the store; the scorer, which keeps
   it current, may go on meanwhile.
6. **cluster** groups the clients by their habits into `transactions_clusters` and `client_clusters`.
7. **tell** wakes whoever waits for new transactions, and is skipped where nothing is new.

Ingesting the same files again changes nothing. Runs wait for each other. Every step leaves a row in
`ingest_runs` and its summary as the task's XCom. An input that is refused fails the run without a retry,
with the reason as the last line of the task's log.
""",
    schedule=daily(),
    start_date=since(),
    catchup=since() is not None,
    # A paused DAG would accept a trigger and never start it.
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "ingest"],
    params={
        "csv": Param(
            None,
            type=["null", "string"],
            title="Transactions",
            description="A CSV file or a glob of several, packed or not, %Y-%m-%d for the run's day; empty: what "
            "TX_CSV_PATH says",
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
        "unusual": Param(
            "stop",
            enum=["stop", "tell"],
            title="A file unlike those before",
            description="By rows a day, newest date, empty columns or the scale of amounts: stop before anything is "
            "written, or tell and go on",
        ),
    },
):
    [*_, last] = in_order(JOBS, _INPUTS, Arrival())
    last >> tell(last.task_id)
