"""The page of lists against the scorer itself, served on a port."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import scorer
from tests.api.scorer import post
from tests.dashboard.test_review import KEYS, fill, said, serving
from tests.jobs.databases import execute, query

SOON = (datetime.now(UTC) + timedelta(days=30)).date()


@pytest.fixture
def api(tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a scorer without keys, which knows client 7."""
    with serving(tmp_path, named) as url:
        monkeypatch.setenv("TX_API_URL", url)
        fill(url)
        yield url


def script() -> None:
    from dashboard import door
    from dashboard.screens import lists

    door.guarded(lists.draw)


def opened(name: str = "ana") -> AppTest:
    page = AppTest.from_function(script, default_timeout=30).run()
    page.text_input("reviewer").input(name).run()
    assert not page.exception
    return page


def put(page: AppTest, name: str, kind: str, value: str, reason: str = "told by the bank") -> AppTest:
    page.selectbox("list").select(name)
    page.selectbox("kind").select(kind)
    page.text_input("value").input(value)
    page.text_input("reason").input(reason).run()
    page.button("put").click().run()
    assert not page.exception
    return page


def rows(page: AppTest) -> list[tuple[str, ...]]:
    return [tuple(map(str, row[:5])) for one in page.dataframe for row in one.value.itertuples(index=False)]


def listed(database: str) -> list[tuple[object, ...]]:
    return query(database, "SELECT list, kind, value, reason, owner FROM lists ORDER BY list, kind, value")


def test_what_is_put_on_a_list_acts_at_once_and_is_seen(api: str, named: str) -> None:
    page = put(opened(), "block", "merchant", "059935")
    assert f"Block: merchant 059935 until {SOON}" in said(page).replace("\\", "")
    assert listed(named) == [("block", "merchant", "59935", "told by the bank", "ana")]
    [row] = rows(page)
    assert row[:4] == ("block", "merchant 59935", "told by the bank", "ana")
    assert row[4].startswith(str(SOON))
    assert page.text_input("value").value == page.text_input("reason").value == ""
    answer = httpx.post(f"{api}/transaction", json=post(200)).json()
    assert (answer["decision"], answer["reason"]) == (
        "blocked",
        "merchant 59935 is on the block list: told by the bank",
    )


def test_an_entry_and_an_exception_are_withdrawn(api: str, named: str) -> None:
    exception = {"until": f"{SOON}T00:00:00Z", "reviewer": "bo", "note": "lives there"}
    httpx.put(f"{api}/clients/7/exceptions/9", json=exception).raise_for_status()
    page = put(put(opened(), "held", "client", "7"), "allow", "country", "Italia")
    assert [row[:4] for row in rows(page)] == [
        ("allow", "country Italy", "told by the bank", "ana"),
        ("held", "client 7", "told by the bank", "ana"),
        ("exception", "client 7 at merchant 9", "lives there", "bo"),
    ]
    page.selectbox("entry").select(1).run()
    page.button("withdraw entry").click().run()
    assert "Withdrawn: held: client 7." in said(page).replace("\\", "")
    page.selectbox("exception").select(0).run()
    page.button("withdraw exception").click().run()
    assert [row[0] for row in rows(page)] == ["allow"]
    assert listed(named) == [("allow", "country", "Italy", "told by the bank", "ana")]
    assert query(named, "SELECT * FROM exceptions") == []
    assert httpx.post(f"{api}/transaction", json=post(200)).json()["decision"] == "whitelisted"


def test_what_another_withdrew_meanwhile_is_told(api: str, named: str) -> None:
    page = put(opened(), "held", "client", "7")
    page.selectbox("entry").select(0).run()
    execute(named, "DELETE FROM lists")
    page.button("withdraw entry").click().run()
    assert "It isn't there any more" in said(page)
    assert rows(page) == []


def test_without_a_name_a_value_or_a_reason_nothing_is_put(api: str) -> None:
    page = AppTest.from_function(script, default_timeout=30).run()
    assert page.button("put").disabled
    page.text_input("reviewer").input("ana").run()
    page.text_input("value").input("7").run()
    assert page.button("put").disabled
    page.text_input("reason").input("stolen").run()
    assert not page.button("put").disabled


def test_a_card_number_is_refused_and_never_shown(api: str, named: str) -> None:
    page = put(opened(), "block", "card", "4111 1111 1111 1111")
    assert "card number" in said(page)
    assert "1111" not in said(page)
    assert listed(named) == []


def test_a_key_that_may_not_review_is_told(tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, named, api_keys=KEYS) as url:
        monkeypatch.setenv("TX_API_URL", url)
        monkeypatch.setenv("TX_API_KEY", "score-key")
        page = put(opened(), "block", "client", "7")
        assert "may not review" in said(page)
        # What was typed is still there.
        assert page.text_input("value").value == "7"
        page.text_input(scorer.KEY).input("review-key").run()
        page.button("put").click().run()
        assert [row[:2] for row in rows(page)] == [("block", "client 7")]
