"""The overview says what the transactions say, as they come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import known, post, running
from tests.jobs.databases import execute, query

ABROAD = {"merchant_state": "Italy", "merchant_city": "Rome", "merchant_id": "9", "amount": 812.40}


@pytest.fixture
def scorer(tmp_path: Path, named: str) -> Iterator[TestClient]:
    with running(tmp_path, named) as client:
        yield client


def opened(**url: str) -> AppTest:
    def page() -> None:
        from dashboard import door
        from dashboard.screens import overview

        door.guarded(overview.draw)

    app = AppTest.from_function(page, default_timeout=30)
    app.query_params.update(url)
    return app.run()


def figures(app: AppTest) -> dict[str, str]:
    assert not app.exception
    assert not app.error
    return {metric.label: metric.value for metric in app.metric}


def changes(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.delta for metric in app.metric if metric.delta}


def titles(app: AppTest) -> set[str]:
    return {title.value for title in app.subheader}


def counted(url: str, where: str = "1 = 1") -> tuple[str, ...]:
    """The totals by SQL of its own, as they are shown."""
    number, cents, flagged, frauds = query(
        url,
        "SELECT count(*), CAST(sum(round(amount * 100)) AS BIGINT), count(CASE WHEN flagged_fraud = 1 THEN 1 END),"
        f" count(CASE WHEN is_fraud = 1 THEN 1 END) FROM transactions WHERE {where}",
    )[0]
    assert isinstance(cents, int)
    return f"{number:,}", f"{cents // 100:,}.{cents % 100:02} USD", f"{flagged:,}", f"{frauds:,}"


def totals(app: AppTest) -> tuple[str, ...]:
    said = figures(app)
    return said["Transactions"], said["Amount"], said["Potential fraud"], said["Fraud"]


def test_totals_are_those_of_the_transactions(scorer: TestClient, named: str) -> None:
    known(scorer)
    for number in range(3):
        scorer.post("/transaction", json=post(100 + number, **ABROAD))
    scorer.post("/transaction", json=post(103, amount=-3.10))
    for id, verdict in ((100, "fraud"), (101, "legitimate"), (5, "fraud")):
        scorer.post(f"/transactions/{id}/review", json={"verdict": verdict, "reviewer": "ana"})
    assert totals(opened(period="everything")) == counted(named)
    assert totals(opened(period="7 days")) == counted(named, "date >= '2019-10-26 00:00:00'") != counted(named)


def test_it_follows_the_scorer_and_keeps_the_period(scorer: TestClient, named: str) -> None:
    known(scorer)
    app = opened(period="everything")
    before = totals(app)
    scorer.post("/transaction", json=post(100, **ABROAD))
    assert totals(app.run()) == counted(named) != before
    # A verdict adds no transaction.
    scorer.post("/transactions/100/review", json={"verdict": "fraud", "reviewer": "ana"})
    assert totals(app.run()) == counted(named)
    assert app.query_params["period"] == "everything"


def test_changes_are_against_as_many_days_before(scorer: TestClient) -> None:
    days = [("01-01", 10), ("01-08", 40), ("01-14", 10), ("01-15", 70), ("01-21", 5)]
    for day, amount in days:
        scorer.post("/transaction", json=post(date=f"2019-{day} 12:00:00", amount=amount))
    scorer.post("/transaction", json=post(date="2019-01-16 12:00:00", amount=25))
    app = opened(period="7 days")
    assert figures(app)["Transactions"] == "3"
    assert figures(app)["Amount"] == "100.00 USD"
    # Two transactions over 50.00, from the 8th to the 14th.
    assert changes(app) == {"Transactions": "+50.0%", "Amount": "+100.0%"}
    assert "from 2019-01-08" in app.caption[0].value


def test_no_change_is_told_where_the_data_does_not_reach_so_far_back(scorer: TestClient) -> None:
    for day in ("01-03", "01-14", "01-15"):
        scorer.post("/transaction", json=post(date=f"2019-{day} 12:00:00"))
    assert changes(opened(period="7 days")) == {}
    assert changes(opened(period="everything")) == {}


def test_precision_and_recall_wait_for_labels(scorer: TestClient) -> None:
    known(scorer)
    for number in range(3):
        scorer.post("/transaction", json=post(100 + number, **ABROAD))
    said = figures(app := opened())
    assert (said["Precision"], said["Recall"]) == ("–", "–")
    assert "no flagged transaction" in next(metric.help for metric in app.metric if metric.label == "Precision")
    assert any("none has a label" in info.value for info in app.info)
    assert not {"Fraud rate by channel", "Fraud rate by category"} & titles(app)
    for id, verdict in ((100, "fraud"), (101, "fraud"), (102, "legitimate"), (40, "fraud")):
        scorer.post(f"/transactions/{id}/review", json={"verdict": verdict, "reviewer": "ana"})
    said = figures(app := opened(period="everything"))
    assert (said["Precision"], said["Recall"]) == ("66.7%", "66.7%")
    assert {"Fraud rate by hour", "Fraud rate by channel", "Fraud rate by category"} <= titles(app)
    assert "Most frequent reasons" in titles(app)


@pytest.mark.parametrize(("days", "grain"), [(1, "day"), (119, "day"), (120, "week"), (900, "month"), (4000, "year")])
def test_long_periods_are_drawn_in_longer_steps(scorer: TestClient, named: str, days: int, grain: str) -> None:
    known(scorer, 1)
    execute(named, "UPDATE daily_sums SET day = '2019-12-31'")
    scorer.post("/transaction", json=post(100, date="2000-01-01 12:00:00"))
    first = query(named, f"SELECT date('2019-12-31', '-{days} days')")[0][0] if parse(named).path else None
    if first is None:
        first = str(query(named, f"SELECT DATE '2019-12-31' - {days}")[0][0])
    execute(named, f"UPDATE daily_sums SET day = '{first}' WHERE day = '2000-01-01'")
    app = opened(period="everything")
    assert {f"Transactions per {grain}", f"Amount per {grain}"} <= titles(app)
    assert figures(app)["Transactions"] == "2"


def test_it_says_when_the_sums_are_from_before_an_ingest(scorer: TestClient, named: str) -> None:
    known(scorer)
    add = "INSERT INTO ingest_runs (run_id, step, started_at, seconds, loaded, error) VALUES "
    execute(named, f"{add} ('a', 'clean', '2026-01-01 10:00:00', 9000, 5, NULL)")
    assert not any("ingest step" in info.value for info in opened().info)
    for behind in ("outdated (name) VALUES ('profiles')", "changes (client_id, id) VALUES ('7', 5)"):
        execute(named, f"INSERT INTO {behind}")
        assert "ingest step of 2026-01-01 10:00:00 UTC" in opened().info[0].value
        execute(named, f"DELETE FROM {behind.split()[0]}")
        assert not any("ingest step" in info.value for info in opened().info)


def test_an_empty_store_says_what_to_do(named: str) -> None:
    upgrade(parse(named), "transactions")
    app = opened()
    assert figures(app) == {}
    assert "`make demo`" in app.info[0].value


def test_a_missing_store_is_a_sentence(named: str) -> None:
    app = opened()
    assert not app.exception
    assert "`fraudstack ingest`" in app.error[0].value


def test_a_period_that_is_none_is_the_usual(scorer: TestClient) -> None:
    known(scorer)
    assert opened(period="forever").segmented_control[0].value == "with frauds"


def test_it_opens_on_the_latest_days_with_frauds(scorer: TestClient, named: str) -> None:
    for number, day in enumerate(("2019-01-02", "2019-02-10", "2019-02-20", "2019-06-30")):
        scorer.post("/transaction", json=post(number, date=f"{day} 12:00:00", amount=10))
    # Nothing is known: the newest days.
    assert figures(opened())["Transactions"] == "1"
    assert not any("with known frauds" in caption.value for caption in opened().caption)
    for number, verdict in ((1, "fraud"), (2, "fraud"), (3, "legitimate")):
        scorer.post(f"/transactions/{number}/review", json={"verdict": verdict, "reviewer": "ana"})
    app = opened()
    assert (figures(app)["Transactions"], figures(app)["Fraud"]) == ("2", "2")
    assert "The latest 30 days with known frauds: none is known of the days after 2019-02-20" in app.caption[0].value
    assert "2019-01-22 to 2019-02-20" in app.caption[1].value
    assert figures(opened(period="30 days"))["Transactions"] == "1"
    # As soon as a fraud of the newest days is known, these are shown.
    scorer.post("/transactions/3/review", json={"verdict": "fraud", "reviewer": "ana"})
    app = opened()
    assert (figures(app)["Transactions"], figures(app)["Fraud"]) == ("1", "1")
    assert not any("with known frauds" in caption.value for caption in app.caption)


def test_what_was_decided_afterwards_counts_in_precision_and_recall(scorer: TestClient, named: str) -> None:
    known(scorer)
    scorer.post("/transaction", json=post(100, **ABROAD))
    scorer.post("/transactions/100/review", json={"verdict": "fraud", "reviewer": "ana"})
    assert (figures(opened())["Precision"], figures(opened())["Recall"]) == ("100.0%", "100.0%")
    execute(
        named,
        "INSERT INTO batch_days (day, model_version, transactions, suspicious, labelled, frauds, suspicious_labelled,"
        " suspicious_frauds, fraud_cents, caught_cents)"
        " SELECT max(day), 'm', 900, 5, 800, 7, 4, 2, 0, 0 FROM daily_sums WHERE kind = 'all'",
    )
    st.cache_data.clear()
    said = figures(app := opened())
    assert (said["Precision"], said["Recall"]) == ("60.0%", "37.5%")
    assert any("900 were decided afterwards" in caption.value for caption in app.caption)
