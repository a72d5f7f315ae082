"""The tables, each defined once: migrations are checked against them, Arrow and Spark types derive from them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
    types,
)
from sqlmodel import Field, SQLModel

DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
# Ids from here on are the scorer's to give.
FIRST_ASSIGNED = 10**15


class UtcSeconds(TypeDecorator[datetime]):
    """A time in UTC, to the second: `YYYY-MM-DD HH:MM:SS` as text in SQLite, a timestamp in PostgreSQL.

    SQLite's own date type would write fractions or a `T`, and mixed forms sort wrongly.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """The column's type in each database."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        """A time on its way into the database."""
        if value is None:
            return None
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return value.strftime(DATE_FORMAT) if dialect.name == "sqlite" else value.replace(microsecond=0)

    def process_result_value(self, value: str | datetime | None, dialect: Dialect) -> datetime | None:
        """A time on its way out of the database."""
        return datetime.strptime(value, DATE_FORMAT) if isinstance(value, str) else value


# SQLite makes a primary key the row's own address only when its type is called INTEGER.
_ID = BigInteger().with_variant(Integer(), "sqlite")
_AMOUNT = Numeric(12, 2).with_variant(REAL(), "sqlite")

_transactions_metadata = MetaData()
_clusters_metadata = MetaData()


class TransactionsStore(SQLModel):
    """Base of every table beside the transactions: transactions.db, or the PostgreSQL database."""

    metadata = _transactions_metadata


class ClustersStore(SQLModel):
    """Base of the tables of transactions_clusters.db, or the same PostgreSQL database."""

    metadata = _clusters_metadata


class Transaction(TransactionsStore, table=True):
    """One card transaction: the 16 columns of the contract, in its order."""

    __tablename__ = "transactions"

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))
    date: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    client_id: str = Field(sa_type=Text)
    card_id: str | None = Field(default=None, sa_type=Text)
    # In units of the currency, exact to the cent; refunds are negative.
    amount: Decimal = Field(sa_column=Column(_AMOUNT, nullable=False))
    # ISO 4217.
    currency: str = Field(sa_type=Text)
    # The channel: Swipe, Chip or Online Transaction.
    use_chip: str | None = Field(default=None, sa_type=Text)
    merchant_id: str | None = Field(default=None, sa_type=Text)
    merchant_city: str | None = Field(default=None, sa_type=Text)
    # A US state's code, or a country's name.
    merchant_state: str | None = Field(default=None, sa_type=Text)
    zip: str | None = Field(default=None, sa_type=Text)
    # Merchant category code, ISO 18245.
    mcc: int | None = Field(default=None, sa_type=Integer)
    description: str | None = Field(default=None, sa_type=Text)
    # What went wrong at the terminal, joined by commas; set means declined.
    errors: str | None = Field(default=None, sa_type=Text)
    # What the scorer said online; NULL: nothing yet.
    flagged_fraud: int | None = Field(default=None, sa_type=Integer)
    # The truth that arrives later, from labels and reviews; NULL: not known.
    is_fraud: int | None = Field(default=None, sa_type=Integer)


# Named apart from the class so that `Transaction.__table__` keeps its type for the checker.
TRANSACTIONS: Table = TransactionsStore.metadata.tables["transactions"]
Index("transactions_by_date", TRANSACTIONS.c.date)
Index("transactions_by_client", TRANSACTIONS.c.client_id, TRANSACTIONS.c.date)
_FRAUD = TRANSACTIONS.c.is_fraud == 1
Index("transactions_fraud", TRANSACTIONS.c.date, sqlite_where=_FRAUD, postgresql_where=_FRAUD)
for _name in ("card", "merchant"):
    Index(
        f"transactions_fraud_by_{_name}",
        TRANSACTIONS.c[f"{_name}_id"],
        TRANSACTIONS.c.date,
        sqlite_where=_FRAUD,
        postgresql_where=_FRAUD,
    )

# What a file of transactions says of one, as against what is known of it later.
CONTENT = tuple(c.name for c in TRANSACTIONS.columns if c.name not in {"flagged_fraud", "is_fraud"})
# What a raw file holds: the currency comes from the settings, a description only through the API.
RAW = tuple(name for name in CONTENT if name not in {"currency", "description"})
# Without these there is no transaction; the others stay empty where a file has no such column.
NEEDED = ("id", "date", "client_id", "amount")


class Decision(TransactionsStore, table=True):
    """What was said of a transaction, and why; one a transaction, the latest."""

    __tablename__ = "decisions"

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))
    decided_at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    # 0 to 1.
    score: float
    # The probability of fraud, or without a model's the score, times the amount, in units of the currency.
    expected_loss: float = Field(default=0.0, sa_column=Column(Float, nullable=False, server_default="0"))
    suspicious: int
    # Of a suspicious one, whether a day's budget of alerts has no time for it.
    below_budget: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    # whitelisted, normal, challenge, suspicious or blocked.
    decision: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    # JSON: code, weight and figures of each reason.
    reasons: str = Field(sa_type=Text)
    # What alone would have made a suspicious one normal, behind "if".
    normal_if: str | None = Field(default=None, sa_type=Text)
    llm_status: str | None = Field(default=None, sa_type=Text)
    rules_version: str | None = Field(default=None, sa_type=Text)
    model_version: str | None = Field(default=None, sa_type=Text)
    # Why the champion wasn't heard.
    model_problem: str | None = Field(default=None, sa_type=Text)
    # What the model said, 0 to 1; of what isn't normal and of a sample, what it looked at: JSON by the features' names.
    probability: float | None = None
    figures: str | None = Field(default=None, sa_type=Text)
    body_hash: str | None = Field(default=None, sa_type=Text)
    # online or batch.
    source: str = Field(sa_type=Text)
    # Of a challenger that was asked beside, without effect: its version, its probability, the champion's, and from
    # which on either alone would have raised an alert.
    challenger_version: str | None = Field(default=None, sa_type=Text)
    challenger_probability: float | None = None
    alert_at: float | None = None


DECISIONS: Table = TransactionsStore.metadata.tables["decisions"]
_SUSPICIOUS = DECISIONS.c.suspicious == 1
_WAITING = _SUSPICIOUS & (DECISIONS.c.source == "online")
# The queue of those who review: what may cost most first; by the score it was for releases before.
for _name, _where, _first in (
    ("decisions_suspicious", _SUSPICIOUS, "score"),
    ("decisions_queue", _WAITING, "score"),
    ("decisions_by_loss", _WAITING, "expected_loss"),
):
    Index(
        _name,
        DECISIONS.c[_first],
        DECISIONS.c.decided_at,
        DECISIONS.c.id,
        sqlite_where=_where,
        postgresql_where=_where,
    )


_CHALLENGED = DECISIONS.c.challenger_version.is_not(None)
Index(
    "decisions_by_challenger",
    DECISIONS.c.challenger_version,
    DECISIONS.c.decided_at,
    sqlite_where=_CHALLENGED,
    postgresql_where=_CHALLENGED,
)


class LastAssigned(TransactionsStore, table=True):
    """The last id that the scorer gave, so that one that was forgotten isn't given again; a server has a sequence."""

    __tablename__ = "last_assigned"

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))


