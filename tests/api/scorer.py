"""The scorer as tests run it: the real app on a store of its own, and posts that it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.main import create_app
from fraudstack.settings import Settings
from tests.jobs.databases import settings

NOON = "2019-11-01 12:00:00"


@contextmanager
def running(folder: Path, url: str | None = None, **given: Any) -> Iterator[TestClient]:
    """A client of a scorer on the store at `url`."""
    with TestClient(create_app(chosen(folder, url, **given)), raise_server_exceptions=False) as client:
        yield client


def chosen(folder: Path, url: str | None = None, **given: Any) -> Settings:
    """Settings of a scorer: every path lies in the folder, nothing is asked of a language model."""
    return settings(folder, url, **({"OPENAI_API_KEY": None, "OPENAI_BASE_URL": None} | given))


def post(id: int | None = None, **other: Any) -> dict[str, Any]:
    """A body that is usual for its client."""
    body = {
        "id": id,
        "date": NOON,
        "client_id": "7",
        "card_id": "70",
        "amount": 20.0,
        "use_chip": "Chip Transaction",
        "merchant_id": "59935",
        "merchant_city": "Beulah",
        "merchant_state": "ND",
        "zip": "58523",
        "mcc": 5411,
    } | other
    return {name: value for name, value in body.items() if value is not None}


def history(
    count: int = 40, client_id: str = "7", first: int = 1, start: str = "2019-01-01", **other: Any
) -> list[dict[str, Any]]:
    """Usual transactions of a client, one a day at noon."""
    noon = datetime.fromisoformat(f"{start} 12:00:00")
    return [
        post(first + day, client_id=client_id, date=str(noon + timedelta(days=day)), amount=15.0 + day % 9, **other)
        for day in range(count)
    ]


def known(
    client: TestClient, count: int = 40, client_id: str = "7", first: int = 1, start: str | None = None, **other: Any
) -> None:
    """Let the scorer learn a client's history, which ended more than a week before NOON."""
    start = start or str(datetime.fromisoformat(NOON).date() - timedelta(days=count + 7))
    answer = client.post("/transactions", json={"transactions": history(count, client_id, first, start, **other)})
    assert {result["status"] for result in answer.json()["results"]} == {200}
