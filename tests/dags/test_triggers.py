"""What waits in the triggerer, and what it does with an application when it is told to stop. No Airflow runs."""

import json
import sys
from typing import Any

import pytest

from tests.dags.airflow_process import DAGS, REPOSITORY, environment, finished

pytestmark = pytest.mark.slow

# A job's trigger as a triggerer runs it, in a cluster of its own for each case. Airflow takes seconds to import, so
# one process runs them all.
_RUN = """
import asyncio, json, os, sys
from contextlib import suppress
from pathlib import Path
sys.path[:0] = [sys.argv[1], "."]
from airflow._shared.module_loading import import_string
import triggers
from triggers import FileTrigger, JobTrigger
from jobs.kubernetes import submit
from tests.jobs.kubernetes_server import MANIFESTS, Cluster, serving
submit._POLL_SECONDS, triggers._LEAVE_SECONDS, triggers._LOOK_SECONDS = 0.05, 0, 0.2

async def watched(trigger):
    async for event in trigger.run():
        return event.payload

async def case(cluster, until=4e9, stopped_by=None, deleted=False):
    application = await submit.begin(MANIFESTS, "clean", "run", 1, {}, lambda _: None)
    path, arguments = JobTrigger([*application], until).serialize()
    trigger, said = import_string(path)(**json.loads(json.dumps(arguments))), []
    class Log:
        def info(self, line):
            said.append(line)
    trigger._log = Log()
    task = asyncio.create_task(watched(trigger))
    if stopped_by or deleted:
        while not said:
            await asyncio.sleep(0.05)
    if deleted:
        cluster.made.clear()
    if stopped_by:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if stopped_by == "a person":
            await trigger.on_kill()
        return {}
    return {"event": await task, "said": said}

def outcome(ends=True, **how):
    cluster = Cluster(lines=[f"clean: {number} % of it" for number in range(5)])
    if not ends:
        cluster.held.add("clean")
    with serving(cluster, Path(os.environ["KUBECONFIG"])):
        return asyncio.run(case(cluster, **how)) | {"left": len(cluster.made)}

folder = Path(os.environ["AIRFLOW_HOME"]).parent
day, labels = folder / "day.csv", folder / "labels.json"

async def arrival(csv, until, writes=False):
    path, arguments = FileTrigger(str(csv), str(labels), until).serialize()
    trigger = import_string(path)(**json.loads(json.dumps(arguments)))
    class Log:
        def info(self, line):
            pass
    trigger._log = Log()
    task = asyncio.create_task(watched(trigger))
    for number in range(10 if writes else 0):
        await asyncio.sleep(0.1)
        with day.open("a") as file:
            file.write("line\\n")
        assert not task.done()
    return {"event": await task}

def arrivals():
    found = {"missing": asyncio.run(arrival(day, 1.0)), "written": asyncio.run(arrival(day, 4e9, writes=True))}
    labels.write_text("{}")
    return found | {"with labels": asyncio.run(arrival(folder / "d*.csv", 1.0))}

print(json.dumps(arrivals() | {
    "ended": outcome(),
    "late": outcome(ends=False, until=1.0),
    "deleted": outcome(ends=False, deleted=True),
    "a person": outcome(ends=False, stopped_by="a person"),
    "a triggerer that goes": outcome(ends=False, stopped_by="a triggerer that goes"),
}))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of the trigger and its application in each case."""
    folder = tmp_path_factory.mktemp("triggers")
    env = environment(folder, KUBECONFIG=str(folder / "config"))
    done = finished([sys.executable, "-c", _RUN, str(DAGS)], env, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_it_tells_each_line_and_fires_when_the_application_has_ended(outcomes: dict[str, dict[str, Any]]) -> None:
    lines = [f"clean: {number} % of it" for number in range(5)]
    assert outcomes["ended"] == {"event": {}, "said": lines, "left": 1}


def test_what_takes_too_long_is_ended_and_said(outcomes: dict[str, dict[str, Any]]) -> None:
    late = outcomes["late"]
    assert late["event"] == {"refused": "clean: it took longer than it may", "exit_code": 1}
    assert late["left"] == 0


def test_what_is_gone_is_said(outcomes: dict[str, dict[str, Any]]) -> None:
    assert "clean: somebody deleted the SparkApplication" in outcomes["deleted"]["event"]["refused"]


@pytest.mark.parametrize(("who", "left"), [("a person", 0), ("a triggerer that goes", 1)])
def test_a_person_ends_the_application_and_a_triggerer_that_goes_leaves_it(
    outcomes: dict[str, dict[str, Any]], who: str, left: int
) -> None:
    assert outcomes[who]["left"] == left


@pytest.mark.parametrize(
    ("case", "event"),
    [
        ("missing", {"late": True, "labels": True}),
        # Not before it had stopped growing, which the process itself holds.
        ("written", {"late": False, "labels": False}),
        ("with labels", {"late": False, "labels": True}),
    ],
)
def test_a_file_is_awaited_until_it_is_written_or_late(
    outcomes: dict[str, dict[str, Any]], case: str, event: dict[str, bool]
) -> None:
    assert outcomes[case]["event"] == event
