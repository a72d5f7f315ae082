"""Makes a store's tables, or brings an older store's up to date, with Alembic's migrations."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, text

from fraudstack.errors import StoreError
from fraudstack.schema import ClustersStore, TransactionsStore
from fraudstack.storage.connections import engines
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.store import Store

Part = Literal["transactions", "clusters"]
_MIGRATIONS = Path(__file__).parent / "migrations"
# Several servers may start on one PostgreSQL at once; any number of ours will do.
_UPGRADE_LOCK = 7_475_327


def upgrade(store: Store, part: Part) -> None:
    """Bring one part of the schema to this version, creating file and folder where they are missing.

    A newer schema of the same minor version, whose revisions share their first digit, is left as it is: such changes
    only add, so that a release can be rolled back. Raises StoreError when the store was made by a newer one.
    """
    if store.path is not None:
        _prepare_file(store, store.path)
    script = ScriptDirectory.from_config(_config(part))
    with engines.write(store) as connection:
        if store.path is None:
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        at = _revision(connection, part)
        if at == script.get_current_head():
            return
        if at is not None and at not in {revision.revision for revision in script.walk_revisions()}:
            if at[0] == str(script.get_current_head())[0]:
                return
            raise StoreError(
                f"the store {store.shown} was made by a newer fraudstack (schema {at}): "
                "install that version, or name another store"
            )
        _migrate(connection, part)


def is_current(store: Store, part: Part) -> bool:
    """Whether the schema needs no upgrade: then nobody has to wait for an ingest."""
    if store.path is not None and not store.path.exists():
        return False
    with engines.read(store) as connection:
        at = _revision(connection, part)
    return at is not None and at >= str(ScriptDirectory.from_config(_config(part)).get_current_head())


def reset(store: Store, part: Part) -> None:
    """Drop one part's tables with all that is in them and create them anew, in one transaction."""
    metadata = (TransactionsStore if part == "transactions" else ClustersStore).metadata
    with engines.write(store) as connection:
        if store.path is None:
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            connection.execute(text("DROP SEQUENCE IF EXISTS assigned_ids"))
        metadata.drop_all(connection)
        connection.execute(text(f"DROP TABLE IF EXISTS {version_table(part)}"))
        _migrate(connection, part)


def _migrate(connection: Connection, part: Part) -> None:
    config = _config(part)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection, part: Part) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": version_table(part)})
    return context.get_current_revision()


def version_table(part: Part) -> str:
    """The table that keeps a part's revision; both parts share one database on PostgreSQL."""
    return f"schema_{part}"


def _config(part: Part) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("version_locations", str(_MIGRATIONS / part))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = version_table(part)
    return config


def _prepare_file(store: Store, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_turn(store), closing(sqlite3.connect(path)) as connection:
            # Readers go on while somebody writes; the mode stays with the file.
            connection.execute("PRAGMA journal_mode=WAL")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {path} can't be opened: {error}") from error
