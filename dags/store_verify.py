"""The DAG store_verify: once a week, whether the store says what its own facts make."""

from airflow.sdk import DAG, CronTriggerTimetable, chain, get_current_context, task
from spark import LONGEST, given, run

from jobs import STORE_VERIFY


@task(execution_timeout=LONGEST)
def run_job(job: str) -> dict[str, object]:
    """Run one job on the store."""
    context = get_current_context()
    given(context)
    return run(job, context["run_id"], context["ti"].try_number, {})


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
    # Saturday night, when the watch of the model is done; without a day to start from it begins with the next.
    schedule=CronTriggerTimetable("30 23 * * 6", timezone="UTC", run_immediately=False),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["fraudstack"],
):
    chain(*(run_job.override(task_id=job)(job) for job in STORE_VERIFY))
