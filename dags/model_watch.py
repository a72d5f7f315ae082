"""The DAG model_watch: once a week, what the model in force said against what came of it, and what it looks at."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from steps import in_order

from jobs import MODEL_WATCH

with DAG(
    dag_id="model_watch",
    description="Once a week: what the model said against what came of it, and how far what it looks at has moved",
    doc_md="""
Apart from what a day's file needs, for it reads all of history:

1. **watch** holds what the model said, week by week and segment by segment, against the labels that have come, into
   `model_windows`, and its features and scores against those of its training, into `model_days`. What is out of the
   usual by its own past is told by the dashboard's page Model and by alerts. Without a model in force it does nothing.

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
