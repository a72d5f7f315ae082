"""The day of a run, and the files of that day: their names, and the task that waits for them."""

from datetime import UTC, date, datetime, time
from typing import Any

from airflow.sdk import BaseOperator, Context, CronPartitionTimetable
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from steps import RETRIES, SHORT, given
from triggers import FileTrigger

from fraudstack.settings import Daily, Settings

_CODES = ("%Y", "%m", "%d")


def daily() -> CronPartitionTimetable | None:
    """One run a day by TX_INGEST_SCHEDULE, for the day before: what a day brought is there when it is over.

    None without the setting: a person triggers.
    """
    cron = Daily().ingest_schedule
    return CronPartitionTimetable(cron, timezone="UTC", run_offset=-1, key_format="%Y-%m-%d") if cron else None


def since() -> datetime | None:
    """From when on each run that was missed is made up for, by TX_INGEST_SINCE; without it the latest alone is."""
    first = Daily().ingest_since
    return datetime.combine(first, time(), UTC) if first else None


def day_of(context: Context) -> date | None:
    """The day whose files a run reads, which is its partition's key; None where a person triggered it without one."""
    key = context.get("partition_key")
    try:
        return date.fromisoformat(key) if key else None
    except ValueError as error:
        raise AirflowFailException(f"the partition {key} of this run is no day, YYYY-MM-DD") from error


def dated(path: str, day: date | None) -> str:
    """A path with the day in the place of %Y, %m and %d; a run without a day knows no such file."""
    for code in _CODES if day else ():
        path = path.replace(code, f"{day:{code}}")
    if any(code in path for code in _CODES):
        raise AirflowFailException(f"{path} names the files of a day, and this run has none: give csv and labels")
    return path


class Arrival(BaseOperator):
    """Waits for the transactions of the run's day, and says by settings (TX_...) which files the run reads.

    It waits only for a file whose name is dated, and no longer than TX_INGEST_HOURS after the run was due. Labels are
    optional: where a day's aren't there when the transactions are, there are none.
    """

    def __init__(self, **of_task: Any) -> None:  # noqa: ANN401 - of each its own
        super().__init__(task_id="arrive", execution_timeout=SHORT, **RETRIES, **of_task)

    def execute(self, context: Context) -> dict[str, str]:
        """The settings at once, or a deferral until the file is there."""
        settings, params, day = Settings(), given(context), day_of(context)
        named = {
            "TX_CSV_PATH": params["csv"] or settings.csv_path,
            "TX_LABELS_PATH": params["labels"] or settings.labels_path,
        }
        files = {name: full for name, path in named.items() if (full := dated(path, day)) != path}
        csv = files.get("TX_CSV_PATH")
        # What isn't dated is there, or the job says so; a bucket is looked into by the job alone.
        if csv is None or "://" in csv:
            return files
        due: datetime = context["dag_run"].run_after
        trigger = FileTrigger(csv, files.get("TX_LABELS_PATH"), due.timestamp() + settings.ingest_hours * 3600)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", kwargs={"files": files})

    def execute_complete(self, context: Context, event: dict[str, bool], files: dict[str, str]) -> dict[str, str]:
        """The settings, or one sentence about a file that is late; it is read when this task is cleared."""
        if event["late"]:
            raise AirflowFailException(
                f"{files['TX_CSV_PATH']}, the transactions of {day_of(context)}, isn't there, and it is late: "
                "clear this task when it has come"
            )
        return files if event["labels"] else files | {"TX_LABELS_PATH": ""}