class Review(TransactionsStore, table=True):
    """An analyst's verdict; rows are only added, the latest decisive one counts."""

    __tablename__ = "reviews"

    review_id: int | None = Field(default=None, sa_column=Column(_ID, primary_key=True))
    id: int = Field(sa_column=Column(_ID, nullable=False, index=True))
    # fraud, legitimate or unsure; unsure decides nothing.
    verdict: str = Field(sa_type=Text)
    note: str | None = Field(default=None, sa_type=Text)
    reviewer: str = Field(sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class Quarantined(TransactionsStore, table=True):
    """A row of a file that a run refused, as it stood there."""

    __tablename__ = "quarantine"

    # Rows are only ever read by run; the number serves the mapper.
    quarantine_id: int | None = Field(default=None, sa_column=Column(_ID, primary_key=True))
    run_id: str = Field(sa_type=Text, index=True)
    step: str = Field(sa_type=Text)
    file: str = Field(sa_type=Text)
    # Physical, from 1; NULL where the file isn't made of lines.
    line: int | None = Field(default=None, sa_type=BigInteger)
    text: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    # Of step, file, line and text: a line that is refused again stands under its latest run alone.
    digest: int | None = Field(default=None, sa_type=BigInteger, index=True)


class IngestRun(TransactionsStore, table=True):
    """One step of one ingest run; seconds is NULL while it runs, or if it was killed."""

    __tablename__ = "ingest_runs"

    run_id: str = Field(sa_column=Column(Text, primary_key=True))
    step: str = Field(sa_column=Column(Text, primary_key=True))
    started_at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    seconds: float | None = None
    rows_in: int | None = Field(default=None, sa_type=BigInteger)
    loaded: int | None = Field(default=None, sa_type=BigInteger)
    quarantined: int | None = Field(default=None, sa_type=BigInteger)
    # Rows that say the same again; of labels also those that a later one overtook.
    repeated: int | None = Field(default=None, sa_type=BigInteger)
    # Labels whose transaction isn't in the store; loaded + quarantined + repeated + unmatched = rows_in.
    unmatched: int | None = Field(default=None, sa_type=BigInteger)
    # Of the input's records, whatever their order and compression.
    fingerprint: str | None = Field(default=None, sa_type=Text)
    # The header line of the raw files, of the step clean alone: refused rows stand under it.
    header: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)


