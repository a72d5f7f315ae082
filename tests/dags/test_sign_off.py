"""A person signs off what a refresh would put in force, under a real Airflow, as its page asks through the REST API."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from fraudstack.storage.connections.store import parse
from tests.dags.airflow_process import query, wait_for
from tests.dags.airflow_server import RUN_SECONDS, Airflow, standalone
from tests.report.stores import fill, transaction

# It waits more than it works, and measures nothing.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1_500)]
DAG = "/api/v2/dags/model_refresh"
_ROWS, _DAYS = 6000, 120
_LOG = "SELECT version, who FROM promotions ORDER BY number"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow on a store in which high amounts are fraud."""
    folder = tmp_path_factory.mktemp("standalone")
    draw, rows = Random(1), []
    for id in range(_ROWS):
        fraud = draw.random() < 0.08
        amount = Decimal(round(draw.lognormvariate(5.5 if fraud else 3.5, 0.5) * 100)).scaleb(-2)
        date = datetime(2019, 1, 1) + timedelta(minutes=id * _DAYS * 24 * 60 // _ROWS)
        given: dict[str, Any] = {"client_id": f"c{draw.randrange(40)}", "merchant_id": str(draw.randrange(30))}
        rows.append(transaction(id, date=date, amount=amount, is_fraud=int(fraud), **given))
    fill(parse(f"sqlite:///{folder}/transactions.db"), transactions=rows)
    with standalone(folder) as running:
        wait_for(lambda: running.api.get(DAG).is_success, RUN_SECONDS, "the DAG")
        yield running


def _awaited(airflow: Airflow, run_id: str) -> dict[str, Any]:
    """What a person is asked, once somebody is and the scheduler has heard of it.

    Of a task that is answered before that Airflow 3.3 says that it was lost, and asks again.
    """
    task = f"{DAG}/dagRuns/{run_id}/taskInstances/sign_off"
    wait_for(lambda: airflow.get(task)["state"] == "awaiting_input", RUN_SECONDS, "the question")
    heard = re.compile(f"TaskInstance Finished: .*task_id=sign_off, run_id={run_id}, .*state=awaiting_input")
    log = airflow.folder / "log"
    wait_for(lambda: heard.search(log.read_text(encoding="utf-8")), RUN_SECONDS, "the scheduler")
    found: dict[str, Any] = airflow.get(f"{task}/-1/hitlDetails")
    return found


def _answered(airflow: Airflow, run_id: str, option: str) -> str:
    """The state in which a run ends whose question is answered."""
    asked = f"{DAG}/dagRuns/{run_id}/taskInstances/sign_off/-1/hitlDetails"
    airflow.api.patch(asked, json={"chosen_options": [option], "params_input": {}}).raise_for_status()
    state: str = airflow.finished(run_id, DAG)["state"]
    return state


def _states(airflow: Airflow, run_id: str) -> dict[str, str]:
    tasks = airflow.get(f"{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {task["task_id"]: task["state"] for task in tasks}


def test_what_a_person_rejects_stays_out_what_one_approves_comes_into_force_and_no_one_is_asked_in_vain(
    airflow: Airflow,
) -> None:
    store = airflow.folder / "transactions.db"
    airflow.trigger("rejected", DAG, sign_off=True)
    asked = _awaited(airflow, "rejected")
    assert asked["subject"] == "May this model come into force?"
    assert "against the rules'" in asked["body"]
    assert _answered(airflow, "rejected", "Reject") == "success"
    states = _states(airflow, "rejected")
    assert (states["promote"], states["memories"]) == ("skipped", "skipped")
    assert query(store, _LOG) == []

    airflow.trigger("approved", DAG, sign_off=True)
    _awaited(airflow, "approved")
    # It waits without keeping anybody's turn on the store.
    assert query(store, _LOG) == []
    assert _answered(airflow, "approved", "Approve") == "success"
    [(version, who)] = query(store, _LOG)
    assert str(who) == "run approved, signed off by admin"

    # The same again is the champion already.
    airflow.trigger("again", DAG, sign_off=True)
    assert airflow.finished("again", DAG)["state"] == "success"
    assert _states(airflow, "again")["promote"] == "success"
    assert query(store, _LOG) == [(version, who)]
