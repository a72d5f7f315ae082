"""The tasks of a DAG: jobs that follow one another, each run where the settings say."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import spark
from airflow.sdk import Asset, BaseOperator, Context, chain, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from triggers import JobTrigger

# The longest that a job may take: a first load of 13 million rows takes minutes, whatever takes hours hangs.
LONGEST = timedelta(hours=6)
# What asks no job.
SHORT = timedelta(minutes=10)
# Has one slot: whoever waits for its turn on the store waits before its driver starts, and keeps nobody's memory.
POOL = "fraudstack_store"
# In all twenty minutes, later and later: a control plane that is upgraded is away for some.
RETRIES: dict[str, Any] = {
    "retries": 7,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}

TRANSACTIONS = Asset("fraudstack-transactions")


class JobOperator(BaseOperator):
    """Runs one job on the store; its row in ingest_runs carries the DAG run's id.

    `inputs` names params of this DAG by the settings (TX_...) that they override; the task `before`, if there is one,
    says more of these settings. With TX_SPARK_APPLICATION the job runs in the cluster, and the task waits for its end
    in the triggerer.
    """

    def __init__(self, *, job: str, inputs: Mapping[str, str], before: str | None, **of_task: Any) -> None:  # noqa: ANN401 - of each its own
        super().__init__(task_id=job, pool=POOL, execution_timeout=LONGEST, **RETRIES, **of_task)
        self.job, self.inputs, self.before = job, inputs, before

    def execute(self, context: Context) -> dict[str, Any]:
        """The summary of the job, or a deferral."""
        # Whoever only reads the DAG is spared its import.
        from fraudstack.settings import Settings

        params, task = given(context), context["ti"]
        settings = {setting: params[param] for setting, param in self.inputs.items()}
        if self.before:
            settings |= task.xcom_pull(task_ids=self.before)
        manifest = Settings().spark_application
        if manifest is None:
            return spark.run(self.job, context["run_id"], settings)
        submission = spark.begin(manifest, self.job, context["run_id"], task.try_number, settings)
        trigger = JobTrigger([*submission], time.time() + LONGEST.total_seconds())
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", kwargs={"submission": trigger.submission})

    def execute_complete(self, context: Context, event: dict[str, Any], submission: list[str]) -> dict[str, Any]:
        """The summary, once the job has ended."""
        return spark.result(submission, event)


@task(outlets=[TRANSACTIONS], execution_timeout=SHORT, **RETRIES)
def tell(after: str) -> None:
    """Say of which day transactions changed; skipped, and nobody is woken, where the last job had nothing to do."""
    context = get_current_context()
    if context["ti"].xcom_pull(task_ids=after).get("idle"):
        raise AirflowSkipException("nothing is new")
    # Who waits is woken by partitions alone: a run without a day is one of its own.
    context["outlet_events"][TRANSACTIONS].add_partitions(context.get("partition_key") or context["run_id"])


def given(context: Context) -> Mapping[str, Any]:
    """The params of this DAG run; it fails at once where its conf has a key that none of them is."""
    # Airflow checks their types, and takes any other key without a word.
    params = context["dag"].params
    if unknown := sorted(set(context["dag_run"].conf or {}) - set(params)):
        known = ", ".join(sorted(params)) or "no key at all"
        raise AirflowFailException(f"the conf of this run has {', '.join(unknown)}, and this DAG knows {known}")
    return context["params"]


def in_order(
    jobs: Sequence[str], inputs: Mapping[str, str] | None = None, before: BaseOperator | None = None
) -> list[JobOperator]:
    """Tasks of these jobs, one after the other, after the task `before`, which says more of their settings."""
    said = before.task_id if before else None
    tasks = [JobOperator(job=job, inputs=dict(inputs or {}), before=said) for job in jobs]
    chain(*filter(None, [before, *tasks]))
    return tasks
