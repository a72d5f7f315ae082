"""How a job is run: a local process followed to its end, or a SparkApplication begun and its result read."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTerminated

from fraudstack.errors import DifferenceError, InputError, MachineError, Refusal, SettingError

# The cluster's client takes seconds to import, which whoever only reads the DAG is spared.
if TYPE_CHECKING:
    from jobs.kubernetes import submit

_REPOSITORY = Path(__file__).resolve().parents[1]
# The job refused its input or a setting, the machine lacks something, or the store is wrong: a retry would meet the
# same.
_HOPELESS = {kind.exit_code for kind in (InputError, SettingError, MachineError, DifferenceError)}
# Airflow kills a task five seconds after it asked it to stop. First as Ctrl-C does, so that the job can note
# its end; SIGTERM makes the JVM remove its scratch files.
_GRACE = ((signal.SIGINT, 2.0), (signal.SIGTERM, 1.0))

log = logging.getLogger(__name__)


def run(job: str, run_id: str, inputs: Mapping[str, str | None]) -> dict[str, object]:
    """Run `jobs.<job>` as a process on this machine and return its summary; its progress goes to the log.

    inputs are settings (TX_…) to override for this run, None leaves one as it is. A failed job raises its own last
    sentence; when it refused its input the task fails at once, without a retry.
    """
    command = [sys.executable, "-m", "jobs", job, f"--run-id={run_id}"]
    environment = _environment(inputs)
    with tempfile.TemporaryFile("w+") as output, _process(job, command, environment, output) as process:
        said = deque(_lines(process), maxlen=1)
        status = process.wait()
        output.seek(0)
        summary = output.read().splitlines()
    if status == 0:
        return dict(json.loads(summary[-1]))
    sentence = said[0] if said else f"{job} said nothing"
    raise _failure(status)(sentence if status in _HOPELESS else f"{sentence} (exit status {status})")


def begin(manifest: Path, job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None]) -> "submit.Submission":
    """Have `jobs.<job>` run in the cluster, as the manifest says; an earlier try's goes on, if nobody saw its end."""
    from jobs.kubernetes import kinds, submit

    with _refusals():
        return asyncio.run(submit.begin(kinds.read(manifest.read_text()), job, run_id, attempt, inputs, log.info))


def result(submission: list[str], event: Mapping[str, Any]) -> dict[str, object]:
    """The summary of a job that ended in the cluster, or its failure, which JobTrigger's event may be already."""
    from jobs.kubernetes import submit

    if "refused" in event:
        raise _failure(event["exit_code"])(event["refused"])
    with _refusals():
        return asyncio.run(submit.result(submit.Submission(*submission)))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Refusal as error:
        raise _failure(error.exit_code)(str(error)) from error


def _failure(exit_code: int) -> type[AirflowException]:
    return AirflowFailException if exit_code in _HOPELESS else AirflowException


def _environment(inputs: Mapping[str, str | None]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(_REPOSITORY), os.environ.get("PYTHONPATH"))))
    given = {name: value for name, value in inputs.items() if value is not None}
    return {**os.environ, "PYTHONPATH": path, **given}


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What the job says on stderr, logged as it comes."""
    assert process.stderr is not None  # noqa: S101
    for line in process.stderr:
        if said := line.strip():
            log.info(said)
            yield said


@contextmanager
def _process(
    job: str, command: list[str], environment: Mapping[str, str], output: IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """The job's process, in a group of its own with its JVM, of which nothing outlives this block."""
    with _stoppable(job):
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


@contextmanager
def _stoppable(job: str) -> Iterator[None]:
    """Turn the signals that end a task into exceptions: Airflow's own handlers would let the job run on."""

    def stop(number: int, _: FrameType | None) -> None:
        # A person's Ctrl-C ends the run; a worker that has to go leaves the task to its retries.
        ends = AirflowTaskTerminated if number == signal.SIGINT else AirflowException
        raise ends(f"{job} was stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[str]) -> None:
    """End what is left of the process's group."""
    try:
        for number, seconds in _GRACE:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                # Returns when stderr is closed, which the JVM has open too.
                process.communicate(timeout=seconds)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
