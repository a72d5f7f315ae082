"""Sums by day, counted by SQL of their own: what those that the store keeps must equal."""

from tests.jobs.databases import Rows, query

_KINDS = {
    "all": "''",
    "channel": "use_chip",
    "mcc": "CAST(mcc AS TEXT)",
    "state": "merchant_state",
    "hour": "substr(CAST(date AS TEXT), 12, 2)",
}
_COUNT = """SELECT substr(CAST(date AS TEXT), 1, 10) AS day, {value} AS value, count(*),
    CAST(sum(round(amount * 100)) AS BIGINT), count(flagged_fraud), coalesce(sum(flagged_fraud), 0), count(is_fraud),
    coalesce(sum(is_fraud), 0), coalesce(sum(CASE WHEN flagged_fraud IS NOT NULL THEN is_fraud END), 0),
    coalesce(sum(CASE WHEN is_fraud IS NOT NULL THEN flagged_fraud END), 0), coalesce(sum(flagged_fraud * is_fraud), 0)
    FROM transactions WHERE {value} IS NOT NULL AND {value} {told} GROUP BY 1, 2"""
_KEPT = """SELECT kind, day, value, CAST(sum(transactions) AS BIGINT), CAST(sum(cents) AS BIGINT),
    CAST(sum(scored) AS BIGINT), CAST(sum(flagged) AS BIGINT), CAST(sum(labelled) AS BIGINT),
    CAST(sum(frauds) AS BIGINT), CAST(sum(scored_frauds) AS BIGINT), CAST(sum(flagged_labelled) AS BIGINT),
    CAST(sum(flagged_frauds) AS BIGINT) FROM daily_sums WHERE kind <> 'reason' GROUP BY kind, day, value"""


def counted(url: str) -> Rows:
    """Sums by kind, day and value, of the transactions themselves."""
    return sorted(
        (kind, *row)
        for kind, value in _KINDS.items()
        for row in query(url, _COUNT.format(value=value, told="= ''" if kind == "all" else "<> ''"))
    )


def kept(url: str) -> Rows:
    """The same as the store keeps them."""
    return sorted(query(url, _KEPT))


def reasons(url: str) -> dict[object, object]:
    """How often each reason was given, as the store keeps it."""
    found = query(url, "SELECT value, sum(transactions) FROM daily_sums WHERE kind = 'reason' GROUP BY value")
    return {row[0]: row[1] for row in found}
