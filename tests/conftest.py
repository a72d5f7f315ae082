"""What tests share: a real PostgreSQL server, one Spark session, stores of their own, files of transactions."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pyspark.sql import SparkSession

from fraudstack.settings import Settings
from tests import postgres
from tests import toxiproxy as poisons
from tests.jobs.databases import MadeOnce, copy, empty_beside, new_postgres
from tests.toxiproxy import Toxiproxy

# Settings of whoever runs the tests must not reach them.
for _name in [name for name in os.environ if name.startswith("TX_")]:
    del os.environ[_name]
# Without keys a scorer starts nowhere else.
os.environ["TX_ENV"] = "development"
# Threads of LightGBM's wait for each other at full speed: two on a busy core train thirty times slower than one, and
# what they train is the same.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Java's second compiler takes half of all the time, and neither a job in a process of its own nor the tests' one Spark
# lives long enough for it to pay. Of what the first one made Java keeps 48 MB, less than the tests' Spark comes to, and
# would make again and again what it threw away.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
os.environ["PYSPARK_SUBMIT_ARGS"] = f'--conf "spark.driver.defaultJavaOptions={_JAVA}" pyspark-shell'


def pytest_itemcollected(item: pytest.Item) -> None:
    """What takes long on PostgreSQL, jobs and pages, is left to `make test-long`; their twins on SQLite aren't."""
    kind, *_ = item.path.relative_to(Path(__file__).parent).parts
    called = getattr(item, "callspec", None)
    twin = called is not None and "postgresql" in called.params.values()
    takes_long = kind in ("jobs", "dashboard") or item.get_closest_marker("slow")
    if item.get_closest_marker("alone") or (twin and takes_long):
        item.add_marker("long")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, else one worker goes on with the last of them alone; otherwise at random."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests."""
    with postgres.running() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database."""
    url = new_postgres(postgres_server)
    yield url
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {url.partition('?')[0].rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, once on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/transactions.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Fill a store as another was filled before: `made_once(database, "name", fill)`.

    The first time a store of that kind is made for all tests, by fill(folder, url); `database` becomes a copy of it.
    """
    made: dict[tuple[str, str], str] = {}

    def copied(database: str, name: str, fill: Callable[[Path, str], object]) -> None:
        kind = database.partition(":")[0]
        if (kind, name) not in made:
            folder = tmp_path_factory.mktemp(name)
            url = empty_beside(database, folder)
            fill(folder, url)
            made[kind, name] = url
        copy(made[kind, name], database)

    return copied


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One Spark for all tests that run jobs in this process."""
    from jobs.spark import session

    spark = session.start(Settings(spark_memory="2g"), "tests")
    # Of so few rows, code made anew for each plan costs a fifth of the time; jobs in processes run as in service.
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    spark.conf.set("spark.sql.shuffle.partitions", "2")
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def toxiproxy() -> Iterator[Toxiproxy]:
    """What stands between a program and its server, and does it harm as told."""
    with poisons.running() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests found worth telling, like the seed of what was drawn."""
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, told in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(told))
