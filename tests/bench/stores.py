"""Stores that benchmarks measure on: generated rows, ingested once."""

import subprocess
import sys
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from data.generate import generate


def store(folder: Path, rows: int, server: str | None, *, anew: bool = False) -> str:
    """The URL of a store that holds `rows` ingested transactions and their profiles; made once if not `anew`."""
    url, made = empty(folder, f"history_{rows}", server, anew=anew)
    if made:
        subprocess.run(ingest(folder, rows, url), check=True, stdout=subprocess.DEVNULL)
    return url


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
    inputs = folder / f"inputs-{rows}"
    if not (inputs / "transactions_data.csv").exists():
        generate(rows, 1, inputs)
    files = ["--csv", str(inputs / "transactions_data.csv"), "--labels", str(inputs / "train_fraud_labels.json")]
    return [str(Path(sys.executable).with_name("fraudstack")), "ingest", *files, "--database", url]
