"""Groups of clients with like habits."""

from typing import Any
from urllib.parse import quote

import pyarrow as pa
import streamlit as st

from dashboard import drawing, queries_clusters, stores, words
from dashboard.drawing import Feature, Point
from dashboard.queries_clusters import FEATURES, Cluster
from fraudstack.errors import StoreError
from fraudstack.storage.connections.store import parse

_MOST_CLIENTS = 1_000
_MONEY = frozenset({"spend", "average", "spread"})
_LABELS = {feature.replace("_", " "): feature for feature in FEATURES}

_NOTHING_YET = (
    "There are no clusters yet: the step cluster of `fraudstack ingest` makes them (`make demo` runs it too)."
)


def draw() -> None:
    """All clusters, a plot of them, and the clients of one."""
    st.title("Clusters")
    found = _clusters()
    if not found:
        st.info(_NOTHING_YET, icon=":material/inbox:")
        return
    _draw_table(found)
    _draw_plot(found)
    _draw_clients(found)


def _clusters() -> list[Cluster]:
    try:
        with stores.clusters() as connection:
            return queries_clusters.clusters(connection)
    except StoreError as error:
        if _not_made_yet(str(error)):
            return []
        raise


def _not_made_yet(said: str) -> bool:
    path = parse(stores.settings().clusters_url).path
    missing = path is not None and not path.exists()
    return missing or any(f"{how}transactions_clusters" in said for how in ("no such table: ", 'relation "'))


def _draw_table(found: list[Cluster]) -> None:
    # Arrow keeps a whole number whole beside one that is missing.
    columns: dict[str, list[Any]] = {
        "cluster": [cluster.cluster for cluster in found],
        "name": [cluster.name for cluster in found],
        "clients": [cluster.clients for cluster in found],
        "transactions": [cluster.transactions for cluster in found],
        "fraud_rate": [cluster.fraud_rate for cluster in found],
    }
    for place, feature in enumerate(FEATURES):
        columns[feature] = [cluster.features[place] for cluster in found]
    st.dataframe(
        pa.table(columns),
        hide_index=True,
        column_config={
            "cluster": st.column_config.NumberColumn("Cluster", pinned=True),
            "name": st.column_config.TextColumn("Name", width="medium"),
            "clients": st.column_config.NumberColumn("Clients", format="%,d"),
            "transactions": st.column_config.NumberColumn("Transactions", format="%,d"),
            "fraud_rate": st.column_config.NumberColumn(
                "Fraud rate", format="percent", help="Frauds among the labelled transactions."
            ),
        }
        | {
            feature: st.column_config.NumberColumn(label.capitalize(), format=_format(feature))
            for label, feature in _LABELS.items()
        },
        placeholder=words.NOTHING,
        alt="Table of the clusters",
    )
    currency = stores.settings().currency
    st.caption(
        f"Features are means per client: spend, average and spread in {currency}, shares of a client's transactions, "
        "active days from the first transaction to the last."
    )


def _draw_plot(found: list[Cluster]) -> None:
    st.subheader("How they differ", anchor=False)
    left, right = st.columns(2)
    label = list(_LABELS)
    across = left.selectbox("Across", label, index=label.index("average"), key="x", bind="query-params")
    upwards = right.selectbox("Upwards", label, index=label.index("online share"), key="y", bind="query-params")
    x, y = (FEATURES.index(_LABELS[chosen]) for chosen in (across, upwards))
    points = [Point(f"{c.cluster} · {c.name}", str(c.cluster), c.features[x], c.features[y], c.clients) for c in found]
    st.altair_chart(
        drawing.scatter(points, _feature(across), _feature(upwards), "clients"),
        alt=f"The clusters by {across} and {upwards}; the bigger a point, the more clients",
    )
    st.caption("A point is a cluster, with its number; the bigger, the more clients.")


def _draw_clients(found: list[Cluster]) -> None:
    st.subheader("Clients of a cluster", anchor=False)
    # By name, which the step cluster gives once: a shared address still fits when the clusters are numbered anew.
    by_name = {cluster.name: cluster for cluster in found}
    cluster = by_name[st.selectbox("Cluster", list(by_name), key="cluster", bind="query-params")]
    with stores.clusters() as connection:
        ids = queries_clusters.clients(connection, cluster.cluster, _MOST_CLIENTS)
    first = (
        f"The first {words.count(len(ids))} of {words.count(cluster.clients)}" if len(ids) < cluster.clients else "All"
    )
    st.caption(f"{first} clients of cluster {cluster.cluster}, by id; the link leads to their transactions.")
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    page = f"/{base}/transactions" if base else "/transactions"
    links = [f"{page}?client_id={quote(client, safe='')}" for client in ids]
    st.dataframe(
        {"client": ids, "transactions": links},
        hide_index=True,
        width="content",
        column_config={
            "client": st.column_config.TextColumn("Client", width="medium"),
            "transactions": st.column_config.LinkColumn("Transactions", display_text="show"),
        },
        alt=f"Clients of the cluster {cluster.name}",
    )


def _feature(label: str) -> Feature:
    feature = _LABELS[label]
    if feature.endswith("_share"):
        return Feature(label, share=True)
    return Feature(f"{label}, {stores.settings().currency}" if feature in _MONEY else label, share=False)


def _format(feature: str) -> str:
    if feature.endswith("_share"):
        return "percent"
    return "%,.2f" if feature in _MONEY else "%,.1f"
