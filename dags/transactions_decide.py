"""The DAG transactions_decide: after an ingest, what a model looks at, and decisions of the history."""

from airflow.sdk import DAG, PartitionedAssetTimetable
from steps import TRANSACTIONS, in_order

from jobs import AFTER_INGEST

with DAG(
    dag_id="transactions_decide",
    description="After an ingest: what a model looks at, and decisions of the history",
    doc_md="""
Follows each run of `transactions_ingest` that changed the store, as a run of the same day:

1. **memories** remembers of every client and merchant what a model looks at, after a first load or one that is large
   against the store; from then on it is counted as it comes.
2. **decide** decides, after such a load, every transaction that nobody decided as it came, by what was known at its
   time: by the rules, and by a model that had learned only from what came before. It writes `decisions` with source
   `batch` and leaves `flagged_fraud` alone. What a day's file brings is decided as it is counted, by the step `follow`.
""",
    schedule=PartitionedAssetTimetable(assets=TRANSACTIONS),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "model"],
):
    in_order(AFTER_INGEST)