class LoadRow(TransactionsStore, table=True):
    """A step of a run that changed transactions by a file, and can be taken back."""

    __tablename__ = "loads"

    # Rises with time.
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    run_id: str = Field(sa_type=Text, index=True)
    step: str = Field(sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class LoadList(TransactionsStore, table=True):
    """Some of the transactions, or of the labels, that a load brought; packed as storage.loads does it."""

    __tablename__ = "load_lists"

    load: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # transactions or labels.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    part: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # The ids at its ends.
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    packed: bytes = Field(sa_type=LargeBinary)


class LabelDay(TransactionsStore, table=True):
    """From which day on it is known what is said of a transaction, where that is told."""

    __tablename__ = "label_days"

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))
    # Since 1970: of the latest verdict, else of the label that counts.
    day: int = Field(sa_column=Column(Integer, nullable=False, index=True))


# Transactions as they were before a load corrected them.
REPLACED = Table(
    "replaced",
    _transactions_metadata,
    Column("load", BigInteger, primary_key=True, autoincrement=False),
    *(
        Column(c.name, c.type, primary_key=c.primary_key, autoincrement=False, nullable=c.nullable)
        for c in TRANSACTIONS.columns
        if c.name in CONTENT
    ),
    sqlite_with_rowid=False,
)
Index("replaced_by_id", REPLACED.c.id)


class MccCode(TransactionsStore, table=True):
    """A merchant category code's name; names are not unique."""

    __tablename__ = "mcc_codes"

    mcc: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    name: str = Field(sa_type=Text)


class Card(TransactionsStore, table=True):
    """A card as an analyst may see it: its number and cvv are never stored."""

    __tablename__ = "cards"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    client_id: str = Field(sa_type=Text)
    card_brand: str | None = Field(default=None, sa_type=Text)
    card_type: str | None = Field(default=None, sa_type=Text)
    # MM/YYYY.
    expires: str | None = Field(default=None, sa_type=Text)
    has_chip: str | None = Field(default=None, sa_type=Text)
    num_cards_issued: int | None = None
    # In whole units of the currency.
    credit_limit: int | None = None
    acct_open_date: str | None = Field(default=None, sa_type=Text)
    year_pin_last_changed: int | None = None
    card_on_dark_web: str | None = Field(default=None, sa_type=Text)


class ChangeRow(TransactionsStore, table=True):
    """What a file changed of a transaction and isn't counted yet in profiles, sums and days."""

    __tablename__ = "changes"
    # A client's lie side by side in the file.
    __table_args__ = {"sqlite_with_rowid": False}

    client_id: str = Field(sa_column=Column(Text, primary_key=True))
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # JSON: what is counted of it, a row of storage.profiles.EVENT_COLUMNS; NULL: nothing; empty: it as it stands.
    was: str | None = Field(default=None, sa_type=Text)


class Outdated(TransactionsStore, table=True):
    """What is made of all transactions at once when the next ingest comes to it: profiles, memories, decisions."""

    __tablename__ = "outdated"

    name: str = Field(sa_column=Column(Text, primary_key=True))


