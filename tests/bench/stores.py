"""Stores that benchmarks measure on: generated rows, ingested once."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from data.generate import generate

_FRAUDSTACK = str(Path(sys.executable).with_name("fraudstack"))


def store(folder: Path, rows: int, server: str | None, *, anew: bool = False) -> str:
    """The URL of a store that holds `rows` ingested transactions and their profiles; made once if not `anew`."""
    url, made = empty(folder, f"history_{rows}", server, anew=anew)
    if made:
        subprocess.run(ingest(folder, rows, url), check=True, stdout=subprocess.DEVNULL)
    return url


def with_model(folder: Path, rows: int, server: str | None, *, anew: bool = False) -> tuple[str, Path]:
    """The URL of another store of `rows` transactions, which remembers what a model asks for; the models' folder."""
    url, made = empty(folder, f"model_{rows}", server, anew=anew)
    models = folder / f"models-{rows}"
    if made:
        environment = os.environ | given(url, folder) | {"TX_MODEL_DIR": str(models)}
        candidate = str(folder / "candidate")
        csv, labels = _files(folder, rows)
        for command in (
            ingest(folder, rows, url),
            [_FRAUDSTACK, "train", "--csv", csv, "--labels", labels, "--until", "2019-06-30", "--out", candidate],
            [_FRAUDSTACK, "promote", "--model", candidate],
        ):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return url, models


def given(url: str, folder: Path) -> dict[str, str]:
    """The settings that name a store."""
    if url.startswith("postgresql"):
        return {"TX_DATABASE_URL": url}
    return {"TX_SQLITE_DB": url.removeprefix("sqlite:///"), "TX_CLUSTERS_DB": f"{folder}/clusters.db"}


def empty(folder: Path, name: str, server: str | None, *, anew: bool) -> tuple[str, bool]:
    """The URL of a database, and whether it has just been made."""
    if server is not None:
        database = f"fraudstack_bench_{name}"
        url = make_url(server).set(database=database).render_as_string(hide_password=False)
        with psycopg.connect(server, autocommit=True) as connection:
            if anew:
                connection.execute(f"DROP DATABASE IF EXISTS {database}")
            elif connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                return url, False
            connection.execute(f"CREATE DATABASE {database}")
        return url, True
    file = folder / f"{name}.db"
    if file.exists() and not anew:
        return f"sqlite:///{file}", False
    for leftover in folder.glob(f"{file.name}*"):
        leftover.unlink()
    return f"sqlite:///{file}", True


def ingest(folder: Path, rows: int, url: str) -> list[str]:
    """The command that brings `rows` generated rows into a store; it makes them if need be."""
    csv, labels = _files(folder, rows)
    if not Path(csv).exists():
        generate(rows, 1, Path(csv).parent)
    return [_FRAUDSTACK, "ingest", "--csv", csv, "--labels", labels, "--database", url]


def _files(folder: Path, rows: int) -> tuple[str, str]:
    inputs = folder / f"inputs-{rows}"
    return str(inputs / "transactions_data.csv"), str(inputs / "train_fraud_labels.json")
