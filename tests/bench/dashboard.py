"""`make bench-dashboard`: every screen of the dashboard in headless Chromium, on a long history and a shorter one.

A screen's time is from navigation to the last thing painted; the next page's from the click to its rows. Memory is what
the server holds (resident) while ten sessions are open.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from fraudstack.storage.online import Connection
from fraudstack.storage.store import parse
from tests.bench.stores import store
from tests.dashboard.browser import drawn, opened, shown

SCREENS = ("", "?period=everything", "transactions", "review", "clusters", "pipeline")
SESSIONS = 10


def main() -> None:
    """Make the stores, measure, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--short", type=int, default=200_000)
    parser.add_argument("--long", type=int, default=13_305_915)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgresql", help="the address of a server on which databases may be created")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    measured: dict[int, dict[str, float]] = {}
    for rows in (arguments.short, arguments.long):
        url = store(arguments.folder, rows, arguments.postgresql)
        measured[rows] = _measured(arguments.folder, url, arguments.rounds)
    _print(measured, "PostgreSQL" if arguments.postgresql else "SQLite")


def filters(url: str) -> list[str]:
    """Each filter alone, with values that are seldom found."""
    connection = Connection(parse(url), read_only=True)
    row = connection.rows("SELECT client_id, card_id, merchant_id FROM transactions ORDER BY date LIMIT 1")[0]
    rare = {
        kind: connection.rows(
            "SELECT value FROM daily_sums WHERE kind = ? GROUP BY value HAVING sum(transactions) > 60 "
            "ORDER BY sum(transactions) LIMIT 1",
            (kind,),
        )[0][0]
        for kind in ("mcc", "state")
    }
    connection.close()
    alone = dict(zip(("client_id", "card_id", "merchant_id"), row, strict=True)) | rare
    alone |= {"is_fraud": "yes", "least": "500", "since": "2015-01-01", "until": "2015-01-01"}
    return [f"{name}={value}" for name, value in alone.items()] + ["is_fraud=no", "is_fraud=unsaid", ""]


def _measured(folder: Path, url: str, rounds: int) -> dict[str, float]:
    """Seconds by screen and filter, the median of the rounds; and mebibytes."""
    where = {"TX_SQLITE_DB": url.removeprefix("sqlite:///"), "TX_CLUSTERS_DB": f"{folder}/transactions_clusters.db"}
    env = os.environ | ({"TX_DATABASE_URL": url} if url.startswith("postgresql") else where)
    found: dict[str, float] = {}
    with shown(folder, env) as address:
        with opened() as (page, _):
            for screen in SCREENS:
                found[screen or "overview"] = statistics.median(
                    _seconds(page, f"{address}/{screen}") for _ in range(rounds)
                )
            for asked in filters(url):
                page.goto(f"{address}/transactions?{asked}")
                drawn(page)
                found[f"next page, {asked or 'no filter'}"] = statistics.median(_next(page) for _ in range(rounds))
        found["memory of ten sessions, MiB"] = _memory(address)
    return found


def _seconds(page: Page, url: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(url)
    drawn(page)
    return time.perf_counter() - started


def _next(page: Page) -> float:
    button = page.get_by_role("button", name="Next")
    number = page.get_by_label("Page", exact=True)
    before = int(number.input_value())
    started = time.perf_counter()
    button.click()
    page.wait_for_function("([field, value]) => field.value === value", arg=[number.element_handle(), str(before + 1)])
    drawn(page)
    return time.perf_counter() - started


def _memory(address: str) -> float:
    with opened() as (page, _):
        for number in range(SESSIONS):
            one = page.context.new_page()
            one.goto(f"{address}/{SCREENS[number % len(SCREENS)]}")
            drawn(one)
        port = int(address.rpartition(":")[2])
        serving = [
            c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr and c.laddr.port == port
        ]
        held: int = psutil.Process(serving[0]).memory_info().rss
        return held / 2**20


def _print(measured: dict[int, dict[str, float]], kind: str) -> None:
    table = Table(title=f"The dashboard on {kind}", title_justify="left")
    table.add_column("milliseconds")
    for rows in measured:
        table.add_column(f"{rows:,} rows", justify="right")
    table.add_column("long / short", justify="right")
    short, long = measured.values()
    for name in dict.fromkeys((*short, *long)):
        scale = 1 if name.endswith("MiB") else 1000
        pair = [figures.get(name) for figures in (short, long)]
        said = ["" if one is None else f"{one * scale:,.0f}" for one in pair]
        ratio = f"{pair[1] / pair[0]:.2f}" if pair[0] and pair[1] else ""
        table.add_row(name, *said, ratio)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
