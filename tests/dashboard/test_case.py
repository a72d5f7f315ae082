"""A transaction with its decision, as a page shows it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tests.api.scorer import known, post, running
from tests.api.test_decisions import ABROAD
from tests.jobs.databases import execute


@pytest.fixture
def client(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A scorer on the store that the page reads."""
    if database.startswith("sqlite"):
        monkeypatch.setenv("TX_SQLITE_DB", database.removeprefix("sqlite:///"))
    else:
        monkeypatch.setenv("TX_DATABASE_URL", database)
    with running(tmp_path, database) as client:
        known(client)
        yield client


def script(id: int) -> None:
    import streamlit as st

    from dashboard import case, door, stores

    def draw() -> None:
        with stores.transactions() as connection:
            st.session_state["drawn"] = case.draw(connection, id)

    door.guarded(draw)


def opened(id: int) -> AppTest:
    page = AppTest.from_function(script, args=(id,), default_timeout=30).run()
    assert not page.exception
    assert not page.error
    return page


def html(page: AppTest) -> str:
    return "\n".join(str(one.value) for one in page.html)


def test_a_decision_is_shown_with_its_reasons_and_their_figures(client: TestClient) -> None:
    answer = client.post("/transaction", json=post(100, **ABROAD)).json()
    page = opened(100)
    text = html(page)
    assert "812.40 USD" in text
    assert f"Suspicious, score {answer['score']:.2f}" in text
    assert f"It would have been normal if {escape(answer['normal_if'])}." in text
    assert "below the budget" not in text
    for reason in answer["reasons"]:
        assert f"<td>{escape(reason['text'])}</td>" in text
        assert f"<td class=number>{reason['weight']:.2f}</td>" in text
    assert "amount:\u00a0812.40<br>sigmas:\u00a0" in text
    assert "country:\u00a0Italy" in text
    assert "Rome, Italy" in text


def test_a_transaction_is_held_against_the_others_of_its_client(client: TestClient) -> None:
    client.post("/transaction", json=post(100, **ABROAD))
    text = html(opened(100))
    assert "client's 40 other transactions" in text
    assert '<td>State or country</td><td>Italy</td><td><span class="new">never before</span>' in text
    assert "<td>Category</td><td>5411</td><td>40 times, 100.0%</td>" in text
    assert "(40 purchases), here 4" in text


def test_a_usual_transaction_is_not_compared_with_itself(client: TestClient) -> None:
    client.post("/transaction", json=post(100, merchant_id="77"))
    text = html(opened(100))
    assert "client's 40 other transactions" in text
    assert '<td>Merchant</td><td>77</td><td><span class="new">never before</span>' in text
    assert "<td>Card</td><td>70</td><td>40 times, 100.0%</td>" in text
    assert text.count("(40 purchases)") == 2


def test_what_the_client_did_before_and_after_is_shown_in_order(client: TestClient) -> None:
    for id, minute, more in ((103, 40, {}), (101, 5, {"errors": "Bad PIN"}), (102, 9, {}), (100, 10, ABROAD)):
        client.post("/transaction", json=post(id, **({"date": f"2019-11-01 12:{minute:02}:00"} | more)))
    client.post("/transaction", json=post(200, client_id="8", date="2019-11-01 12:09:00"))
    page = opened(100)
    rows = page.dataframe[0].value
    assert list(rows["Date (UTC)"])[-4:] == [f"2019-11-01 12:{minute:02}:00" for minute in (5, 9, 10, 40)]
    assert list(rows[""])[-4:] == ["", "", "▶", ""]
    assert list(rows["Amount"])[-4:] == ["20.00", "20.00", "812.40", "20.00"]
    assert len(rows) == 12
    assert "<td>10 minutes</td><td class=number>2</td><td class=number>1</td><td class=number>40.00</td>" in html(page)


def test_what_analysts_said_is_shown(client: TestClient) -> None:
    client.post("/transaction", json=post(100, **ABROAD))
    client.post("/transactions/100/review", json={"verdict": "unsure", "reviewer": "ana", "note": "ask <b>bo</b>"})
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    client.put("/clients/7/exceptions/9", json={"until": until, "reviewer": "bo"})
    client.put("/clients/7/exceptions/10", json={"until": until, "reviewer": "cy"})
    text = html(opened(100))
    assert "<td>ana</td><td>unsure</td><td>ask &lt;b&gt;bo&lt;/b&gt;</td>" in text
    assert "<td>bo</td><td>this merchant is fine for this client until" in text
    assert "<td>cy</td>" not in text


def test_what_strangers_call_themselves_stays_text(client: TestClient) -> None:
    evil = "<img src=x onerror=alert(1)>![x](http://evil)"
    names = ("client_id", "merchant_id", "merchant_city", "merchant_state", "use_chip")
    body = post(100, description=evil, **dict.fromkeys(names, evil))
    assert client.post("/transaction", json=body).status_code == 200
    page = opened(100)
    assert "<img" not in html(page)
    assert "&lt;img" in html(page)
    assert not [one for one in page.markdown if "evil" in one.value]


def test_a_transaction_that_nobody_decided_is_shown_too(client: TestClient, database: str) -> None:
    execute(database, "DELETE FROM decisions WHERE id = 5", "DELETE FROM profiles", "DELETE FROM profile_habits")
    text = html(opened(5))
    assert "Not decided" in text
    assert "Nothing is known of this client yet" in text


def test_one_of_which_little_is_told_is_shown_too(client: TestClient) -> None:
    sparse = {"client_id": "9", "amount": -3.5, "id": 300}
    assert client.post("/transaction", json=sparse).status_code == 200
    assert "-3.50 USD" in html(opened(300))


def test_one_that_is_gone_is_a_sentence(client: TestClient) -> None:
    page = opened(999)
    assert "isn't in the store any more" in page.warning[0].value
    assert page.session_state["drawn"] is None