class ProfileRow(TransactionsStore, table=True):
    """A client's profile but for its habits; the figures are those of fraudstack.profiles."""

    __tablename__ = "profiles"

    client_id: str = Field(sa_column=Column(Text, primary_key=True))
    version: int = Field(sa_type=BigInteger)
    transactions: int = Field(sa_type=BigInteger)
    declined: int = Field(sa_type=BigInteger)
    refunds: int = Field(sa_type=BigInteger)
    usual: int = Field(sa_type=BigInteger)
    home: int = Field(sa_type=BigInteger)
    purchases: int = Field(sa_type=BigInteger)
    # Whole cents, and thousandths of ln(1 + amount) and their squares, summed.
    cents: int = Field(sa_type=BigInteger)
    logs: int = Field(sa_type=BigInteger)
    squares: int = Field(sa_type=BigInteger)
    # JSON: the transactions of the last week.
    recent: str = Field(sa_type=Text)
    # Transactions whose truth is known, and the frauds among them.
    labelled: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    frauds: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    # Purchases, usual or not: how many, whole cents, and their squares, which outgrow an integer.
    bought: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    bought_cents: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    bought_squares: str = Field(default="0", sa_column=Column(Text, nullable=False, server_default="0"))
    # JSON: what fraudstack.features remembers of the client; NULL until the job memories has made it.
    memory: str | None = Field(default=None, sa_type=Text)


class HabitRow(TransactionsStore, table=True):
    """How often a value (a merchant, a city, an hour…) was usual for a client, and what was spent there."""

    __tablename__ = "profile_habits"
    # A client's habits lie side by side in the file.
    __table_args__ = {"sqlite_with_rowid": False}

    client_id: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    count: int = Field(sa_type=BigInteger)
    purchases: int = Field(sa_type=BigInteger)
    cents: int = Field(sa_type=BigInteger)
    logs: int = Field(sa_type=BigInteger)
    squares: int = Field(sa_type=BigInteger)
    # Transactions with the value, usual or not.
    seen: int = Field(sa_type=BigInteger)


class DailySum(TransactionsStore, table=True):
    """What came in on a day of its own date: in all, and by channel, category, state, hour and reason."""

    __tablename__ = "daily_sums"
    __table_args__ = {"sqlite_with_rowid": False}

    # all, channel, mcc, state, hour ("00" to "23") or reason; of all the value is empty.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    # YYYY-MM-DD in UTC.
    day: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    # Writers of a server add to parts of their own, so that they don't wait for each other; a sum is that of its parts.
    part: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # Rises with every change: a rebuild made beside it can tell that it is outdated.
    version: int = Field(sa_type=BigInteger)
    transactions: int = Field(sa_type=BigInteger)
    # Whole cents.
    cents: int = Field(sa_type=BigInteger)
    # Transactions of which the scorer said something, and those that it flagged.
    scored: int = Field(sa_type=BigInteger)
    flagged: int = Field(sa_type=BigInteger)
    # Transactions whose truth is known, and the frauds among them, those scored, those flagged.
    labelled: int = Field(sa_type=BigInteger)
    frauds: int = Field(sa_type=BigInteger)
    scored_frauds: int = Field(sa_type=BigInteger)
    flagged_labelled: int = Field(sa_type=BigInteger)
    flagged_frauds: int = Field(sa_type=BigInteger)


class DaysSeen(TransactionsStore, table=True):
    """On which days of a year a card, a merchant or an amount was seen when the last ingest ended."""

    __tablename__ = "days_seen_by_year"

    # card, merchant or amount; an amount's value is empty.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    # The amount; of others 0.
    cents: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # A list is written anew with each day: one of all years would cost the more the longer the history is.
    year: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # Of each day in order: its number since 1970 and its transactions, as storage.days_seen.DAY packs them.
    days: bytes = Field(sa_type=LargeBinary)


class DaysSeenVersion(TransactionsStore, table=True):
    """The version that a day's sums had when its values were counted: with another one, it is to be searched."""

    __tablename__ = "days_seen_by_year_versions"

    # YYYY-MM-DD in UTC.
    day: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_type=BigInteger)


