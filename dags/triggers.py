"""What waits in the triggerer, while no worker does: for a job's end in the cluster."""

import asyncio
import time
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from fraudstack.errors import Refusal


class JobTrigger(BaseTrigger):
    """Fires when what runs a job has ended, whose log it tells meanwhile.

    `submission` is a Submission of jobs/submit.py, `until` the time (seconds since 1970) at which it has to be over.
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
        await asyncio.to_thread(import_module, "jobs.submit")
        from jobs import submit

        submission = submit.Submission(*self.submission)
        try:
            async with asyncio.timeout(self.until - time.time()):
                await submit.follow(submission, self.log.info)
        except TimeoutError:
            await submit.delete(submission)
            yield TriggerEvent(
                {"refused": f"{submission.job}: it took longer than it may", "exit_code": Refusal.exit_code}
            )
        except Refusal as error:
            yield TriggerEvent({"refused": str(error), "exit_code": error.exit_code})
        else:
            yield TriggerEvent({})

    async def on_kill(self) -> None:
        """A person ended the task, and what runs its job ends with it. A triggerer that has to go leaves it."""
        from jobs import submit

        await submit.delete(submit.Submission(*self.submission))
