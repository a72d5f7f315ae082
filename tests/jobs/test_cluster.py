"""Clients are grouped by habit: numbered by size, named apart, described in units a person knows."""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.sql import SparkSession

from data.generate import generate
from fraudstack.settings import Settings
from jobs import clean, cluster, label, profiles
from jobs.clusters.habits import FEATURES
from tests.jobs.databases import execute, new_postgres, query, quiet, settings
from tests.jobs.raw_files import row, write

COLUMNS = ("cluster", "count", "name", "transactions", "fraud_rate", *FEATURES)


@dataclass(frozen=True)
class Grouped:
    settings: Settings
    clusters: list[dict[str, float]]
    client_of: dict[str, int]
    raw: pl.DataFrame


def found(chosen: Settings) -> tuple[list[dict[str, float]], dict[str, int]]:
    rows = query(chosen.clusters_url, f"SELECT {', '.join(COLUMNS)} FROM transactions_clusters ORDER BY cluster")
    members = query(chosen.clusters_url, "SELECT client_id, cluster FROM client_clusters ORDER BY client_id")
    return [dict(zip(COLUMNS, values, strict=True)) for values in rows], dict(members)  # type: ignore[arg-type]


def group(spark: SparkSession, chosen: Settings, lines: list[str]) -> tuple[list[dict[str, float]], dict[str, int]]:
    write(Path(chosen.csv_path), lines)
    clean.run(spark, chosen, "run", quiet())
    cluster.run(spark, chosen, "run", quiet())
    return found(chosen)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grouped(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Grouped:
    folder = tmp_path_factory.mktemp("cluster")
    generate(8_000, 9, folder)
    url = new_postgres(request.getfixturevalue("postgres_server")) if request.param == "postgresql" else None
    chosen = settings(folder, url, clusters_k=4)
    for job in (clean, cluster, label):
        job.run(spark, chosen, "run", quiet())
    raw = pl.read_csv(chosen.csv_path, infer_schema=False).select(
        "id",
        "client_id",
        pl.col("merchant_id"),
        pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        pl.col("amount").str.strip_prefix("$").cast(pl.Float64),
        (pl.col("use_chip") == "Online Transaction").alias("online"),
        (pl.col("merchant_state").fill_null("").str.len_chars() > 2).alias("abroad"),
    )
    return Grouped(chosen, *found(chosen), raw)


def test_every_client_is_in_one_cluster(grouped: Grouped) -> None:
    assert grouped.client_of.keys() == set(grouped.raw["client_id"])
    counted = pl.Series(list(grouped.client_of.values())).value_counts().rows()
    assert dict(counted) == {of["cluster"]: of["count"] for of in grouped.clusters}


def test_clusters_are_numbered_by_descending_count(grouped: Grouped) -> None:
    assert [of["cluster"] for of in grouped.clusters] == [0, 1, 2, 3]
    counts = [of["count"] for of in grouped.clusters]
    assert counts == sorted(counts, reverse=True)


def test_names_are_readable_and_distinct(grouped: Grouped) -> None:
    names = [str(of["name"]) for of in grouped.clusters]
    assert len(set(names)) == len(names)
    assert all(name[0].isalpha() and len(name) < 80 for name in names)


def test_features_are_means_of_the_clients_in_their_own_units(grouped: Grouped) -> None:
    bought = pl.col("amount").filter(pl.col("amount") > 0)
    day = pl.col("date").dt.date()
    clients = grouped.raw.group_by("client_id").agg(
        bought.sum().alias("spend"),
        bought.mean().fill_null(0).alias("average"),
        bought.std(ddof=0).fill_null(0).alias("spread"),
        pl.len().alias("transaction_count"),
        pl.col("online").mean().alias("online_share"),
        pl.col("merchant_id").n_unique().alias("merchants"),
        (pl.col("date").dt.hour() < 6).mean().alias("night_share"),
        pl.col("abroad").mean().alias("foreign_share"),
        (pl.col("amount") < 0).mean().alias("refund_share"),
        (day.max() - day.min()).dt.total_days().alias("active_days"),
    )
    of_client = pl.DataFrame({"client_id": list(grouped.client_of), "cluster": list(grouped.client_of.values())})
    expected = (
        clients.join(of_client, "client_id")
        .group_by("cluster")
        .agg(pl.col("transaction_count").sum().alias("transactions"), pl.col(*FEATURES).mean())
        .sort("cluster")
    )
    for name in ("transactions", *FEATURES):
        assert [of[name] for of in grouped.clusters] == pytest.approx(expected[name].to_list(), rel=1e-9, abs=1e-9), (
            name
        )


def test_the_fraud_rate_is_that_of_the_labelled_transactions(grouped: Grouped) -> None:
    answers = json.loads(Path(grouped.settings.labels_path).read_text())["target"]
    client = dict(grouped.raw.select("id", "client_id").iter_rows())
    labelled: dict[int, list[bool]] = {int(of["cluster"]): [] for of in grouped.clusters}
    for id, answer in answers.items():
        labelled[grouped.client_of[client[id]]].append(answer == "Yes")
    rates = {number: sum(frauds) / len(frauds) for number, frauds in labelled.items()}
    assert {int(of["cluster"]): of["fraud_rate"] for of in grouped.clusters} == pytest.approx(rates)


def test_the_same_store_gives_the_same_clusters_again(spark: SparkSession, grouped: Grouped) -> None:
    cluster.run(spark, grouped.settings, "again", quiet())
    label.run(spark, grouped.settings, "again", quiet())
    assert found(grouped.settings) == (grouped.clusters, grouped.client_of)


def test_the_sums_of_clients_say_what_their_transactions_say(
    spark: SparkSession, database: str, tmp_path: Path
) -> None:
    generate(2_000, 4, tmp_path)
    chosen = settings(tmp_path, database, clusters_k=3)
    for job in (clean, cluster, label):
        job.run(spark, chosen, "of transactions", quiet())
    clusters, client_of = found(chosen)
    for job in (profiles, cluster):
        job.run(spark, chosen, "of sums", quiet())
    assert found(chosen)[1] == client_of
    for before, now in zip(clusters, found(chosen)[0], strict=True):
        assert now == pytest.approx(before)


def shopper(client: int, first_id: int) -> list[str]:
    """Small purchases by day at home."""
    return [
        row(first_id + i, client_id=f"day{client}", amount=f"8.{i}{client % 10}", merchant_id=str(i)) for i in range(6)
    ]


def traveller(client: int, first_id: int) -> list[str]:
    """Large purchases by night abroad."""
    place = {"merchant_state": "Italy", "zip": "", "date": "2010-02-01 03:00:00"}
    return [row(first_id + i, client_id=f"night{client}", amount=f"90{i}.{client:02}", **place) for i in range(2)]


def surfer(client: int, first_id: int) -> list[str]:
    """Online alone, over a year, with refunds."""
    return [
        row(
            first_id + i,
            client_id=f"online{client}",
            amount=f"{'-' if i % 2 else ''}60.{client:02}",
            use_chip="Online Transaction",
            date=f"2010-{i + 1:02}-01 12:00:00",
        )
        for i in range(12)
    ]


def test_the_number_of_clusters_is_that_which_separates_best(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        line
        for place, (kind, clients) in enumerate([(shopper, 12), (traveller, 9), (surfer, 6)])
        for client in range(clients)
        for line in kind(client, 1 + place * 100_000 + client * 100)
    ]
    clusters, client_of = group(spark, settings(tmp_path, clusters_min=2, clusters_max=5), lines)
    assert [of["count"] for of in clusters] == [12, 9, 6]
    assert {client.rstrip("0123456789"): number for client, number in client_of.items()} == {
        "day": 0,
        "night": 1,
        "online": 2,
    }
    assert "abroad" in str(clusters[1]["name"]) or "by night" in str(clusters[1]["name"])
    assert (clusters[1]["foreign_share"], clusters[1]["night_share"]) == (1, 1)
    assert all(of["fraud_rate"] is None for of in clusters)


def test_the_number_of_clusters_stays_until_the_store_has_grown_by_a_tenth(
    spark: SparkSession, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[int] = []

    def kmeans(**asked: Any) -> KMeans:
        fitted.append(asked["k"])
        return KMeans(**asked)

    monkeypatch.setattr(cluster, "KMeans", kmeans)
    chosen = settings(tmp_path, database, clusters_min=2, clusters_max=4)
    lines = [
        line
        for place, (kind, clients) in enumerate([(shopper, 12), (traveller, 9), (surfer, 6)])
        for client in range(clients)
        for line in kind(client, 1 + place * 100_000 + client * 100)
    ]

    def tried(new: list[str], chosen: Settings) -> list[int]:
        fitted.clear()
        write(Path(chosen.csv_path), new)
        for job in (clean, profiles, cluster):
            job.run(spark, chosen, f"{len(new)} more", quiet())
        return sorted(fitted)

    assert tried(lines, chosen) == [2, 3, 4]
    assert tried([row(900_001, client_id="day1", merchant_id="9")], chosen) == [3]
    assert tried([row(900_002, client_id="day1", merchant_id="9")], chosen.model_copy(update={"clusters_max": 3})) == [
        2,
        3,
    ]
    assert tried([line for client in range(50, 54) for line in shopper(client, client * 10_000)], chosen) == [2, 3, 4]


FEW = {
    "no client": [],
    "one client": shopper(1, 1),
    "two clients": [*shopper(1, 1), *traveller(2, 50)],
    "no spread": [line for client in range(9) for line in (row(client, client_id=f"c{client}"),)],
    "no spread but in one": [*(row(client, client_id=f"c{client}") for client in range(9)), *traveller(1, 50)],
    # Of six clients, who differ little, one bought once for a fortune.
    "one far out": [
        *(
            row(100 * c + i, client_id=f"c{c}", amount=f"{20 + 7 * i + 3 * c}.{i}{c}", merchant_id=str(i), zip=str(c))
            for c in range(6)
            for i in range(4)
        ),
        row(990, client_id="c4", amount="99999999.99"),
    ],
    "declined alone": [row(client, client_id=f"c{client}", errors="Bad PIN") for client in range(3)],
    "refunds alone": [row(client, client_id=f"c{client}", amount=f"-{client + 1}.00") for client in range(5)],
    "nothing known but the client": [
        row(i, client_id=f"c{i % 4}", use_chip="", merchant_id="", merchant_state="", amount="0") for i in range(8)
    ],
}


@pytest.mark.parametrize(
    ("clients", "fixed"),
    [*((clients, None) for clients in FEW), ("two clients", 1), ("no spread", 5), ("one far out", 50)],
)
def test_few_or_equal_clients_end_well(spark: SparkSession, tmp_path: Path, clients: str, fixed: int | None) -> None:
    chosen = settings(tmp_path, clusters_k=fixed, clusters_min=3, clusters_max=4)
    write(Path(chosen.csv_path), FEW[clients])
    clean.run(spark, chosen, "run", quiet())
    summary = cluster.run(spark, chosen, "run", quiet())
    clusters, client_of = found(chosen)
    ids = {line.split(",")[2] for line in FEW[clients]}
    assert client_of.keys() == ids
    assert sum(of["count"] for of in clusters) == len(ids)
    assert len(clusters) <= min(fixed or 4, len(ids))
    assert bool(summary.said) == (len(clusters) < (fixed or 0))
    assert set(client_of.values()) == {of["cluster"] for of in clusters}
    assert all(math.isfinite(of[name]) for of in clusters for name in FEATURES)
    assert all(one["count"] >= other["count"] for one, other in pairwise(clusters))


def test_clients_that_are_gone_leave_the_clusters(spark: SparkSession, database: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, database, clusters_k=2)
    group(spark, chosen, [*shopper(1, 1), *traveller(2, 50), *surfer(3, 90)])
    execute(database, "DELETE FROM transactions WHERE client_id <> 'day1'")
    cluster.run(spark, chosen, "again", quiet())
    clusters, client_of = found(chosen)
    assert client_of == {"day1": 0}
    assert [(of["count"], of["transactions"]) for of in clusters] == [(1, 6)]
