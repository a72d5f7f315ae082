"""How the scorer is served: workers, overload, rules that change, an end that loses nothing."""

import asyncio
import json
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from fraudstack.decisions.work import Overloaded
from fraudstack.decisions.writer import Writer
from fraudstack.rules import config
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import known, post, running
from tests.api.served import environment, ready, served, workers
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query


def test_new_rules_are_in_force_within_seconds_and_broken_ones_never(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    text = config.DEFAULT.read_text()
    rules.write_text(text)
    with running(tmp_path, rules_path=rules) as client:
        version = client.get("/readyz").json()["rules_version"]
        rules.write_text(text.replace("merchants: [], clients: [], cards", "merchants: [], clients: [13], cards"))
        wait_for(lambda: client.get("/readyz").json()["rules_version"] != version, 10, "the new rules")
        blocked = client.post("/transaction", json=post(1, client_id=13)).json()
        assert (blocked["decision"], blocked["score"], blocked["suspicious"]) == ("blocked", 1, True)
        rules.write_text(text.replace("weight: 0.45", "weight: 45", 1))
        wait_for(lambda: client.get("/readyz").json()["rules_problem"], 10, "the broken rules to be seen")
        problem = client.get("/readyz").json()["rules_problem"]
        assert f"{rules}, line {text[: text.index('weight: 0.45')].count(chr(10)) + 1}" in problem
        assert client.post("/transaction", json=post(2, client_id=13)).json()["decision"] == "blocked"


def test_a_full_queue_is_a_503_and_nothing_is_written(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/transactions.db"
    with running(tmp_path, database, api_queue=3) as client:
        known(client)
        with ThreadPoolExecutor(12) as pool:
            with write_turn(parse(database)):
                posts = [
                    pool.submit(client.post, "/transaction", json=post(100 + number, client_id=str(number)))
                    for number in range(12)
                ]
                wait_for(lambda: sum(each.done() for each in posts) >= 8, 10, "eight to be refused")
            answers = [each.result() for each in posts]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert len(refused) >= 8
        assert all(answer.headers["retry-after"] == "1" for answer in refused)
        stored = query(database, "SELECT count(*) FROM transactions WHERE id >= 100")
        assert stored == [(12 - len(refused),)]


INSERT = "INSERT INTO mcc_codes (mcc, name) VALUES (?, 'x')"


@pytest.mark.parametrize("held", [True, False], ids=["while another writes", "at once"])
def test_work_is_committed_together_and_a_failure_stays_alone(tmp_path: Path, database: str, held: bool) -> None:
    store = parse(database)
    upgrade(store, "transactions")

    def put(number: int) -> Callable[[Connection], None]:
        return lambda connection: connection.execute(INSERT, (number,))

    def fail(connection: Connection) -> None:
        connection.execute(INSERT, (99,))
        raise ValueError("broken")

    async def work() -> list[object]:
        writer = Writer(store, 100)
        with write_turn(store) if held else nullcontext():
            done = asyncio.gather(
                *(writer.written(each) for each in (put(0), put(1), fail, put(2))), return_exceptions=True
            )
            await asyncio.sleep(0)
        answers = await done
        await writer.close()
        return answers

    answers = asyncio.run(work())
    assert [type(answer) for answer in answers] == [type(None), type(None), ValueError, type(None)]
    assert query(database, "SELECT mcc FROM mcc_codes ORDER BY mcc") == [(0,), (1,), (2,)]


def test_more_than_may_wait_is_refused_at_once(tmp_path: Path) -> None:
    store = parse(f"sqlite:///{tmp_path}/t.db")
    upgrade(store, "transactions")

    async def work() -> list[object]:
        writer = Writer(store, 2)
        answers = await asyncio.gather(
            *(writer.written(lambda connection: "done") for _ in range(3)), return_exceptions=True
        )
        # Room again.
        answers.append(await writer.written(lambda connection: "done"))
        await writer.close()
        return answers

    done, also, refused, later = asyncio.run(work())
    assert (done, also, type(refused), later) == ("done", "done", Overloaded, "done")


@pytest.mark.slow
def test_a_request_in_flight_at_sigterm_is_finished(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/transactions.db"
    env = environment(tmp_path, database, TX_API_WORKERS="2")
    with ThreadPoolExecutor(4) as pool, served(tmp_path, env) as (url, process):
        with write_turn(parse(database)):
            posts = [
                pool.submit(httpx.post, f"{url}/transaction", json=post(number, client_id=str(number)), timeout=30)
                for number in range(4)
            ]
            wait_for(lambda: "fraudstack_waiting_decisions 4.0" in httpx.get(f"{url}/metrics").text, 20, "four to wait")
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: not ready(url), 20, "the scorer to take nothing more")
        assert [each.result().status_code for each in posts] == [200] * 4
        process.wait(30)
    assert query(database, "SELECT count(*) FROM transactions") == [(4,)]


@pytest.mark.slow
def test_metrics_count_over_all_workers_and_survive_a_dead_one(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/transactions.db"
    with served(tmp_path, environment(tmp_path, database)) as (url, process):

        def send(first: int) -> None:
            # A connection each: the workers share them.
            for number in range(first, first + 30):
                assert httpx.post(f"{url}/transaction", json=post(number)).status_code == 200

        def counted() -> float:
            lines = httpx.get(f"{url}/metrics").text.splitlines()
            return sum(float(line.split()[-1]) for line in lines if line.startswith("fraudstack_decisions_total{"))

        threads = [threading.Thread(target=send, args=(1000 * number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counted() == 90
        workers(process)[0].kill()
        wait_for(lambda: len(workers(process)) == 3, 10, "a new worker")
        assert counted() == 90
        lines = (tmp_path / "scorer.log").read_text().splitlines()
    assert all(json.loads(line)["at"] for line in lines if line.startswith("{"))
    assert sum("/transaction" in line for line in lines) >= 90
