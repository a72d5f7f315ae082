"""The review page against the scorer itself, served on a port."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from streamlit.testing.v1 import AppTest

from api.main import create_app
from dashboard import queries_review, scorer
from fraudstack.keys import digest, entry
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from tests.api.scorer import chosen, history, post
from tests.api.served import free_port
from tests.api.test_decisions import ABROAD
from tests.jobs.databases import execute, query

KEYS = " ".join(entry(name, [name], digest(f"{name}-key")) for name in ("review", "score"))


@contextmanager
def serving(folder: Path, database: str, **given: Any) -> Iterator[str]:
    port = free_port()
    app = create_app(chosen(folder, database, **given))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def api(tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a scorer without keys, which knows client 7 and has flagged 100, 102 and 101."""
    with serving(tmp_path, named) as url:
        monkeypatch.setenv("TX_API_URL", url)
        fill(url)
        yield url


def fill(url: str) -> None:
    httpx.post(f"{url}/transactions", json={"transactions": history(start="2019-09-14")}).raise_for_status()
    cheap = {"merchant_state": "Spain", "merchant_city": "Madrid", "merchant_id": "8"}
    for body in (
        post(101, **cheap, date="2019-10-25 12:00:00"),
        post(100, **ABROAD, date="2019-10-28 12:00:00"),
        post(102, **cheap, date="2019-11-01 12:00:00"),
    ):
        answer = httpx.post(f"{url}/transaction", json=body).json()
        assert answer["suspicious"], answer


def script() -> None:
    from dashboard import door
    from dashboard.screens import review

    door.guarded(review.draw)


def opened(reviewer: str = "ana", **settings: str) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30)
    for name, value in settings.items():
        page.query_params[name] = value
    page.run()
    page.text_input("reviewer").input(reviewer).run()
    assert not page.exception
    return page


def shown(page: AppTest) -> int | None:
    """The id of the transaction that the page shows."""
    found = [button.key for button in page.button if button.key and button.key.startswith("fraud ")]
    assert len(found) <= 1
    return int(found[0].removeprefix("fraud ")) if found else None


def click(page: AppTest, what: str) -> AppTest:
    return page.button(f"{what} {shown(page)}").click().run()


def said(page: AppTest) -> str:
    return " ".join(str(one.value) for kind in (page.error, page.info, page.success) for one in kind)


def html(page: AppTest) -> str:
    return " ".join(str(one.value) for one in page.html)


def verdicts(database: str) -> list[tuple[object, ...]]:
    return query(database, "SELECT id, verdict, note, reviewer FROM reviews ORDER BY review_id")


def test_without_a_name_nothing_is_given_out(api: str, named: str) -> None:
    page = AppTest.from_function(script, default_timeout=30).run()
    assert shown(page) is None
    assert "3 wait for a verdict. Type your name" in said(page)
    assert query(named, "SELECT * FROM claims") == []


def test_a_verdict_arrives_and_the_next_comes_by_score_then_newest(api: str, named: str) -> None:
    page = opened()
    order = [shown(page)]
    page.text_area("note 100").input("never was in Rome")
    for verdict in ("fraud", "legitimate", "fraud"):
        click(page, verdict)
        order.append(shown(page))
    assert order == [100, 102, 101, None]
    assert verdicts(named) == [
        (100, "fraud", "never was in Rome", "ana"),
        (102, "legitimate", None, "ana"),
        (101, "fraud", None, "ana"),
    ]
    assert query(named, "SELECT id, is_fraud FROM transactions WHERE id >= 100 ORDER BY id") == [
        (100, 1),
        (101, 1),
        (102, 0),
    ]
    assert "Nothing waits" in said(page)


