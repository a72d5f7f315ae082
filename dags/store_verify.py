"""The DAG store_verify: once a week, whether the store says what its own facts make."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from steps import in_order

from jobs import STORE_VERIFY

with DAG(
    dag_id="store_verify",
    description="Once a week: whether the store says what its own facts make",
    doc_md="""
Everything but transactions, labels, reviews and online decisions follows from these, and is kept up to date by each
change alone:

1. **verify** rebuilds it, client by client and day by day, and compares. It fails where something differs, and writes
   nothing; `fraudstack verify` then names each difference, and `--repair` mends it.

An ingest waits meanwhile, the scorer goes on.
""",
    # Saturday night, when the watch of the model is done; it begins with the next, as that does.
    schedule=CronTriggerTimetable("30 23 * * 6", timezone="UTC", run_immediately=timedelta()),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack"],
):
    in_order(STORE_VERIFY)
