"""POST /transactions: many at once, each with its own result."""

from starlette.testclient import TestClient

from tests.api.scorer import history, post
from tests.jobs.databases import query, transactions


def test_each_transaction_has_its_own_result_in_its_place(client: TestClient, database: str) -> None:
    rows = [post(1), post(2, amount="much"), post(1, amount=3), post(4, currency="EUR"), post(1), post(6)]
    answer = client.post("/transactions", json={"transactions": rows})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 422, 409, 422, 200, 200]
    assert results[1]["problem"]["errors"][0]["field"] == "amount"
    assert results[4]["decision"] == results[0]["decision"]
    assert results[0]["decision"]["llm_status"] == "off"
    assert transactions(database).keys() == {1, 6}


def test_a_batch_sees_its_own_earlier_transactions(client: TestClient) -> None:
    answer = client.post("/transactions", json={"transactions": history(41)}).json()
    assert answer["results"][-1]["decision"]["decision"] == "whitelisted"


def test_a_thousand_are_taken_and_one_more_is_refused(client: TestClient, database: str) -> None:
    rows = [post(number, client_id=str(number % 50)) for number in range(1001)]
    assert client.post("/transactions", json={"transactions": rows}).status_code == 422
    assert transactions(database) == {}
    results = client.post("/transactions", json={"transactions": rows[:1000]}).json()["results"]
    assert [result["decision"]["id"] for result in results] == list(range(1000))
    assert query(database, "SELECT count(*) FROM decisions") == [(1000,)]


def test_an_empty_batch_is_refused(client: TestClient) -> None:
    assert client.post("/transactions", json={"transactions": []}).status_code == 422
