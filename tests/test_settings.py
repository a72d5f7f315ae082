import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fraudstack.errors import SettingError
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
    with pytest.raises(SettingError, match=f"^{name}: "):
        Settings()


def test_it_is_production_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TX_ENV")
    assert Settings().env == "production"
    for name in ("development", "test", "production"):
        monkeypatch.setenv("TX_ENV", name)
        assert Settings().env == name


@pytest.mark.parametrize(
    ("code", "said"),
    [
        *((code, "has no decimals") for code in ("JPY", "CLP", "ISK", "KRW", "XAU", "XXX", "XTS")),
        *((code, "has 3 decimals") for code in ("KWD", "BHD", "TND")),
        ("UYW", "has 4 decimals"),
        *((code, "is no code of ISO 4217") for code in ("usd", "ABC", "US", "USDT", "$", "840", " USD")),
    ],
)
def test_a_currency_that_has_no_cents_is_refused(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    monkeypatch.setenv("TX_CURRENCY", code)
    with pytest.raises(SettingError, match=f"^TX_CURRENCY: .*{said}"):
        Settings()


@pytest.mark.parametrize("code", ["USD", "EUR", "HUF", "CHF", "SEK", "INR", "MGA", "MRU"])
def test_a_currency_of_cents_is_taken(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("TX_CURRENCY", code)
    assert Settings().currency == code


def test_of_several_settings_each_is_named_and_none_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TX_LLM_SECONDS", "sk-secret")
    monkeypatch.setenv("TX_API_QUEUE", "0")
    with pytest.raises(SettingError, match=r"TX_API_QUEUE: .*TX_LLM_SECONDS: ") as raised:
        Settings()
    assert "secret" not in str(raised.value)


def test_every_program_refuses_a_currency_at_its_start(tmp_path: Path) -> None:
    env = {**os.environ, "TX_CURRENCY": "JPY", "TX_SQLITE_DB": f"{tmp_path}/t.db"}
    for command in (
        ("cli", "report"),
        ("jobs", "promote"),
        ("gunicorn", "--config", "python:api.gunicorn", "api.main:app"),
    ):
        done = subprocess.run([sys.executable, "-m", *command], env=env, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "TX_CURRENCY: JPY has no decimals by ISO 4217" in done.stderr
        assert "Traceback" not in done.stderr


def test_bounds_of_clusters_stand_in_order() -> None:
    with pytest.raises(SettingError, match=r"^TX_CLUSTERS_MIN"):
        Settings(clusters_min=5, clusters_max=4)


def test_settings_are_read_from_the_environment_in_one_place_only() -> None:
    root = Path(__file__).parents[1]
    reads = re.compile(r"""(getenv\(|environ\[|environ\.get\()["'](TX_|OPENAI_)""")
    files = [file for room in ("fraudstack", "jobs", "dags", "data", "cli") for file in (root / room).rglob("*.py")]
    assert [str(file) for file in files if reads.search(file.read_text())] == []
