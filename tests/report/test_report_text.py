"""The report on a terminal and in a pipe."""

import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fraudstack.report import Report, collect, text
from fraudstack.storage.connections.store import parse
from tests.report.stores import clusters_beside, fill, fill_clusters, transaction


def shown(report: Report, **console: Any) -> str:
    file = StringIO()
    text.render(report, Console(file=file, **console))
    return file.getvalue()


@pytest.fixture
def report(tmp_path: Path) -> Report:
    store = parse(str(tmp_path / "transactions.db"))
    rows = [transaction(number, is_fraud=int(number <= 3)) for number in range(1, 1201)]
    error = "81,000 of the 2,000,000 rows can't be used " * 12
    at = rows[0]["date"]
    run = {"run_id": "scheduled__2026-11-21T00:00:00+00:00", "step": "clean", "started_at": at}
    fill(
        store,
        transactions=[*rows, transaction(5000, use_chip="[red]Online\x1b[31m[/]")],
        ingest_runs=[{**run, "rows_in": 1201, "quarantined": 7, "error": error}],
        quarantine=[{**run, "file": "f", "line": 1, "text": "x", "reason": "bad amount"}],
    )
    fill_clusters(clusters_beside(store), ["everyday", "[bold]travellers"])
    return collect(store, clusters_beside(store), breakdown=False)


def test_a_pipe_gets_plain_lines(report: Report) -> None:
    plain = shown(report)
    assert "\x1b" not in plain
    assert all(line == line.rstrip() for line in plain.splitlines())
    for part in ("Came in", "Refused by the last run", "Found", "By channel", "Fraud", "Clusters of clients"):
        assert f"\n{part}\n" in f"\n{plain}"


def test_numbers_have_separators_and_stand_right(report: Report) -> None:
    lines = shown(report).splitlines()
    count = next(line for line in lines if line.startswith("transactions "))
    amount = next(line for line in lines if line.startswith("total amount"))
    assert count.endswith(" 1,201")
    assert amount.endswith(" 12,010.00 USD")
    assert len(count) == len(amount)


def test_rates_are_of_the_labelled(report: Report) -> None:
    plain = shown(report)
    assert "0.250 %" in plain
    assert next(line for line in plain.splitlines() if line.startswith("not labelled")).endswith(" 1")


def test_what_was_counted_and_not_kept_is_told(report: Report) -> None:
    lines = [line.split() for line in shown(report).splitlines()]
    assert ["clean", "bad", "amount", "1"] in lines
    assert ["counted,", "not", "kept", "6"] in lines


def test_names_from_files_give_no_orders(report: Report) -> None:
    for output in (shown(report), shown(report, force_terminal=True, width=120, color_system=None)):
        assert "[red]Online" in output
        assert "[bold]travellers" in output
        assert "\x1b[31m" not in output


@pytest.mark.parametrize("width", [80, 200])
def test_a_terminal_of_any_width_shows_every_number_whole(report: Report, width: int) -> None:
    terminal = shown(report, force_terminal=True, width=width)
    assert "12,000.00 USD" in terminal
    assert "…" not in terminal


def test_an_empty_store_is_told_in_words(tmp_path: Path) -> None:
    store = parse(str(tmp_path / "transactions.db"))
    fill(store)
    plain = shown(collect(store, parse(str(tmp_path / "none.db"))))
    for sentence in (
        "No run has brought anything yet.",
        "Nothing was refused.",
        "There are no transactions yet.",
        "There are no clusters: there is no store at",
    ):
        assert sentence in plain


def test_the_text_needs_no_matplotlib() -> None:
    program = "import sys; from fraudstack.report import collect, text; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
