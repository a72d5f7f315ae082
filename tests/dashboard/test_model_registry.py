"""What the page Model shows of the registry: the log of promotions, and a challenger beside the champion."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fraudstack.model import registry
from fraudstack.storage.connections.store import parse
from tests.dashboard.test_model import opened, said
from tests.model.made import kept_model
from tests.report.stores import fill, transaction

AT = datetime(2026, 5, 1, 12)


@pytest.fixture
def champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The version of the model in force."""
    monkeypatch.setenv("TX_MODEL_DIR", str(tmp_path / "model"))
    kept_model(tmp_path / "made")
    return registry.promote(tmp_path / "model", tmp_path / "made", {"reason": "better by far"}).version


def promotion(number: int, version: str, **given: Any) -> dict[str, Any]:
    row = {"number": number, "version": version, "before": None, "who": "ana", "why": "{}", "vetoed": None}
    return row | {"at": AT.replace(day=number)} | given


def cast(number: int, version: str, until: datetime, **given: Any) -> dict[str, Any]:
    return {"number": number, "version": version, "until": until, "who": "bo", "reason": "to see", "at": AT} | given


def decision(
    number: int, champion: str, probabilities: tuple[float | None, float | None], **given: Any
) -> dict[str, Any]:
    ours, theirs = probabilities
    return {
        "id": number,
        "decided_at": AT,
        "score": 0.5,
        "suspicious": 0,
        "decision": "normal",
        "reason": "",
        "reasons": "[]",
        "source": "online",
        "model_version": champion,
        "challenger_version": "other",
        "probability": ours,
        "challenger_probability": theirs,
        "alert_at": 0.3,
    } | given


def test_without_anything_it_says_how_to_have_one_asked(named: str, champion: str) -> None:
    fill(parse(named))
    text = said(opened())
    assert "No challenger was ever asked" in text
    assert "No model was ever put in force" in text


def test_champion_and_challenger_are_held_against_each_other_on_the_same_decisions(named: str, champion: str) -> None:
    told: list[tuple[float, float, int | None]] = [
        (0.9, 0.9, 1),
        (0.8, 0.1, 0),
        (0.2, 0.7, 1),
        (0.3, 0.1, None),
        (0.01, 0.02, 0),
    ]
    decisions = [decision(number, champion, (ours, theirs)) for number, (ours, theirs, _) in enumerate(told)]
    # Of another champion, of another challenger, and of what one of them was silent.
    decisions += [
        decision(10, "before", (0.9, 0.9)),
        decision(11, champion, (0.9, 0.9), challenger_version="third"),
        decision(12, champion, (None, 0.9)),
    ]
    truths = {number: truth for number, (_, _, truth) in enumerate(told)}
    fill(
        parse(named),
        transactions=[transaction(row["id"], is_fraud=truths.get(row["id"], 1)) for row in decisions],
        decisions=decisions,
        shadows=[cast(1, "other", datetime(2999, 1, 1))],
    )
    app = opened()
    text = said(app)
    assert "`other` is asked until 2999-01-01 00:00:00 (UTC), without effect; bo had it asked" in text
    assert "Of 5 decisions for which both were asked they agree on 40.00% whether to raise an alert." in text
    assert "4 of them have a label by now, 2 are fraud." in text
    table = app.dataframe[0].value
    assert list(table["model"]) == ["champion", "challenger"]
    assert list(table["version"]) == [champion, "other"]
    assert list(table["alerts"]) == [3, 2]
    assert list(table["precision"]) == [0.5, 1.0]
    assert list(table["recall"]) == [0.5, 1.0]
    assert list(table["order"]) == pytest.approx([1 / 2 + 1 / 2 * 2 / 3, 1.0])


def test_whose_time_is_over_is_told_and_stays_to_be_seen(named: str, champion: str) -> None:
    fill(
        parse(named),
        transactions=[transaction(1)],
        decisions=[decision(1, champion, (0.1, 0.2))],
        shadows=[cast(1, "other", datetime(2999, 1, 1)), cast(2, "other", AT, reason="enough was seen")],
    )
    app = opened()
    assert "`other` is asked no more" in said(app)
    table = app.dataframe[0].value
    assert table["recall"].isna().all()
    log = app.dataframe[1].value
    assert set(log["what"]) == {"asked beside until 2999-01-01 00:00:00", "asked no more"}


def test_the_log_says_who_put_what_in_force_and_what_is_vetoed(named: str, champion: str) -> None:
    fill(
        parse(named),
        promotions=[
            promotion(1, "one", why='{"reason": "no champion"}'),
            promotion(2, "two", before="one", who="run 7, signed off by bo", why='{"reason": "no worse"}'),
            promotion(3, "one", before="two", why='{"reason": "rolled back from two"}', vetoed="two"),
            promotion(4, "three", before="one", why='{"reason": "mended", "after_rollback": "by cy on 2026"}'),
        ],
    )
    log = opened().dataframe[0].value
    assert list(log["version"]) == ["three", "one", "two", "one"]
    assert list(log["what"]) == ["promoted", "rolled back", "promoted", "promoted"]
    assert list(log["vetoed"]) == [False, False, True, False]
    assert list(log["who"])[2] == "run 7, signed off by bo"
    assert list(log["before"])[:3] == ["one", "two", "one"]
    assert list(log["why"])[:2] == ["mended (although it was rolled back from by cy on 2026)", "rolled back from two"]
