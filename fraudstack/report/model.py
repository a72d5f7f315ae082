"""The report as data; its JSON (`model_dump_json`) has exactly these keys.

Amounts are decimal numbers in units of their currency, exact to the cent, and strings in JSON. Times are UTC.
A fraud rate is of labelled transactions alone, 0 to 1, and null where nothing is labelled.
"""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class Rated(_Figures):
    """Labelled transactions and the fraud among them."""

    labelled: int
    fraud: int
    fraud_rate: float | None


class Amounts(_Figures):
    """Sums in one currency."""

    # Purchases less refunds, declined ones included.
    total: Decimal
    # Negative.
    refunds: Decimal
    declined: Decimal
    # Of what is labelled or reviewed as fraud.
    fraud: Decimal


class Channel(Rated):
    """The transactions of one value of use_chip; null where none was given."""

    channel: str | None
    transactions: int
    refunds: int
    declined: int
    # By currency, ISO 4217.
    amounts: dict[str, Amounts]


class Transactions(_Figures):
    """What the store holds."""

    count: int
    first: datetime | None
    last: datetime | None
    clients: int
    cards: int
    merchants: int
    # Amounts below zero.
    refunds: int
    # `errors` is set.
    declined: int
    amounts: dict[str, Amounts]
    channels: list[Channel]


class Labels(Rated):
    """What is known of the truth; not labelled means not known, never legitimate."""

    legitimate: int
    unlabelled: int


class Flagged(_Figures):
    """What the scorer said online so far."""

    decided: int
    flagged: int


class Cluster(_Figures):
    """A group of clients; the features are means per client, each in its own unit."""

    cluster: int
    name: str
    clients: int
    transactions: int
    fraud_rate: float | None
    features: dict[str, float]


class Reason(_Figures):
    """Rows that a step kept in quarantine for one reason."""

    step: str
    reason: str
    rows: int


class Quarantine(_Figures):
    """What the last run refused; a run that failed keeps only its first refused rows."""

    run_id: str
    # As the run counted them.
    quarantined: int
    # Of these, the rows that are kept, by reason.
    reasons: list[Reason]


class Run(_Figures):
    """One step of an ingest run; seconds is null while it runs, or if it was killed."""

    run_id: str
    step: str
    started_at: datetime
    seconds: float | None
    rows_in: int | None
    loaded: int | None
    quarantined: int | None
    # Rows that say the same again.
    repeated: int | None
    # Labels whose transaction isn't in the store.
    unmatched: int | None
    error: str | None


class Month(_Figures):
    """The transactions of a month, YYYY-MM."""

    month: str
    transactions: int


class AmountBin(_Figures):
    """Transactions with an amount, without its sign, from `low` to below `high` units; high null: no end."""

    low: int
    high: int | None
    purchases: int
    refunds: int


class Category(Rated):
    """A merchant category code; both null where none was given, the name where it isn't known."""

    mcc: int | None
    name: str | None


class Hour(Rated):
    """An hour of the day, 0 to 23."""

    hour: int


class Year(Rated):
    """A calendar year."""

    year: int


class Breakdown(_Figures):
    """What only the page draws; it takes further passes over the store."""

    months: list[Month]
    amounts: list[AmountBin]
    # Categories, hours and years with a labelled transaction; categories by descending fraud rate.
    categories: list[Category]
    hours: list[Hour]
    years: list[Year]


class Report(_Figures):
    """Everything the report tells."""

    taken_at: datetime
    # File or URL, without a password.
    store: str
    transactions: Transactions
    labels: Labels
    flagged: Flagged
    clusters: list[Cluster]
    # Why there are no clusters; null where there are.
    no_clusters: str | None
    # Null before the first run.
    quarantine: Quarantine | None
    # Steps, newest first.
    runs: list[Run]
    # Null where it wasn't asked for.
    breakdown: Breakdown | None