class DaysSeenBefore(TransactionsStore, table=True):
    """Lists of all years, empty: a release before, after a rollback, has none, and searches the days themselves."""

    __tablename__ = "days_seen"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    cents: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    days: bytes = Field(sa_type=LargeBinary)


class DaysSeenBeforeVersion(TransactionsStore, table=True):
    """Empty, as the lists of all years."""

    __tablename__ = "days_seen_versions"

    day: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_type=BigInteger)


class WindowRow(TransactionsStore, table=True):
    """A transaction of the last KEPT_DAYS, by its card and by its merchant: how one finds what came with them."""

    __tablename__ = "windows"
    # What came with a card lies side by side in the file.
    __table_args__ = {"sqlite_with_rowid": False}

    # card or merchant, and its id.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    date: datetime = Field(sa_column=Column(UtcSeconds, primary_key=True))
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # How often: twice while it is counted of another client already, and still of the one whose it was.
    counted: int


class ValueDayRow(TransactionsStore, table=True):
    """What came in with a merchant, category, state or channel on a day, as fraudstack.features remembers it."""

    __tablename__ = "value_days"
    # A value's days lie side by side in the file.
    __table_args__ = {"sqlite_with_rowid": False}

    # merchant, mcc, state or channel.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    # Days since 1970; 0 holds what came on all days before those that are kept.
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # As in daily_sums.
    part: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    transactions: int = Field(sa_type=BigInteger)
    cents: int = Field(sa_type=BigInteger)
    # What labels say counts when the job memories runs.
    labelled: int = Field(sa_type=BigInteger)
    frauds: int = Field(sa_type=BigInteger)
    # Frauds whose amount was ordinary for their client.
    ordinary_frauds: int = Field(sa_type=BigInteger)


class BatchDay(TransactionsStore, table=True):
    """What was decided in batch on a day of its own date by a model, against what the labels say."""

    __tablename__ = "batch_days"

    # YYYY-MM-DD in UTC.
    day: str = Field(sa_column=Column(Text, primary_key=True))
    # Empty: the rules alone.
    model_version: str = Field(sa_column=Column(Text, primary_key=True))
    transactions: int = Field(sa_type=BigInteger)
    suspicious: int = Field(sa_type=BigInteger)
    labelled: int = Field(sa_type=BigInteger)
    frauds: int = Field(sa_type=BigInteger)
    suspicious_labelled: int = Field(sa_type=BigInteger)
    suspicious_frauds: int = Field(sa_type=BigInteger)
    # Whole cents of all frauds, and of those that were suspicious.
    fraud_cents: int = Field(sa_type=BigInteger)
    caught_cents: int = Field(sa_type=BigInteger)


class ModelDay(TransactionsStore, table=True):
    """What is watched of a model, by day."""

    __tablename__ = "model_days"

    # YYYY-MM-DD in UTC: the last of the days that were looked at.
    day: str = Field(sa_column=Column(Text, primary_key=True))
    model_version: str = Field(sa_column=Column(Text, primary_key=True))
    # psi:FEATURE, psi:score, outside:FIGURE, alerts, expected, observed, precision, recall.
    measure: str = Field(sa_column=Column(Text, primary_key=True))
    value: float
    # How many transactions it rests on.
    sample: int = Field(sa_type=BigInteger)


class ModelWindow(TransactionsStore, table=True):
    """What was said of a segment's transactions of some days, and what the labels say of them."""

    __tablename__ = "model_windows"

    # The champion that was watched.
    model_version: str = Field(sa_column=Column(Text, primary_key=True))
    # YYYY-MM-DD in UTC, both included.
    first: str = Field(sa_column=Column(Text, primary_key=True))
    last: str = Field(sa_column=Column(Text, primary_key=True))
    # all, channel, score, country, amount or age, and which segment of it; of all the value is empty.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    # The model that spoke: the champion, or one before it of what it has learned from.
    spoke: str = Field(sa_type=Text)
    transactions: int = Field(sa_type=BigInteger)
    alerts: int = Field(sa_type=BigInteger)
    labelled: int = Field(sa_type=BigInteger)
    frauds: int = Field(sa_type=BigInteger)
    # The sum of the probabilities of what is labelled.
    expected: float
    alerts_labelled: int = Field(sa_type=BigInteger)
    alerts_frauds: int = Field(sa_type=BigInteger)


