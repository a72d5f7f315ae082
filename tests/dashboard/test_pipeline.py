"""Ingest runs step by step, and the rows that they refused."""

from datetime import datetime
from typing import Any

from streamlit.testing.v1 import AppTest

from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import execute
from tests.report.stores import fill


def opened(**url: str) -> AppTest:
    def page() -> None:
        from dashboard import door
        from dashboard.screens import pipeline

        door.guarded(pipeline.draw)

    app = AppTest.from_function(page, default_timeout=30)
    app.query_params.update(url)
    return app.run()


def step(run_id: str, name: str, minute: int, **given: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "step": name,
        "started_at": datetime(2026, 1, 1, 10, minute),
        "seconds": 2.5,
        "rows_in": 1_100,
        "loaded": 1_000,
        "quarantined": 0,
    } | given


def refused(count: int, **given: Any) -> list[dict[str, Any]]:
    row = {"run_id": "b", "step": "clean", "file": "a.csv", "reason": "bad id"} | given
    return [row | {"line": number + 2, "text": f"x{number},rest"} | given for number in range(count)]


def states(app: AppTest) -> list[tuple[str, str, str]]:
    assert not app.error
    assert not app.exception
    table = app.dataframe[0].value
    return list(zip(table["run_id"], table["step"], table["state"], strict=True))


def lines(app: AppTest) -> list[int]:
    return list(app.dataframe[2].value["line"])


def test_steps_stand_in_order_the_newest_run_first(named: str) -> None:
    fill(
        parse(named),
        ingest_runs=[
            step("a", "clean", 0, error="can't read a.csv", seconds=0.2, loaded=0),
            # Of the same second: the order is that of an ingest.
            step("b", "label", 5, unmatched=7),
            step("b", "clean", 5, quarantined=100),
            step("b", "profiles", 6),
        ],
    )
    app = opened()
    assert states(app) == [
        ("b", "clean", "ended"),
        ("b", "label", "ended"),
        ("b", "profiles", "ended"),
        ("a", "clean", "failed"),
    ]
    first = app.dataframe[0].value.iloc[0]
    assert (first["started_at"], first["seconds"]) == ("2026-01-01 10:05:00", 2.5)
    assert (first["rows_in"], first["loaded"], first["quarantined"]) == (1_100, 1_000, 100)
    assert app.dataframe[0].value["unmatched"][1] == 7


def test_a_step_without_an_end_is_under_way_or_killed(named: str) -> None:
    fill(parse(named), ingest_runs=[step("a", "clean", 0, seconds=None), step("b", "clean", 1, seconds=None)])
    app = opened()
    assert states(app) == [("b", "clean", "under way, or killed"), ("a", "clean", "killed")]
    assert "since 2026-01-01 10:01:00 UTC" in app.info[0].value


def test_the_newest_run_says_why_it_failed(named: str) -> None:
    fill(
        parse(named), ingest_runs=[step("a", "clean", 0, error="old"), step("b", "clean", 1, error="can't read a.csv")]
    )
    assert [error.value for error in opened().error] == ["The step clean of b failed: can't read a.csv"]


def test_the_quarantine_is_browsed_by_reason_and_page(named: str) -> None:
    fill(
        parse(named),
        ingest_runs=[step("a", "clean", 0), step("b", "clean", 1, quarantined=130)],
        quarantine=[*refused(120), *refused(10, reason="bad date", file="b.csv"), *refused(3, run_id="a")],
    )
    app = opened()
    assert app.selectbox(key="run").value == "b"
    assert app.dataframe[1].value.to_numpy().tolist() == [["clean", "bad id", 120], ["clean", "bad date", 10]]
    assert lines(app) == list(range(2, 52))
    app.pagination(key="page").set_value(3).run()
    assert lines(app) == [*range(102, 122), *range(2, 12)]
    # Another reason begins at its first page.
    app.selectbox(key="reason").select("clean: bad id").run()
    assert lines(app) == list(range(2, 52))
    assert lines(opened(run="b", reason="clean: bad id", page="3")) == list(range(102, 122))
    assert lines(opened(reason="clean: bad date")) == list(range(2, 12))


def test_the_run_of_a_shared_address_is_found_however_old(named: str) -> None:
    runs = [step(f"r{number:02}", "clean", number, quarantined=1) for number in range(30)]
    fill(parse(named), ingest_runs=runs, quarantine=refused(1, run_id="r03"))
    app = opened(run="r03")
    assert app.selectbox(key="run").value == "r03"
    assert lines(app) == [2]
    assert len(states(app)) == 20


def test_a_long_text_is_cut_until_its_row_is_chosen(named: str) -> None:
    long = "long " * 200
    fill(parse(named), ingest_runs=[step("b", "clean", 1, quarantined=2)], quarantine=refused(1, text=long))
    app = opened()
    assert app.dataframe[2].value["text"][0] == long[:300]
    assert not app.code
    app.session_state["refused-b-all reasons-1"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    assert app.run().code[0].value.strip() == long.strip()
    assert "a.csv, line 2: bad id" in app.expander[0].label


def test_empty_states_are_sentences(named: str) -> None:
    upgrade(parse(named), "transactions")
    assert "`fraudstack ingest`" in opened().info[0].value
    fill(parse(named), ingest_runs=[step("a", "clean", 0)])
    assert any("refused a row" in said.value for said in opened().markdown)
    execute(named, "UPDATE ingest_runs SET quarantined = 4")
    assert any("refused no row" in said.value for said in opened().markdown)
