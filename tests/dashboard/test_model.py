"""The model in force: what is watched of it, decisions over the years, its card."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.storage.connections.store import parse
from tests.dashboard.watched import indices, weeks
from tests.model.made import kept_model
from tests.report.stores import fill


def opened() -> AppTest:
    def page() -> None:
        from dashboard import door
        from dashboard.screens import model

        door.guarded(model.draw)

    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    return app


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "model"
    kept_model(folder)
    return folder


@pytest.fixture
def champion(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("TX_MODEL_DIR", str(tmp_path / "model"))
    return registry.promote(tmp_path / "model", made, {"reason": "better by far"})


def said(app: AppTest) -> str:
    return " ".join(
        str(getattr(one, "value", ""))
        for kind in ("markdown", "caption", "info", "warning", "success", "error")
        for one in app.get(kind)
    )


def test_without_a_model_it_says_how_to_get_one(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TX_MODEL_DIR", str(tmp_path / "none"))
    fill(parse(named))
    text = said(opened())
    assert "model_refresh" in text
    assert "The history was not decided yet" in text


def test_what_needs_attention_is_a_sentence(named: str, champion: Model) -> None:
    windows = weeks(champion.version, online=4)
    fill(parse(named), model_windows=windows, model_days=indices(champion.version, amount=0.9, hour=0.15))
    app = opened()
    warnings = [one.value for one in app.warning]
    assert any(
        re.fullmatch(
            r"Online: 120 frauds expected, 24 observed since 20 September 2019; \d+ to \d+ would be usual\.", one
        )
        for one in warnings
    )
    shifted = "Spread otherwise than in the training window since 25 October 2019: amount (stability index 0.90, usual"
    assert warnings[-1].startswith(shifted)
    assert not any("Chip" in one or "hour" in one for one in warnings)
    segments, features = app.dataframe[0].value, app.dataframe[1].value
    assert list(segments["segment"]) == ["", "Chip", "Online", "below 10"]
    assert "frauds" in segments["attention"][2]
    assert not segments["attention"][1]
    assert list(segments["expected"]) == [240.0] * 4
    assert list(segments["observed"])[2] < list(segments["observed"])[1]
    assert list(features["feature"]) == ["amount", "hour"]
    assert "Frauds expected and observed" in [one.value for one in app.subheader]


def test_that_nothing_does_is_said_too_and_who_spoke(named: str, champion: Model) -> None:
    fill(parse(named), model_windows=weeks(champion.version, online=19, spoke="earlier"))
    app = opened()
    assert not app.warning
    assert "Nothing is out of what is usual" in said(app)
    assert "The model in force has seen all of them" in said(app)


def test_what_a_model_before_did_is_told_as_its(named: str, champion: Model) -> None:
    fill(parse(named), model_windows=weeks(champion.version, online=4, spoke="earlier"))
    assert all("A model before this one spoke then" in one.value for one in opened().warning)


def test_without_a_past_nothing_is_called_unusual(named: str, champion: Model) -> None:
    fill(parse(named), model_windows=weeks(champion.version, online=0, count=6))
    app = opened()
    assert not app.warning
    assert "What is usual can't be said yet" in said(app)
    assert len(app.dataframe[0].value) == 4


def test_what_was_not_watched_yet_is_said(named: str, champion: Model) -> None:
    fill(parse(named))
    assert "the DAG `model_watch` looks at each week" in said(opened())


def test_years_are_precision_and_recall_of_decisions_made_in_time(named: str, champion: Model) -> None:
    figures = ("transactions", "suspicious", "labelled", "frauds", "suspicious_labelled", "suspicious_frauds")
    rows = [
        dict(zip(figures, numbers, strict=True))
        | {"day": day, "model_version": version, "fraud_cents": 500_00, "caught_cents": 100_00}
        for day, version, numbers in (
            ("2018-03-01", "", (100, 10, 50, 5, 8, 2)),
            ("2018-07-01", "abc", (100, 4, 50, 5, 4, 3)),
            ("2018-08-01", "abc", (100, 6, 50, 5, 4, 3)),
            ("2019-01-01", "def", (100, 0, 0, 0, 0, 0)),
        )
    ]
    fill(parse(named), batch_days=rows)
    table = opened().dataframe[-1].value
    assert list(zip(table["year"], table["by"], strict=True)) == [
        ("2018", "rules alone"),
        ("2018", "rules and model"),
        ("2019", "rules and model"),
    ]
    assert list(table["precision"])[:2] == [0.25, 0.75]
    assert list(table["recall"])[:2] == [0.4, 0.6]
    assert table["precision"].isna().tolist() == [False, False, True]
    assert list(table["missed"])[1] == "800.00"


def test_the_card_is_shown_with_its_pictures(named: str, champion: Model) -> None:
    fill(parse(named))
    app = opened()
    text = said(app)
    assert champion.version in text
    assert "better by far" in text
    assert "Intended use" in text
    assert "](importance.svg)" not in text
    assert len(app.get("image")) == 3


def test_a_champion_that_is_damaged_is_told_and_the_years_are_there(
    named: str, champion: Model, tmp_path: Path
) -> None:
    fill(parse(named))
    trees = tmp_path / "model" / "versions" / champion.version / "model.txt"
    trees.write_bytes(trees.read_bytes()[:1000])
    app = opened()
    [error] = app.error
    assert "isn't the one that its version" in error.value
    assert "The history was not decided yet" in said(app)
    (tmp_path / "model" / "champion.json").write_text("{")
    [error] = opened().error
    assert "champion.json can't be read" in error.value
