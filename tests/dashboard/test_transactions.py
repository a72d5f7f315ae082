"""The page of transactions, drawn by the dashboard itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD


def script() -> None:
    from dashboard import door
    from dashboard.screens import transactions

    door.guarded(transactions.draw)


@pytest.fixture
def client(tmp_path: Path, named: str) -> Iterator[TestClient]:
    """A scorer on the store that the page reads."""
    with running(tmp_path, named) as client:
        known(client, 60, start="2019-01-01")
        client.post("/transaction", json=post(100, **ABROAD))
        yield client


def page(**asked: str) -> AppTest:
    found = AppTest.from_function(script, default_timeout=30)
    for name, value in asked.items():
        found.query_params[name] = value
    return found.run()


def test_the_newest_twenty_come_first(client: TestClient) -> None:
    found = page()
    assert not found.exception
    table = found.dataframe[0].value
    assert len(table) == 20
    assert list(table["id"])[:2] == ["100", "60"]
    assert "**61** transactions in all" in [one.value for one in found.markdown]
    found.button[2].click().run()
    assert found.dataframe[0].value["id"].iloc[0] == "41"


def test_filters_stand_in_the_address(client: TestClient) -> None:
    found = page(flagged_fraud="yes", client_id="7")
    assert list(found.dataframe[0].value["id"]) == ["100"]
    assert "**1** transactions match" in [one.value for one in found.markdown]
    found = page(state="Oman")
    assert "No transaction matches" in found.info[0].value


def test_days_are_both_included_and_pages_may_begin_at_one(client: TestClient) -> None:
    found = page(since="2019-01-05", until="2019-01-07")
    assert list(found.dataframe[0].value["id"]) == ["7", "6", "5"]
    # The count is of all that match, wherever the pages begin.
    found = page(at="2019-01-03")
    assert list(found.dataframe[0].value["id"]) == ["3", "2", "1"]
    assert "**61** transactions in all" in [one.value for one in found.markdown]
    found = page(at="2019-01-03", until="2019-01-02")
    assert list(found.dataframe[0].value["id"]) == ["2", "1"]


def test_a_changed_filter_begins_at_its_first_page(client: TestClient) -> None:
    found = page(page="4")
    assert len(found.dataframe[0].value) == 1
    found.text_input(key="merchant_id").set_value(str(ABROAD["merchant_id"])).run()
    assert list(found.dataframe[0].value["id"]) == ["100"]
    assert found.number_input(key="page 1").value == 1


def test_pages_are_turned_and_jumped_to(client: TestClient) -> None:
    found = page()
    next(button for button in found.button if button.label == "Next").click().run()
    assert found.query_params["page"] == "2"
    found.number_input(key="page 2").set_value(4).run()
    assert found.query_params["page"] == "4"
    assert len(found.dataframe[0].value) == 1
    next(button for button in found.button if button.label == "Newest").click().run()
    assert "page" not in found.query_params
    assert len(found.dataframe[0].value) == 20


@pytest.mark.parametrize("asked", ["none", "-1", "0", "1.5", "9" * 5_000])
def test_a_page_that_is_none_is_the_first(client: TestClient, asked: str) -> None:
    found = page(page=asked)
    assert not found.exception
    assert found.number_input(key="page 1").value == 1


def test_behind_the_last_page_it_says_so(client: TestClient) -> None:
    assert "lies behind the last one" in page(page="9").info[0].value


def test_without_a_store_the_page_says_what_to_do(named: str) -> None:
    [error] = page().error
    assert "make demo" in error.value or "fraudstack ingest" in error.value
