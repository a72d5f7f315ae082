"""Whatever a figure is, an answer is JSON: no NaN, no Infinity."""

import json
import math
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.answers import json_answer
from fraudstack.features.table import NAMES
from fraudstack.model.online import Opinion
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Profile
from fraudstack.rules import config
from fraudstack.rules.case import case_of
from tests.api.scorer import known
from tests.jobs.databases import execute


def strict(text: str | bytes) -> Any:
    return json.loads(text, parse_constant=pytest.fail)


def test_what_is_no_number_is_null() -> None:
    said = {"score": math.nan, "reasons": [{"figures": {"a": math.inf, "b": (-math.inf, 1.5)}}]}
    answer = json_answer(said).body
    assert strict(bytes(answer)) == {"score": None, "reasons": [{"figures": {"a": None, "b": [None, 1.5]}}]}


def test_what_was_stored_before_is_json_too(client: TestClient, database: str) -> None:
    known(client, 3)
    reasons = '[{"code": "model", "weight": 0.5, "figures": {"probability": NaN, "amount": Infinity}, "text": "odd"}]'
    execute(database, f"UPDATE decisions SET reasons = '{reasons}' WHERE id = 2")
    for path in ("/transactions/2", "/transactions?client_id=7", "/clients/7/profile"):
        answer = client.get(path)
        assert answer.status_code == 200
        strict(answer.content)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_a_models_figures_are_json(value: float) -> None:
    class Odd:
        """To which every feature speaks for fraud."""

        version, features = "abc", NAMES

        def contributions(self, figures: list[float]) -> list[float]:
            return [1.0] * len(figures)

    opinion = Opinion(Odd(), [value] * len(NAMES), 0.4)  # type: ignore[arg-type]
    whole = opinion.reason(case_of(Event(1, "a", 0, 1000), Profile("a"), config.load(config.DEFAULT).file))
    assert whole is not None
    parts = opinion.reasons(whole)
    assert parts
    json.dumps([part._asdict() for part in parts], allow_nan=False)
