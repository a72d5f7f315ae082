"""How good what was decided in batch was, by day and model, against what the labels say: counted where that changes.

Whoever changes a decision, a label or a transaction takes out what was counted of it before, and counts it after, in
the same transaction.
"""

FIGURES = (
    "transactions",
    "suspicious",
    "labelled",
    "frauds",
    "suspicious_labelled",
    "suspicious_frauds",
    "fraud_cents",
    "caught_cents",
)

_FRAUD = "CASE WHEN t.is_fraud = 1 THEN"
_CENTS = "CASE WHEN t.is_fraud = 1 AND t.amount > 0 THEN CAST(round(t.amount * 100) AS BIGINT)"
_OF_ONE = (
    "1",
    "d.suspicious",
    "CASE WHEN t.is_fraud IS NULL THEN 0 ELSE 1 END",
    f"{_FRAUD} 1 ELSE 0 END",
    "CASE WHEN t.is_fraud IS NULL THEN 0 ELSE d.suspicious END",
    f"{_FRAUD} d.suspicious ELSE 0 END",
    f"{_CENTS} ELSE 0 END",
    f"{_CENTS} * d.suspicious ELSE 0 END",
)


def counting(ids: str, sign: int) -> str:
    """A statement that counts (1) or takes out (-1) what is decided in batch of transactions; `ids` selects them."""
    sums = (f"{sign} * CAST(sum({one}) AS BIGINT)" for one in _OF_ONE)
    return f"""INSERT INTO batch_days (day, model_version, {", ".join(FIGURES)})
        SELECT substr(CAST(t.date AS TEXT), 1, 10), coalesce(d.model_version, ''), {", ".join(sums)}
        FROM decisions d JOIN transactions t ON t.id = d.id
        WHERE d.source = 'batch' AND d.id IN ({ids}) GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (day, model_version) DO UPDATE SET
        {", ".join(f"{name} = batch_days.{name} + excluded.{name}" for name in FIGURES)}"""


# Of one transaction.
TAKE_OUT, COUNT = (counting("?", sign) for sign in (-1, 1))
