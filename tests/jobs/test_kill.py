"""Killed anywhere and run again, an ingest ends in the same content."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.generate import generate
from tests.jobs.databases import everything

_ROWS = 8_000


def environment(inputs: Path, folder: Path) -> dict[str, str]:
    return os.environ | {
        "TX_CSV_PATH": f"{inputs}/transactions_data.csv",
        "TX_LABELS_PATH": f"{inputs}/train_fraud_labels.json",
        "TX_SQLITE_DB": f"{folder}/transactions.db",
        "TX_CLUSTERS_DB": f"{folder}/transactions_clusters.db",
        "TX_STAGING_DIR": f"{folder}/staging",
        "TX_MODEL_DIR": f"{folder}/model",
        "TX_CLUSTERS_K": "3",
        "TX_SPARK_MEMORY": "1g",
    }


def run(job: str, inputs: Path, folder: Path, *, kill_after: str | None = None) -> None:
    """Run a job to its end, or kill it and its JVM as soon as the named phase is over."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs", job, "--run-id", "a run"],
        env=environment(inputs, folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if kill_after and line.startswith(kill_after):
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.stderr.close()
    assert process.wait() == (-signal.SIGKILL if kill_after else 0)


# A run for each phase: as long as all of them take.
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1_500)
def test_killed_in_any_phase_and_run_again_it_ends_in_the_same_content(tmp_path: Path) -> None:
    inputs, straight, interrupted = tmp_path / "inputs", tmp_path / "straight", tmp_path / "interrupted"
    generate(_ROWS, 7, inputs)
    ingest = [str(Path(sys.executable).with_name("fraudstack")), "ingest"]
    subprocess.run(ingest, env=environment(inputs, straight), check=True, capture_output=True)

    for phase in ("clean: read and cast", "clean: load"):
        run("clean", inputs, interrupted, kill_after=phase)
    run("clean", inputs, interrupted)
    run("label", inputs, interrupted, kill_after="label: sort by id")
    run("label", inputs, interrupted)
    run("profiles", inputs, interrupted, kill_after="profiles: sums per client")
    run("profiles", inputs, interrupted)
    run("cluster", inputs, interrupted, kill_after="cluster: sums per client")
    run("cluster", inputs, interrupted)
    run("memories", inputs, interrupted, kill_after="memories: clients")
    run("memories", inputs, interrupted)
    run("decide", inputs, interrupted, kill_after="decide: rules and models")
    run("decide", inputs, interrupted)

    for name in ("transactions.db", "transactions_clusters.db"):
        of_both = [
            everything(f"sqlite:///{folder / name}", without=("version", "decided_at"))
            for folder in (interrupted, straight)
        ]
        assert of_both[0] == of_both[1]
    # Neither what was staged is left, nor what Spark wrote on its way.
    assert [left for left in (interrupted / "staging").rglob("*") if left.parent.name != "staging"] == []
