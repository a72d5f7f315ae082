import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from fraudstack.settings import DATA_DIR, Settings


def test_defaults_lie_under_data() -> None:
    settings = Settings()
    assert DATA_DIR.name == "data"
    assert settings.csv_path == f"{DATA_DIR}/transactions_data.csv"
    assert settings.store_url == f"sqlite:///{DATA_DIR}/transactions.db"
    assert settings.clusters_url == f"sqlite:///{DATA_DIR}/transactions_clusters.db"


def test_one_database_url_wins_over_both_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TX_SQLITE_DB", "/elsewhere/t.db")
    assert Settings().store_url == "sqlite:////elsewhere/t.db"
    monkeypatch.setenv("TX_DATABASE_URL", "postgresql://db/fraud")
    assert Settings().store_url == Settings().clusters_url == "postgresql://db/fraud"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TX_DATABASE_URL", "")
    monkeypatch.setenv("TX_CLUSTERS_K", "")
    assert Settings().database_url is None
    assert Settings().clusters_k is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TX_MAX_REJECT_SHARE", "1.5"),
        ("TX_CURRENCY", "dollars"),
        ("TX_CLUSTERS_MIN", "1"),
        ("TX_SPARK_MEMORY", "much"),
        ("TX_ENV", "staging"),
    ],
)
def test_a_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("TX_").lower()):
        Settings()


def test_it_is_production_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TX_ENV")
    assert Settings().env == "production"
    for name in ("development", "test", "production"):
        monkeypatch.setenv("TX_ENV", name)
        assert Settings().env == name


def test_bounds_of_clusters_stand_in_order() -> None:
    with pytest.raises(ValidationError, match="TX_CLUSTERS_MIN"):
        Settings(clusters_min=5, clusters_max=4)


def test_settings_are_read_from_the_environment_in_one_place_only() -> None:
    root = Path(__file__).parents[1]
    reads = re.compile(r"""(getenv\(|environ\[|environ\.get\()["'](TX_|OPENAI_)""")
    files = [file for room in ("fraudstack", "jobs", "dags", "data") for file in (root / room).rglob("*.py")]
    assert [str(file) for file in files if reads.search(file.read_text())] == []
