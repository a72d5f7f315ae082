"""The command line as a person uses it: real processes, their output and their exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli.main import app

COMMAND = Path(sys.executable).with_name("fraudstack")
SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def fraudstack(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), *arguments], capture_output=True, text=True, check=False, env=os.environ | environment
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with one broken row, ingested."""
    folder = tmp_path_factory.mktemp("cli")
    lines = (SAMPLE / "transactions_data.csv").read_text().splitlines()
    lines[7] = lines[7].replace("$", "€")
    (folder / "raw.csv").write_text("\n".join([*lines, ""]))
    done = fraudstack(
        "ingest",
        *("--csv", f"{folder}/raw.csv", "--labels", f"{SAMPLE}/train_fraud_labels.json"),
        *("--database", f"sqlite:///{folder}/store/transactions.db", "--json"),
        TX_STAGING_DIR=f"{folder}/staging",
        TX_MODEL_DIR=f"{folder}/model",
        TX_CLUSTERS_K="3",
    )
    assert done.returncode == 0, done.stderr
    (folder / "summary.json").write_text(done.stdout)
    return folder


@pytest.mark.slow
def test_ingest_says_what_came_in_and_what_was_refused(folder: Path) -> None:
    steps = {step["step"]: step for step in json.loads((folder / "summary.json").read_text())["steps"]}
    assert list(steps) == ["clean", "label", "follow", "profiles", "cluster", "memories", "decide"]
    assert (steps["clean"]["rows_in"], steps["clean"]["loaded"]) == (5_000, 4_999)
    assert steps["clean"]["reasons"] == {"bad amount": 1}
    assert steps["label"]["unmatched"] in {0, 1}
    # Beside the store that was named, not among the defaults.
    assert (folder / "store" / "transactions_clusters.db").exists()


@pytest.mark.slow
def test_a_refused_row_can_be_exported_as_it_stood(folder: Path) -> None:
    done = fraudstack("quarantine", "--database", f"{folder}/store/transactions.db", "--out", f"{folder}/refused.csv")
    assert done.returncode == 0, done.stderr
    raw = (folder / "raw.csv").read_text().splitlines()
    assert (folder / "refused.csv").read_text().splitlines() == [raw[0], raw[7]]


@pytest.mark.slow
def test_a_missing_input_is_one_sentence_and_its_own_exit_code(tmp_path: Path) -> None:
    done = fraudstack(
        *("ingest", "--check", "--csv", f"{tmp_path}/none.csv", "--database", f"{tmp_path}/store/t.db"),
        TX_STAGING_DIR=f"{tmp_path}/staging",
    )
    assert done.returncode == 3
    assert f"there is no file at '{tmp_path}/none.csv'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


def test_without_java_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    done = fraudstack("ingest", "--database", f"{tmp_path}/t.db", JAVA_HOME=str(tmp_path), PATH="/usr/bin/nowhere")
    assert done.returncode == 5
    assert "Java 17 or 21" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = fraudstack("report", "--database", f"sqlite:///{tmp_path}/none.db")
    assert done.returncode == 4
    assert f"there is no store at {tmp_path}/none.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    done = fraudstack("report", "--database", f"{tmp_path}/t.db", TX_MAX_REJECT_SHARE="7")
    assert done.returncode == 2
    assert "TX_MAX_REJECT_SHARE" in done.stderr
    assert "Traceback" not in done.stderr


def test_generate_refuses_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    done = fraudstack("generate", "--rows", "10", "--out", f"{tmp_path}/out")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_every_command_and_option_says_what_it_is_for() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"
