"""The DAG transactions_ingest: raw card transactions and fraud labels become the queried store."""

from airflow.sdk import DAG, Param
from steps import in_order

from jobs import JOBS

_INPUTS = {"TX_CSV_PATH": "csv", "TX_LABELS_PATH": "labels", "TX_COLUMNS": "columns", "TX_UNUSUAL": "unusual"}


with DAG(
    dag_id="transactions_ingest",
    description="Raw card transactions and fraud labels become the queried store",
    doc_md="""
Ingests a file of card transactions into the store, in steps that each commit once and can be repeated:

1. **clean** casts every row of `csv` into the table `transactions`; what can't be read goes to `quarantine`. A file
   that is unlike what the store has stops the run before anything is written, unless `unusual` lets it through.
2. **label** sets `is_fraud` from `labels`; a transaction without a label keeps NULL.
3. **follow** counts what these changed wherever transactions are counted, in profiles, sums and days, and decides what
   is new or corrected as a scorer would.
4. **profiles** makes all that anew after a first load, or one that is large against the store; the scorer, which keeps
   it current, may go on meanwhile.
5. **cluster** groups the clients by their habits into `transactions_clusters` and `client_clusters`.

Ingesting the same files again changes nothing, and wakes nobody
who waits for new transactions. Runs wait for each other. Every step leaves a row in
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
        "unusual": Param(
            "stop",
            enum=["stop", "tell"],
            title="A file unlike those before",
            description="By rows a day, newest date, empty columns or the scale of amounts: stop before anything is "
            "written, or tell and go on",
        ),
    },
):
    in_order(JOBS, _INPUTS, changes=True)
