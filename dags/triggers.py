"""What waits in the triggerer, while no worker does: for a job's end in the cluster, for a file."""

import asyncio
import time
from collections.abc import AsyncIterator
from glob import glob
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from fraudstack.errors import Refusal

# For five seconds after a task began to wait its worker takes its leave; Airflow takes one that goes on earlier for
# lost, and tries it again.
_LEAVE_SECONDS = 8.0
# A file that grew within so many seconds is still being written; no less than the above.
_LOOK_SECONDS = 10.0


class JobTrigger(BaseTrigger):
    """Fires when what runs a job has ended, whose log it tells meanwhile.

    `submission` is a Submission of jobs/kubernetes/submit.py, `until` the time (seconds since 1970) at which it has to
    be over.
    The event is empty, or holds what went wrong: `refused`, one sentence, and the exit code that it stands for.
    """

    def __init__(self, submission: list[str], until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.submission, self.until = submission, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The name by which a triggerer imports it, for which this folder is in its PYTHONPATH, and its arguments."""
        return "triggers.JobTrigger", {"submission": self.submission, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow it to its end; a triggerer that takes over from another tells its log from the first line."""
        # It takes seconds, in which others that wait here aren't kept.
        await asyncio.to_thread(import_module, "jobs.kubernetes.submit")
        from jobs.kubernetes import submit

        submission, began = submit.Submission(*self.submission), time.monotonic()
        event: dict[str, Any] = {}
        try:
            async with asyncio.timeout(self.until - time.time()):
                await submit.follow(submission, self.log.info)
        except TimeoutError:
            await submit.delete(submission)
            event = {"refused": f"{submission.job}: it took longer than it may", "exit_code": Refusal.exit_code}
        except Refusal as error:
            event = {"refused": str(error), "exit_code": error.exit_code}
        await asyncio.sleep(began + _LEAVE_SECONDS - time.monotonic())
        yield TriggerEvent(event)

    async def on_kill(self) -> None:
        """A person ended the task, and what runs its job ends with it. A triggerer that has to go leaves it."""
        from jobs.kubernetes import submit

        await submit.delete(submit.Submission(*self.submission))


class FileTrigger(BaseTrigger):
    """Fires when a file, or the files of a glob, are there and have been written, or when that is late.

    `until` is the time (seconds since 1970) from when on it is. The event says whether it is `late`, and whether the
    `labels` are there, or weren't asked for.
    """

    def __init__(self, csv: str, labels: str | None, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.csv, self.labels, self.until = csv, labels, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The name by which a triggerer imports it, for which this folder is in its PYTHONPATH, and its arguments."""
        return "triggers.FileTrigger", {"csv": self.csv, "labels": self.labels, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again."""
        self.log.info(f"waiting for {self.csv}")
        sizes, before = await asyncio.to_thread(_sizes, self.csv), dict[str, int]()
        while not (sizes and sizes == before):
            await asyncio.sleep(_LOOK_SECONDS)
            sizes, before = await asyncio.to_thread(_sizes, self.csv), sizes
            if not sizes and time.time() > self.until:
                yield TriggerEvent({"late": True, "labels": True})
                return
        labels = not self.labels or bool(await asyncio.to_thread(_sizes, self.labels))
        yield TriggerEvent({"late": False, "labels": labels})


def _sizes(pattern: str) -> dict[str, int]:
    """The sizes, in bytes, of the files that are there."""
    found = [pattern] if Path(pattern).is_file() else glob(pattern)  # noqa: PTH207 - of any folder, and as a job does
    return {name: Path(name).stat().st_size for name in found}
