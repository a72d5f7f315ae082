"""Options that several commands share, and the settings that they make."""

from typing import Annotated, Any

import typer

from fraudstack.settings import Settings
from fraudstack.storage.connections.store import parse

Csv = Annotated[str | None, typer.Option(help="Raw transactions: a file or a glob, packed or not [TX_CSV_PATH].")]
Columns = Annotated[
    str | None,
    typer.Option(
        help="How a file with other columns is read: tabformer, sparkov, handbook, or a file of columns [TX_COLUMNS]."
    ),
]
Labels = Annotated[
    str | None, typer.Option(help="Fraud labels, JSON or CSV, packed or not; '' for none [TX_LABELS_PATH].")
]
Database = Annotated[
    str | None,
    typer.Option(help="The store: sqlite:///FILE or postgresql://… [TX_DATABASE_URL, TX_SQLITE_DB]."),
]
Clusters = Annotated[
    str | None,
    typer.Option(help="The clusters' store, by default beside --database or in the same PostgreSQL [TX_CLUSTERS_DB]."),
]


def settings_of(
    csv: str | None = None,
    labels: str | None = None,
    database: str | None = None,
    clusters: str | None = None,
    columns: str | None = None,
) -> Settings:
    """The environment's settings with what a command line says instead; BadParameter where it contradicts itself."""
    given: dict[str, Any] = {}
    if csv is not None:
        given["csv_path"] = csv
    if labels is not None:
        given["labels_path"] = labels
    if columns is not None:
        given["columns"] = columns
    if database is not None:
        path = parse(database).path
        given |= {"database_url": database} if path is None else {"database_url": None, "sqlite_db": path}
    if clusters is not None:
        path = parse(clusters).path
        together = path is None or Settings(**given).database_url
        if together and clusters != Settings(**given).database_url:
            raise typer.BadParameter("on PostgreSQL the clusters are in the database of --database")
        if path is not None:
            given["clusters_db"] = path
    settings = Settings(**given)
    if database is not None and "clusters_db" not in settings.model_fields_set:
        settings = settings.model_copy(update={"clusters_db": settings.sqlite_db.with_name("transactions_clusters.db")})
    return settings
