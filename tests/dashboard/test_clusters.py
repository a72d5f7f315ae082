"""The clusters, how they differ, and who is in them."""

import pyarrow as pa
from streamlit.testing.v1 import AppTest

from fraudstack.schema import ClustersStore
from fraudstack.settings import Settings
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import execute
from tests.report.stores import fill_clusters


def opened(**url: str) -> AppTest:
    def page() -> None:
        from dashboard import door
        from dashboard.screens import clusters

        door.guarded(clusters.draw)

    app = AppTest.from_function(page, default_timeout=30)
    app.query_params.update(url)
    return app.run()


def store() -> Store:
    return parse(Settings().clusters_url)


def points(app: AppTest) -> list[tuple[float, float, int]]:
    proto = app.get("vega_lite_chart")[0].proto
    rows = pa.ipc.open_stream(proto.datasets[0].data.data).read_all().to_pylist()
    return [(row["x"], row["y"], row["size"]) for row in rows]


def test_every_cluster_is_in_the_table(named: str) -> None:
    fill_clusters(store(), ["frugal", "by night"])
    app = opened()
    assert not app.error
    table = app.dataframe[0].value
    assert list(table["name"]) == ["frugal", "by night"]
    assert list(table["clients"]) == [100, 99]
    assert table["fraud_rate"][0] == 0.001
    assert set(table.columns) - {"clients"} == set(
        ClustersStore.metadata.tables["transactions_clusters"].columns.keys()
    ) - {"count"}


def test_the_reader_chooses_the_features(named: str) -> None:
    fill_clusters(store(), ["frugal", "by night"])
    table = (app := opened()).dataframe[0].value
    assert points(app) == list(zip(table["average"], table["online_share"], table["clients"], strict=True))
    app.selectbox(key="x").select("active days").run()
    assert points(app) == list(zip(table["active_days"], table["online_share"], table["clients"], strict=True))
    shared = opened(x="active days", y="spend")
    assert points(shared) == list(zip(table["active_days"], table["spend"], table["clients"], strict=True))
    assert not opened(x="no such feature").error


def test_clients_of_one_cluster(named: str) -> None:
    fill_clusters(store(), ["frugal", "by night"])
    execute(store().url, *(f"INSERT INTO client_clusters VALUES ('{id}', {number})" for id, number in _members()))
    app = opened(cluster="by night")
    clients = app.dataframe[1].value
    assert list(clients["client"]) == ["4", "5 & 6"]
    assert list(clients["transactions"]) == ["/transactions?client_id=4", "/transactions?client_id=5%20%26%206"]
    assert "first 2 of 99" in " ".join(caption.value for caption in app.caption)


def _members() -> list[tuple[str, int]]:
    return [("3", 0), ("5 & 6", 1), ("4", 1)]


def test_at_most_a_thousand_clients_are_shown(named: str) -> None:
    fill_clusters(store(), ["frugal"])
    values = ", ".join(f"('{number:05}', 0)" for number in range(1_200))
    execute(
        store().url, f"INSERT INTO client_clusters VALUES {values}", "UPDATE transactions_clusters SET count = 1200"
    )
    app = opened()
    clients = list(app.dataframe[1].value["client"])
    assert (len(clients), clients[-1]) == (1_000, "00999")
    assert "first 1,000 of 1,200" in " ".join(caption.value for caption in app.caption)


def test_without_clusters_it_says_how_they_are_made(named: str) -> None:
    assert "the step cluster" in opened().info[0].value
    upgrade(parse(Settings().store_url), "transactions")
    assert "the step cluster" in opened().info[0].value
    upgrade(store(), "clusters")
    app = opened()
    assert "the step cluster" in app.info[0].value
    assert not app.error
