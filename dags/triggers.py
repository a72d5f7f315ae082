"""What waits in the triggerer, while no worker does: for a job's end in the cluster."""

import asyncio
import time
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from fraudstack.errors import Refusal


class JobTrigger(BaseTrigger):
    """Fires when a job's application has ended, whose log it tells meanwhile.

    `application` is its job, namespace and name, `until` the time (seconds since 1970) at which it has to be over. The
    event is empty, or holds what went wrong: `refused`, one sentence, and the exit code that it stands for.
    """

    def __init__(self, application: list[str], until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.application, self.until = application, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The name by which a triggerer imports it, for which this folder is in its PYTHONPATH, and its arguments."""
        return "triggers.JobTrigger", {"application": self.application, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the application; a triggerer that takes over from another tells its log from the first line."""
        # It takes seconds, in which others that wait here aren't kept.
        await asyncio.to_thread(import_module, "jobs.submit")
        from jobs import submit

        application = submit.Application(*self.application)
        try:
            async with asyncio.timeout(self.until - time.time()):
                await submit.follow(application, self.log.info)
        except TimeoutError:
            await submit.delete(application)
            yield TriggerEvent(
                {"refused": f"{application.job}: it took longer than it may", "exit_code": Refusal.exit_code}
            )
        except Refusal as error:
            yield TriggerEvent({"refused": str(error), "exit_code": error.exit_code})
        else:
            yield TriggerEvent({})

    async def on_kill(self) -> None:
        """A person ended the task: the application ends with it. A triggerer that has to go leaves it."""
        from jobs import submit

        await submit.delete(submit.Application(*self.application))
