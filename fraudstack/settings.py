"""Every setting, read from the environment (prefix TX_) at the moment it is asked for."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fraudstack.errors import SettingError

# As the libraries call them.
_WITHOUT_PREFIX = ("OPENAI_", "PYSPARK_")
_REPOSITORY = Path(__file__).resolve().parents[1]
# In a container the package is installed without its repository, and the shared volume is at /data.
DATA_DIR = _REPOSITORY / "data" if (_REPOSITORY / "pyproject.toml").exists() else Path("/data")


def in_cents(code: str) -> str:
    """The code of a currency with two decimals: amounts are whole cents everywhere."""
    # It reads the whole table of ISO 4217.
    from iso4217 import Currency

    try:
        decimals = Currency(code).exponent
    except ValueError as error:
        raise ValueError(f"{code!r} is no code of ISO 4217, such as USD") from error
    if decimals != 2:
        has = "no decimals" if not decimals else f"{decimals} decimals"
        raise ValueError(f"{code} has {has} by ISO 4217, and amounts are kept in hundredths: it can't be held")
    return code


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TX_", env_ignore_empty=True, frozen=True)

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - of each field its own
        """What the environment says, `given` first; raises SettingError where something can't be."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise SettingError("; ".join(_sentence(one) for one in error.errors())) from None


class Daily(_Environment):
    """How each day starts itself: whoever reads the DAG asks for that alone."""

    # A cron expression of one run a day.
    ingest_schedule: str | None = None
    # Since when those that were missed are made up for.
    ingest_since: date | None = None
    # For how many hours after that a day's file is awaited.
    ingest_hours: Annotated[float, Field(gt=0, le=240)] = 6


class Settings(Daily):
    """What the environment says, with defaults under `data/` (a container: /data)."""

    env: Literal["production", "development", "test"] = "production"

    # Inputs: a path or a glob.
    csv_path: str = str(DATA_DIR / "transactions_data.csv")
    labels_path: str = str(DATA_DIR / "train_fraud_labels.json")
    # How a file with columns of its own is read: a preset's name, or a file of columns.
    columns: str | None = None
    # Keys of the tokens that stand for card numbers, VERSION:SECRET[,VERSION:SECRET…]; the first makes new ones.
    token_key: SecretStr | None = None

    # Stores: one PostgreSQL URL wins over the two SQLite files.
    sqlite_db: Path = DATA_DIR / "transactions.db"
    clusters_db: Path = DATA_DIR / "transactions_clusters.db"
    database_url: str | None = None
    # Where the driver and the executors exchange data: a folder that all of them see.
    staging_dir: Path = DATA_DIR / "staging"

    currency: Annotated[str, AfterValidator(in_cents)] = "USD"
    # The share of a file's rows that may be refused before the whole file is.
    max_reject_share: Annotated[float, Field(ge=0, le=1)] = 0.01

    # What a file changes is counted one by one up to this share of the store's transactions; above, all is made anew.
    bulk_share: Annotated[float, Field(ge=0, le=1)] = 0.1

    # What becomes of a file that is unlike what the store has: the run stops before anything is written, or tells.
    unusual: Literal["stop", "tell"] = "tell"
    # Refused rows are kept for so many days, and so many of them.
    quarantine_days: Annotated[int, Field(ge=1)] = 90
    quarantine_rows: Annotated[int, Field(ge=1)] = 1_000_000

    # Clusters: k is chosen by silhouette between the bounds, or fixed.
    clusters_min: Annotated[int, Field(ge=2)] = 3
    clusters_max: Annotated[int, Field(ge=2)] = 6
    clusters_k: Annotated[int, Field(ge=1)] | None = None
    clusters_seed: int = 1

    # The scorer. Keys: NAME:SCOPES:DIGEST entries, as `fraudstack key` makes them.
    api_keys: str | None = None
    api_bind: str = "127.0.0.1:8081"
    # Transactions a second that a key may post, 0 for any number; all workers and replicas share it.
    api_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    api_workers: Annotated[int, Field(ge=1)] = 2
    # Decisions that may wait in a worker before it answers 503.
    api_queue: Annotated[int, Field(ge=1)] = 256
    # Where the dashboard finds the scorer, and the key that it sends along.
    api_url: str = "http://127.0.0.1:8081"
    api_key: SecretStr | None = None
    # A copy of fraudstack/rules/rules.yaml with figures of one's own.
    rules_path: Path | None = None
    # Where models are kept and the champion is named.
    model_dir: Path = DATA_DIR / "model"
    # Whole days until a label is known, and the last day that a model learns from, by default the last with labels.
    label_delay: Annotated[int, Field(ge=0, le=30)] = 7
    model_until: date | None = None
    # Of what is normal, the share of decisions with which is kept what the model looked at.
    figures_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    # Whether a person signs off what a refresh would put in force; whoever did says it to the step that follows.
    model_sign_off: bool = False
    model_signed_by: str | None = None
    llm_model: str = "gpt-5.4-mini"
    llm_seconds: Annotated[float, Field(gt=0, le=30)] = 2.0
    llm_tokens_per_day: Annotated[int, Field(ge=0)] = 1_000_000
    # Names that never reach the language model, separated by commas.
    redact_names: str = ""
    # Without the prefix, as the library calls them.
    openai_api_key: Annotated[SecretStr | None, Field(validation_alias="OPENAI_API_KEY")] = None
    openai_base_url: Annotated[str | None, Field(validation_alias="OPENAI_BASE_URL")] = None

    # Spark, when a job starts its own session and no cluster manager says otherwise.
    spark_master: str = "local[*]"
    spark_memory: Annotated[str, Field(pattern=r"^\d+[mg]$")] = "2g"
    # In a cluster: the manifest that the DAG's jobs are submitted with.
    spark_application: Path | None = None
    # spark-submit sets it for the Python that it starts: master and memory were said to it.
    spark_gateway: Annotated[int | None, Field(validation_alias="PYSPARK_GATEWAY_PORT")] = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Settings":
        if self.clusters_min > self.clusters_max:
            raise ValueError(f"TX_CLUSTERS_MIN ({self.clusters_min}) is above TX_CLUSTERS_MAX ({self.clusters_max})")
        return self

    @property
    def store_url(self) -> str:
        """URL of the store that holds transactions and what belongs to them."""
        return self.database_url or f"sqlite:///{self.sqlite_db}"

    @property
    def clusters_url(self) -> str:
        """URL of the store that holds the clusters: the same one on PostgreSQL."""
        return self.database_url or f"sqlite:///{self.clusters_db}"


def _sentence(problem: Mapping[str, Any]) -> str:
    """The variable's name and what is wrong with it, never its value: it may be a secret."""
    name = "_".join(str(part) for part in problem["loc"]).upper()
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not name:
        return message
    return f"{name if name.startswith(_WITHOUT_PREFIX) else f'TX_{name}'}: {message}"
