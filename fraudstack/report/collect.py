"""Takes the report's figures from the stores."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict

from sqlalchemy import Engine

from fraudstack.errors import StoreError
from fraudstack.report import tally
from fraudstack.report.model import (
    AmountBin,
    Amounts,
    Breakdown,
    Category,
    Channel,
    Cluster,
    Flagged,
    Hour,
    Labels,
    Month,
    Quarantine,
    Reason,
    Report,
    Run,
    Transactions,
    Year,
)
from fraudstack.report.tally import Labelled, Tally, Volume
from fraudstack.schema import IngestRun
from fraudstack.storage import figures
from fraudstack.storage.connections.store import Store
from fraudstack.storage.figures import Extent

_STEPS_SHOWN = 12


def collect(store: Store, clusters_store: Store | None, *, breakdown: bool = True) -> Report:
    """Count what is in the stores; without `breakdown` in two thirds of the time.

    A store without transactions, labels or clusters gives a report that says so. Raises StoreError when
    `store` isn't there, can't be read or isn't a store of transactions.
    """
    with figures.reading(store, "transactions") as engine:
        extent = figures.extent(engine)
        runs = figures.last_runs(engine, _STEPS_SHOWN)
        clusters, no_clusters = _clusters(clusters_store)
        counted = tally.count(figures.transactions(store, engine, detailed=breakdown), detailed=breakdown)
        return Report(
            taken_at=datetime.now(UTC).replace(microsecond=0),
            store=store.shown,
            transactions=_transactions(counted, extent),
            labels=_labels(counted.volumes),
            flagged=Flagged(
                decided=sum(row.decided for row in counted.volumes),
                flagged=sum(row.flagged for row in counted.volumes),
            ),
            clusters=clusters,
            no_clusters=no_clusters,
            quarantine=_quarantine(engine, runs),
            runs=[Run(**run.model_dump() | {"started_at": run.started_at.replace(tzinfo=UTC)}) for run in runs],
            breakdown=_breakdown(engine, extent, counted) if breakdown else None,
        )


class _Rates(TypedDict):
    labelled: int
    fraud: int
    fraud_rate: float | None


def _rates(rows: Iterable[Volume | Labelled]) -> _Rates:
    labelled = fraud = 0
    for row in rows:
        labelled, fraud = labelled + row.labelled, fraud + row.fraud
    return _Rates(labelled=labelled, fraud=fraud, fraud_rate=fraud / labelled if labelled else None)


def _grouped[Row, Key](rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _transactions(counted: Tally, extent: Extent) -> Transactions:
    volumes = counted.volumes
    channels = [_channel(name, rows) for name, rows in _grouped(volumes, lambda row: row.channel).items()]
    return Transactions(
        count=sum(row.transactions for row in volumes),
        first=extent.first and extent.first.replace(tzinfo=UTC),
        last=extent.last and extent.last.replace(tzinfo=UTC),
        clients=extent.clients,
        cards=counted.cards,
        merchants=counted.merchants,
        refunds=sum(row.refunds for row in volumes),
        declined=sum(row.declined for row in volumes),
        amounts=_amounts(volumes),
        channels=sorted(channels, key=lambda c: (c.channel is None, -c.transactions, c.channel)),
    )


def _channel(channel: str | None, volumes: Sequence[Volume]) -> Channel:
    return Channel(
        channel=channel,
        transactions=sum(row.transactions for row in volumes),
        refunds=sum(row.refunds for row in volumes),
        declined=sum(row.declined for row in volumes),
        amounts=_amounts(volumes),
        **_rates(volumes),
    )


def _amounts(volumes: Sequence[Volume]) -> dict[str, Amounts]:
    def units(cents: Iterable[int]) -> Decimal:
        return Decimal(sum(cents)).scaleb(-2)

    return {
        currency: Amounts(
            total=units(row.cents for row in rows),
            refunds=units(row.refund_cents for row in rows),
            declined=units(row.declined_cents for row in rows),
            fraud=units(row.fraud_cents for row in rows),
        )
        for currency, rows in sorted(_grouped(volumes, lambda row: row.currency).items())
    }


def _labels(volumes: Sequence[Volume]) -> Labels:
    rates = _rates(volumes)
    return Labels(
        **rates,
        legitimate=rates["labelled"] - rates["fraud"],
        unlabelled=sum(row.transactions for row in volumes) - rates["labelled"],
    )


def _clusters(store: Store | None) -> tuple[list[Cluster], str | None]:
    """The clusters, or none and why; the rest of the report doesn't hang on them."""
    if store is None:
        return [], "no store of clusters was named"
    try:
        with figures.reading(store, "clusters") as engine:
            found = figures.clusters(engine)
    except StoreError as error:
        return [], str(error)
    if not found:
        return [], f"{store.shown} holds no clusters yet: the step cluster makes them"
    return [Cluster(**row._asdict()) for row in found], None


def _quarantine(engine: Engine, runs: Sequence[IngestRun]) -> Quarantine | None:
    if not runs:
        return None
    run_id = runs[0].run_id
    reasons = [Reason(**row._asdict()) for row in figures.refused(engine, run_id)]
    counted = sum(run.quarantined or 0 for run in runs if run.run_id == run_id)
    # A step that was killed left rows and no count.
    return Quarantine(run_id=run_id, quarantined=max(counted, sum(r.rows for r in reasons)), reasons=reasons)


def _breakdown(engine: Engine, extent: Extent, counted: Tally) -> Breakdown:
    names = figures.category_names(engine)
    by_mcc = _grouped(counted.labelled, lambda row: row.mcc)
    categories = [
        Category(mcc=mcc, name=None if mcc is None else names.get(mcc), **_rates(rows)) for mcc, rows in by_mcc.items()
    ]
    by_hour = _grouped(counted.labelled, lambda row: row.hour)
    by_year = _grouped(counted.labelled, lambda row: row.year)
    months = figures.per_month(engine, extent.first, extent.last) if extent.first and extent.last else []
    return Breakdown(
        months=[Month(month=month, transactions=count) for month, count in months],
        amounts=_bins(counted.amounts),
        categories=sorted(categories, key=lambda c: (-(c.fraud_rate or 0), -c.labelled, c.mcc or 0)),
        hours=[Hour(hour=hour, **_rates(by_hour[hour])) for hour in sorted(by_hour)],
        years=[Year(year=year, **_rates(by_year[year])) for year in sorted(by_year)],
    )


def _bins(bins: Sequence[tally.AmountBin]) -> list[AmountBin]:
    """Every bin between the lowest and the highest that has a transaction."""
    if not bins:
        return []
    counted = {(row.is_refund, row.number): row.transactions for row in bins}
    numbers = [row.number for row in bins]
    lows, highs = (0, *tally.AMOUNT_EDGES), (*tally.AMOUNT_EDGES, None)
    return [
        AmountBin(
            low=lows[number],
            high=highs[number],
            purchases=counted.get((False, number), 0),
            refunds=counted.get((True, number), 0),
        )
        for number in range(min(numbers), max(numbers) + 1)
    ]
