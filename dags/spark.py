"""How a job is run: a local process, or a SparkApplication, followed to its end."""

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
from typing import IO

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTerminated

from fraudstack.errors import DifferenceError, InputError, MachineError, Refusal, SettingError

_REPOSITORY = Path(__file__).resolve().parents[1]
# The job refused its input or a setting, the machine lacks something, or the store is wrong: a retry would meet the
# same.
_HOPELESS = (InputError, SettingError, MachineError, DifferenceError)
# Airflow kills a task five seconds after it asked it to stop. First as Ctrl-C does, so that the job can note
# its end; SIGTERM makes the JVM remove its scratch files.
_GRACE = ((signal.SIGINT, 2.0), (signal.SIGTERM, 1.0))

log = logging.getLogger(__name__)


def run(job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None]) -> dict[str, object]:
    """Run `jobs.<job>` as a part of the run and return its summary; its progress goes to the log.

    inputs are settings (TX_…) to override for this run, None leaves one as it is. With TX_SPARK_APPLICATION it runs
    in the cluster. A failed job raises its own last sentence; when it refused its input the task fails at once,
    without a retry.
    """
    # Settings and the cluster's client take seconds to import, which whoever only reads the DAG is spared.
    from fraudstack.settings import Settings

    application = Settings().spark_application
    if application is None:
        return _run_here(job, run_id, inputs)
    from jobs import submit

    with _stoppable(job):
        try:
            return submit.run(submit.read(application.read_text()), job, run_id, attempt, inputs, log.info)
        except _HOPELESS as error:
            raise AirflowFailException(str(error)) from error
        except Refusal as error:
            raise AirflowException(str(error)) from error


def _run_here(job: str, run_id: str, inputs: Mapping[str, str | None]) -> dict[str, object]:
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
    if status in [kind.exit_code for kind in _HOPELESS]:
        raise AirflowFailException(sentence)
    raise AirflowException(f"{sentence} (exit status {status})")


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
