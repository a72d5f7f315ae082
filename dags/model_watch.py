"""The DAG model_watch: once a week, how far what the model in force looks at has moved, and how good it is."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from steps import in_order

from jobs import MODEL_WATCH

with DAG(
    dag_id="model_watch",
    description="Once a week: how far what the model looks at has moved, and how good it is",
    doc_md="""
Apart from what a day's file needs, for it reads all of history:

1. **watch** holds features and scores of the latest weeks against those of the model's training, and its alerts against
   the labels that have come, into `model_days`. Without a model in force it does nothing.

Trigger it to see it sooner.
""",
    # Saturday night; without a day to start from it makes up for none, not even a recent one, and begins with the next.
    schedule=CronTriggerTimetable("0 22 * * 6", timezone="UTC", run_immediately=timedelta()),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "model"],
):
    in_order(MODEL_WATCH)
