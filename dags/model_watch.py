"""The DAG model_watch: once a week, how far what the model in force looks at has moved, and how good it is."""

from airflow.sdk import DAG, CronTriggerTimetable, chain, get_current_context, task
from spark import LONGEST, given, run

from jobs import MODEL_WATCH


@task(retries=1, execution_timeout=LONGEST)
def run_job(job: str) -> dict[str, object]:
    """Run one job on the store."""
    context = get_current_context()
    given(context)
    return run(job, context["run_id"], context["ti"].try_number, {})


with DAG(
    dag_id="model_watch",
    description="Once a week: how far what the model looks at has moved, and how good it is",
    doc_md="""
Apart from what a day's file needs, for it reads all of history:

1. **watch** holds features and scores of the latest weeks against those of the model's training, and its alerts against
   the labels that have come, into `model_days`. Without a model in force it does nothing.

Trigger it to see it sooner.
""",
    # Saturday night; without a day to start from it makes up for none, and begins with the next.
    schedule=CronTriggerTimetable("0 22 * * 6", timezone="UTC", run_immediately=False),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack", "model"],
):
    chain(*(run_job.override(task_id=job)(job) for job in MODEL_WATCH))