class Claim(TransactionsStore, table=True):
    """Who looks at a transaction just now, so that no other analyst does."""

    __tablename__ = "claims"

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))
    reviewer: str = Field(sa_type=Text)
    until: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class ModelFile(TransactionsStore, table=True):
    """A file of a model: what it takes to score with it, and its card."""

    __tablename__ = "model_files"

    version: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    content: bytes = Field(sa_type=LargeBinary)


class PromotionRow(TransactionsStore, table=True):
    """A model that came into force; the latest is the champion. Rows are only added."""

    __tablename__ = "promotions"

    number: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=True))
    version: str = Field(sa_type=Text)
    # The champion before it.
    before: str | None = Field(default=None, sa_type=Text)
    who: str = Field(sa_type=Text)
    # JSON: what was found when they were compared, or a reason.
    why: str = Field(sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    # The version that was gone back from: no refresh promotes it again.
    vetoed: str | None = Field(default=None, sa_type=Text)


class ShadowRow(TransactionsStore, table=True):
    """A challenger that is asked beside the champion, without effect; the latest counts. Rows are only added."""

    __tablename__ = "shadows"

    number: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=True))
    version: str = Field(sa_type=Text)
    # When it is asked no more.
    until: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    who: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class ListRow(TransactionsStore, table=True):
    """A value that is allowed, blocked or held until a date, beside the lists of the rules file."""

    __tablename__ = "lists"

    # client, card, merchant, country or mcc, and its value as lists hold it.
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    # allow, block or held.
    list: str = Field(sa_column=Column(Text, primary_key=True))
    reason: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    until: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class ListPast(TransactionsStore, table=True):
    """What was on a list, until it ended, was withdrawn or was put there anew."""

    __tablename__ = "lists_past"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    list: str = Field(sa_column=Column(Text, primary_key=True))
    at: datetime = Field(sa_column=Column(UtcSeconds, primary_key=True))
    until: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    reason: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)


class ChallengeRow(TransactionsStore, table=True):
    """How a cardholder answered when a transaction was challenged; no label."""

    __tablename__ = "challenges"
    __table_args__ = (Index("challenges_of_card", "card_id", "merchant_id", "at"),)

    id: int = Field(sa_column=Column(_ID, primary_key=True, autoincrement=False))
    card_id: str | None = Field(default=None, sa_type=Text)
    merchant_id: str | None = Field(default=None, sa_type=Text)
    # passed, failed or abandoned.
    outcome: str = Field(sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class Allowance(TransactionsStore, table=True):
    """A merchant that an analyst found to be fine for a client, until a date."""

    __tablename__ = "exceptions"

    client_id: str = Field(sa_column=Column(Text, primary_key=True))
    merchant_id: str = Field(sa_column=Column(Text, primary_key=True))
    until: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))
    reviewer: str = Field(sa_type=Text)
    note: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_column=Column(UtcSeconds, nullable=False))


class SharedCount(TransactionsStore, table=True):
    """What the scorers on a server count together: a key's rate, tokens of a day; on SQLite a file beside has it."""

    __tablename__ = "shared_counts"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    amount: float
    # Seconds since 1970, or the day.
    at: float


class Cluster(ClustersStore, table=True):
    """A group of clients with like habits; the means are per client, in the feature's own unit."""

    __tablename__ = "transactions_clusters"

    cluster: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # Clients.
    count: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    transactions: int = Field(sa_type=BigInteger)
    # Frauds among the labelled transactions, 0 to 1; NULL until labels came.
    fraud_rate: float | None = None
    # The features of jobs/cluster.py.
    spend: float
    average: float
    spread: float
    transaction_count: float
    online_share: float
    merchants: float
    night_share: float
    foreign_share: float
    refund_share: float
    active_days: float


class ClientCluster(ClustersStore, table=True):
    """Which cluster a client is in."""

    __tablename__ = "client_clusters"

    client_id: str = Field(sa_column=Column(Text, primary_key=True))
    cluster: int = Field(sa_type=Integer, index=True)
