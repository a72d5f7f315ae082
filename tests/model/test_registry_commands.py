"""`fraudstack model` as somebody at a terminal runs it: promote, go back, promote again knowingly, cast a shadow."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import query
from tests.model.made import kept_model


def fraudstack(folder: Path, database: str, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--database", database],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TX_MODEL_DIR": str(folder / "model")},
    )
    assert done.returncode == expect, done.stderr
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_registry_by_hand(tmp_path: Path, database: str) -> None:
    one, two = (kept_model(tmp_path / str(seed), seed).version for seed in (1, 2))
    day = str(datetime.now(UTC).date())
    upgrade(parse(database), "transactions")
    for number in (1, 2):
        fraudstack(tmp_path, database, "promote", "--model", str(tmp_path / str(number)))
    assert f"model {one} is the champion again" in fraudstack(tmp_path, database, "rollback")
    # By the name that the store has for it, without a folder.
    refused = fraudstack(tmp_path, database, "promote", "--model", two, expect=3)
    assert f"the model {two} was rolled back from by" in refused
    assert "says so with --after-rollback" in refused
    said = fraudstack(tmp_path, database, "shadow", two, "--until", day, "--reason", "once more")
    assert f"model {two} is asked beside the champion until {day}" in said
    [(version, until, reason)] = query(database, "SELECT version, until, reason FROM shadows")
    assert (version, reason) == (two, "once more")
    # To the end of that day.
    assert str(until) == f"{datetime.now(UTC).date() + timedelta(days=1)} 00:00:00"
    fraudstack(tmp_path, database, "promote", "--model", two, "--after-rollback", "--reason", "mended")
    assert "no challenger is asked" in fraudstack(tmp_path, database, "shadow", "--end", expect=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("shadow", "nowhere", "--until", "2999-01-01"), 3, "there is no model in nowhere, and the store"),
        (("shadow", "nowhere"), 2, "give a model and --until, or --end alone"),
        (("shadow", "nowhere", "--until", "2999-01-01", "--end"), 2, "give a model and --until, or --end alone"),
        (("shadow", "nowhere", "--until", "soon"), 2, "soon"),
        (("promote", "--model", "nowhere"), 3, "there is no model in nowhere, and the store"),
        (("rollback",), 3, "there was no champion before"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    assert said in fraudstack(tmp_path, f"sqlite:///{tmp_path}/transactions.db", *arguments, expect=status)
