"""The model in force: what is watched of it, decisions over the years, its card."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.storage.connections.store import parse
from tests.model.made import kept_model
from tests.report.stores import fill

LAST = date(2019, 10, 31)


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


def measures(version: str, **latest: float) -> list[dict[str, Any]]:
    return [
        {
            "day": str(LAST - timedelta(days=ago)),
            "model_version": version,
            "measure": name.replace("__", ":"),
            "value": value / (ago + 1),
            "sample": 3000,
        }
        for name, value in latest.items()
        for ago in range(5)
    ]


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


def test_a_shift_is_said_and_the_rest_can_be_looked_at(named: str, champion: Model) -> None:
    fill(parse(named), model_days=measures(champion.version, psi__amount=0.41, psi__score=0.05, psi__hour=0.01))
    app = opened()
    [warning] = app.warning
    assert warning.value == "Shifted against the training window: amount."
    table = app.dataframe[0].value
    assert list(table["feature"]) == ["amount", "score of the model", "hour"]
    assert f"up to {LAST}" in said(app)
    assert "No week after the training window has enough labels yet" in said(app)


def test_nothing_shifted_is_said_too(named: str, champion: Model) -> None:
    fill(
        parse(named), model_days=measures(champion.version, psi__amount=0.1, psi__score=0.05, precision=0.7, recall=0.4)
    )
    app = opened()
    assert not app.warning
    assert "Nothing has shifted" in said(app)
    assert "enough labels yet" not in said(app)


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