def test_the_page_says_how_many_wait(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(page: AppTest) -> str:
        return next(one.value for one in page.caption if "wait for a verdict" in one.value)

    page = opened()
    assert waiting(page) == "3 wait for a verdict; you gave 0 in this session."
    click(page, "fraud")
    assert waiting(page) == "2 wait for a verdict; you gave 1 in this session."
    monkeypatch.setattr(queries_review, "MOST_COUNTED", 1)
    assert waiting(page.run()).startswith("1+ wait")


def test_what_is_below_the_budget_waits_and_says_so(api: str, named: str) -> None:
    execute(named, "UPDATE decisions SET below_budget = 1 WHERE id IN (101, 102)")
    page = opened()
    assert any("3 wait for a verdict, 2 of them below the budget" in one.value for one in page.caption)
    assert "below the budget" not in html(page)
    click(page, "fraud")
    assert shown(page) == 102
    assert ", below the budget of alerts a day" in html(page)


def test_two_sessions_get_different_ones(api: str, named: str) -> None:
    ana, bo, cy, di = (opened(name) for name in ("ana", "bo", "cy", "di"))
    assert [shown(page) for page in (ana, bo, cy, di)] == [100, 102, 101, None]
    assert "Others look" in said(di)
    assert query(named, "SELECT id, reviewer FROM claims ORDER BY id") == [(100, "ana"), (101, "cy"), (102, "bo")]
    # Reading on keeps it; a reload gives it again.
    assert shown(ana.run()) == shown(opened("ana")) == 100


def test_what_another_took_between_reading_and_claiming_is_passed_over(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("bo")
    monkeypatch.setattr(queries_review, "queue", lambda *_: [100, 102])
    assert shown(opened("ana")) == 102


def test_a_claim_that_was_lost_meanwhile_keeps_the_verdict_back(
    api: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened()
    execute(named, "UPDATE claims SET reviewer = 'bo'")
    monkeypatch.setattr(scorer, "_CLAIM_SECONDS", 0)
    page.button("fraud 100").click()
    page.run()
    assert verdicts(named) == []
    assert shown(page) == 102


def test_an_unsure_one_comes_back_to_others_alone(api: str, named: str) -> None:
    page = opened()
    click(page, "unsure")
    assert shown(page) == 102
    assert shown(opened("bo")) == 100
    click(page, "unsure")
    click(page, "unsure")
    assert shown(page) is None
    assert [row[1] for row in verdicts(named)] == ["unsure"] * 3
    assert query(named, "SELECT count(*) FROM transactions WHERE is_fraud IS NOT NULL") == [(0,)]


def test_a_key_pressed_twice_judges_once(api: str, named: str) -> None:
    def twice() -> None:
        import streamlit as st

        from dashboard.screens import review

        review.draw()
        if "review" in st.session_state and st.session_state["review"].last:
            review._judge(st.session_state["review"].last, "fraud")

    page = AppTest.from_function(twice, default_timeout=30).run()
    page.text_input("reviewer").input("ana").run()
    click(page, "fraud")
    assert [row[0] for row in verdicts(named)] == [100]
    assert shown(page) == 102


def test_the_last_one_can_be_opened_again(api: str, named: str) -> None:
    page = opened()
    click(page, "fraud")
    next(button for button in page.button if button.label == "Back to the last one").click().run()
    assert shown(page) == 100
    click(page, "legitimate")
    assert [row[:2] for row in verdicts(named)] == [(100, "fraud"), (100, "legitimate")]
    assert shown(page) == 102


def test_the_buttons_have_keys(api: str) -> None:
    page = opened()
    keys = {button.label: button.proto.shortcut for button in page.button}
    assert keys.items() >= {"Fraud": "f", "Legitimate": "l", "Unsure": "u"}.items()


def test_an_exception_is_one_click_and_no_verdict(api: str, named: str) -> None:
    page = opened()
    page.text_area("note 100").input("moved to Rome")
    click(page, "exception")
    [row] = query(named, "SELECT client_id, merchant_id, reviewer, note, until > at FROM exceptions")
    assert row == ("7", "9", "ana", "moved to Rome", True)
    assert verdicts(named) == []
    assert shown(page) == 100
    assert page.text_area("note 100").value == "moved to Rome"


def labelled_but_for(database: str, id: int, day: str) -> None:
    execute(
        database,
        f"UPDATE transactions SET is_fraud = 0 WHERE flagged_fraud = 0 AND id <> {id}",
        f"UPDATE daily_sums SET labelled = transactions WHERE day <> '{day}'",
    )


@pytest.mark.parametrize("every", [2, 3])
def test_a_random_sample_of_the_unflagged_comes_in_its_turn(api: str, named: str, every: int) -> None:
    # Of all that is unflagged only 40 has no known truth.
    labelled_but_for(named, 40, "2019-10-23")
    page = opened(sample="true", every=str(every))
    order = []
    for _ in range(4):
        order.append(shown(page))
        assert ("Drawn at random" in said(page)) == (order[-1] == 40)
        click(page, "legitimate")
    expected: list[int | None] = [100, 102, 101]
    expected.insert(every - 1, 40)
    assert order == expected
    assert shown(page) is None
    assert "truth isn't known" in said(page)


def test_every_unflagged_one_is_as_likely(api: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_review, "_RANDOM", random.Random(1))
    # Ten days with one, a day with thirty, and thirty days whose label came just now: the sums don't know it yet.
    execute(named, "UPDATE transactions SET is_fraud = 1 WHERE id BETWEEN 11 AND 40")
    own = [{"client_id": f"c{n}", "card_id": f"c{n}", "merchant_id": "77"} for n in range(30)]
    crowd = [post(1000 + n, **ids, date="2019-11-05 12:00:00") for n, ids in enumerate(own)]
    httpx.post(f"{api}/transactions", json={"transactions": crowd}).raise_for_status()
    connection = Connection(parse(named), read_only=True)
    days = queries_review.unflagged_days(connection)
    drawn = Counter(queries_review.sample(connection, days) for _ in range(2000))
    connection.close()
    assert set(drawn) == {*range(1, 11), *range(1000, 1030)}
    # 50 each, give or take four deviations.
    assert all(22 <= times <= 78 for times in drawn.values())


def test_a_scorer_that_is_down_is_said_and_the_verdict_is_kept(
    tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, named) as url:
        monkeypatch.setenv("TX_API_URL", url)
        fill(url)
        page = opened()
    page.text_area("note 100").input("seen")
    click(page, "fraud")
    assert "There is no scorer at" in said(page)
    assert "make api" in said(page)
    assert (shown(page), page.text_area("note 100").value) == (100, "seen")
    assert "There is no scorer at" in said(opened("bo"))


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (None, "asks for a key"),
        ("wrong", "doesn't know this key"),
        ("schlüssel", "doesn't know this key"),
        ("score-key", "may not review"),
    ],
)
def test_a_key_that_will_not_do_is_said_and_one_of_the_readers_own_mends_it(
    tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch, key: str | None, sentence: str
) -> None:
    with serving(tmp_path, named) as url:
        fill(url)
    if key is not None:
        monkeypatch.setenv("TX_API_KEY", key)
    with serving(tmp_path, named, api_keys=KEYS) as url:
        monkeypatch.setenv("TX_API_URL", url)
        page = opened()
        assert shown(page) is None
        assert sentence in said(page)
        page.text_input(scorer.KEY).input("review-key").run()
        assert shown(page) == 100
        assert not page.error
        assert "review-key" not in str(page.query_params)


def test_a_key_that_asks_too_often_is_told_when_to_try_again(
    tmp_path: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path, named) as url:
        fill(url)
    monkeypatch.setenv("TX_API_KEY", "review-key")
    with serving(tmp_path, named, api_keys=KEYS, api_rate=0.001) as url:
        monkeypatch.setenv("TX_API_URL", url)
        # This and the page's own claim use the rate up.
        other = httpx.post(
            f"{url}/transactions/101/claim", json={"reviewer": "ben"}, headers={"X-API-Key": "review-key"}
        )
        assert other.status_code == 200
        page = opened()
        click(page, "fraud")
        assert "asked too often" in said(page)
        assert shown(page) == 100


def test_what_the_scorer_refuses_is_said(api: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened()
    answering(monkeypatch, lambda _: httpx.Response(422, json={"detail": "note: too long"}))
    click(page, "fraud")
    assert "can't take this" in said(page)
    assert shown(page) == 100
    assert verdicts(named) == []


def test_a_scorer_on_another_store_is_said(
    api: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other", f"sqlite:///{tmp_path}/other/transactions.db", database_url=None) as url:
        monkeypatch.setenv("TX_API_URL", url)
        page = opened()
        assert "Check that it serves the store" in said(page)
        assert shown(page) is None


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]) -> None:
    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(scorer, "_client", lambda: client)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(503, headers={"Retry-After": "2"}), "try again in 2 seconds"),
        (httpx.Response(503, text="<html>a proxy's"), "try again in a moment"),
        (httpx.Response(500, json={"detail": "![x](http://evil)"}), r"\!\[x\]\(http\:\/\/evil\)"),
        (httpx.Response(502, json=["?"]), "status 502: Bad Gateway"),
    ],
)
def test_other_failures_are_sentences(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, sentence: str) -> None:
    answering(monkeypatch, lambda _: answer)
    with pytest.raises(scorer.ScorerError) as caught:
        scorer.claim(1, "ana")
    assert sentence in str(caught.value)


def test_a_scorer_that_does_not_answer_and_an_address_that_is_none_are_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    answering(monkeypatch, late)
    with pytest.raises(scorer.ScorerError, match="didn't answer"):
        scorer.claim(1, "ana")
    monkeypatch.undo()
    monkeypatch.setenv("TX_API_URL", f"localhost:{free_port()}")
    with pytest.raises(scorer.ScorerError, match="There is no scorer"):
        scorer.claim(1, "ana")


def test_who_is_signed_in_reviews_by_that_name(api: str, named: str) -> None:
    page = AppTest.from_function(script, default_timeout=30)
    page.user = {"is_logged_in": True, "name": "Ana Lyst"}
    page.run()
    assert shown(page) == 100
    assert query(named, "SELECT reviewer FROM claims") == [("Ana Lyst",)]
