"""How a job is run as a local process: its lines, its summary, its failures, its end. With jobs made up here."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.airflow_process import DAGS, REPOSITORY, environment, finished, processes, wait_for

_JOBS = {
    "chats": "print('chatter'); print('{\"loaded\": 3}')",
    "looks": """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ)}))
""",
    "says": r"import sys; print('says: 50 % of it\n\n', file=sys.stderr); print('{}')",
    "refuses": "import sys; print('refuses: {no} [such] file', file=sys.stderr); sys.exit(3)",
    "finds_no_store": "import sys; print('finds_no_store: %s locked', file=sys.stderr); sys.exit(4)",
    "finds_no_java": "import sys; print('finds_no_java: get one', file=sys.stderr); sys.exit(5)",
    "dies": "import os; os.kill(os.getpid(), 9)",
    # Its child ignores every polite signal, as a busy JVM may seem to.
    "sleeps": """
import subprocess, sys, time
child = "import signal, sys, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; "
child += "print('sleeps: deaf', file=sys.stderr, flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child])
time.sleep(600)
""",
}
# Airflow takes seconds to import, so several jobs are run by one process.
_RUN = """
import json, logging, sys
sys.path.insert(0, sys.argv[1])
import spark
class Lines(logging.Handler):
    def emit(self, record):
        print(json.dumps({"said": record.getMessage()}), flush=True)
spark.log.handlers, spark.log.propagate = [Lines()], False
spark.log.setLevel("INFO")
inputs = {"TX_CSV_PATH": None, "TX_LABELS_PATH": "of the run"}
for job in sys.argv[2:]:
    try:
        print(json.dumps({"returned": spark.run(job, "run 1", inputs)}))
    except BaseException as error:
        print(json.dumps({"raised": type(error).__name__, "sentence": str(error)}))
"""


def _command(folder: Path, *jobs: str) -> list[str]:
    # Jobs are started through their package, and the folder it is started in comes first.
    package = folder / "jobs"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import runpy, sys\nrunpy.run_module(f'jobs.{sys.argv.pop(1)}')\n")
    for name in jobs:
        (package / f"{name}.py").write_text(_JOBS[name])
    return [sys.executable, "-c", _RUN, str(DAGS), *jobs]


def _parsed(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of every job that ends by itself, and what it said."""
    folder = tmp_path_factory.mktemp("outcomes")
    names = [name for name in _JOBS if name != "sleeps"]
    env = environment(folder, TX_CSV_PATH="of the environment")
    done = finished(_command(folder, *names), env, cwd=folder)
    assert done.returncode == 0, done.stdout
    outcomes: list[dict[str, Any]] = []
    said: list[str] = []
    for line in _parsed(done.stdout):
        if "said" in line:
            said.append(line["said"])
        else:
            outcomes.append(line | {"said": said})
            said = []
    return dict(zip(names, outcomes, strict=True))


def test_the_last_line_of_stdout_is_the_summary(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["chats"]["returned"] == {"loaded": 3}


def test_the_job_knows_the_run_and_its_inputs(outcomes: dict[str, dict[str, Any]]) -> None:
    seen = outcomes["looks"]["returned"]
    assert seen["argv"] == ["--run-id=run 1"]
    assert seen["env"]["TX_CSV_PATH"] == "of the environment"
    assert seen["env"]["TX_LABELS_PATH"] == "of the run"
    assert str(REPOSITORY) in seen["env"]["PYTHONPATH"].split(":")


def test_what_it_says_is_logged_line_by_line(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["says"]["said"] == ["says: 50 % of it"]


@pytest.mark.parametrize(
    ("job", "error", "sentence"),
    [
        ("refuses", "AirflowFailException", "refuses: {no} [such] file"),
        ("finds_no_store", "AirflowException", "finds_no_store: %s locked (exit status 4)"),
        ("finds_no_java", "AirflowFailException", "finds_no_java: get one"),
        ("dies", "AirflowException", "dies said nothing (exit status -9)"),
    ],
)
def test_a_failure_is_the_jobs_own_sentence_and_says_whether_to_try_again(
    outcomes: dict[str, dict[str, Any]], job: str, error: str, sentence: str
) -> None:
    assert (outcomes[job]["raised"], outcomes[job]["sentence"]) == (error, sentence)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGTERM, "AirflowException"), (signal.SIGINT, "AirflowTaskTerminated")],
)
def test_nothing_outlives_a_task_that_is_told_to_stop(tmp_path: Path, number: signal.Signals, error: str) -> None:
    env = environment(tmp_path)
    log = tmp_path / "log"
    with log.open("wb") as output:
        task = subprocess.Popen(_command(tmp_path, "sleeps"), env=env, cwd=tmp_path, stdout=output)
        wait_for(lambda: "deaf" in log.read_text(), 180, "the job's child")
        task.send_signal(number)
        assert task.wait(90) == 0
    last = _parsed(log.read_text())[-1]
    assert last == {"raised": error, "sentence": f"sleeps was stopped by {number.name}"}
    assert list(processes(env["AIRFLOW_HOME"])) == []
