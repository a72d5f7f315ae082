"""`make bench-dashboard`: every screen of the dashboard in headless Chromium, two histories by turns.

A screen's time is from navigation to the last thing painted; the next page's from the click to its rows. Memory is what
the server holds (resident) while ten sessions are open.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from playwright.sync_api import Page, expect
from rich.console import Console
from rich.table import Table

from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from tests.api.served import environment, served
from tests.bench.stores import store
from tests.dashboard.browser import alarmed, drawn, opened, shown

SCREENS = ("", "?period=everything", "transactions", "review", "clusters", "pipeline")
SESSIONS = 10


def main() -> None:
    """Make the stores, measure, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--short", type=int, default=200_000)
    parser.add_argument("--long", type=int, default=13_305_915)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--postgresql", help="the address of a server on which databases may be created")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stores = [store(arguments.folder, rows, arguments.postgresql) for rows in (arguments.short, arguments.long)]
    with ExitStack() as ending:
        pair = [(ending.enter_context(_dashboard(arguments.folder, url)), url) for url in stores]
        with opened() as (page, _):
            measured = _measured(page, pair, arguments.rounds)
        measured["memory of ten sessions, MiB"] = [_memory(address) for address, _ in pair]
    _print(measured, (arguments.short, arguments.long), "PostgreSQL" if arguments.postgresql else "SQLite")


def filters(url: str) -> list[tuple[str, str]]:
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
    flags = [(name, said) for name in ("flagged_fraud", "is_fraud") for said in ("yes", "no", "unsaid")]
    dates = [(name, "2015-01-01") for name in ("since", "until")]
    # The first page is asked for anyway: no filter at all.
    return [*alone.items(), *flags, ("least", "500"), *dates, ("page", "1")]


@contextmanager
def _dashboard(folder: Path, url: str) -> Iterator[str]:
    """The address of a dashboard on a store, with a scorer that hands out what is to be reviewed."""
    env = environment(folder, url, TX_API_WORKERS="1")
    with (
        TemporaryDirectory() as logs,
        served(Path(logs), env) as (scorer, _),
        shown(Path(logs), env | {"TX_API_URL": scorer}) as address,
    ):
        # Something to review.
        connection = Connection(parse(url), read_only=True)
        [(client, last)] = connection.rows("SELECT client_id, date FROM transactions ORDER BY date DESC LIMIT 1")
        connection.close()
        alarmed(scorer, client, str(last)[:10], 1)
        yield address


def _measured(page: Page, pair: list[tuple[str, str]], rounds: int) -> dict[str, list[float]]:
    """Medians in milliseconds on the short history and on the long one, measured by turns."""
    found: dict[str, list[float]] = {}
    for screen in SCREENS:
        found[screen or "overview"] = _medians(
            [partial(_navigation, page, f"{address}/{screen}") for address, _ in pair], rounds
        )
    found["review, a case"] = _medians([partial(_case, page, address) for address, _ in pair], rounds)
    # A window of its own: Chromium slows down the tabs behind.
    assert page.context.browser
    pages = [page, page.context.browser.new_context(viewport=page.viewport_size).new_page()]
    for both in zip(*(filters(url) for _, url in pair), strict=True):
        for one, (address, _), (name, value) in zip(pages, pair, both, strict=True):
            one.goto(f"{address}/transactions?{name}={value}")
            drawn(one)
        values = " and ".join(dict.fromkeys(value for _, value in both))
        found[f"next page, {both[0][0]} {values}"] = _medians([partial(_next, one) for one in pages], rounds)
    return found


def _medians(measures: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [1000 * statistics.median(column) for column in zip(*taken, strict=True)]


def _navigation(page: Page, url: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(url)
    drawn(page)
    return time.perf_counter() - started


def _case(page: Page, address: str) -> float:
    """From a reviewer's name to the first case."""
    page.goto(f"{address}/review")
    drawn(page)
    name = page.get_by_label("Reviewer", exact=True)
    name.fill("Ada")
    started = time.perf_counter()
    name.press("Enter")
    page.get_by_role("button", name="Legitimate").wait_for()
    drawn(page)
    return time.perf_counter() - started


def _next(page: Page) -> float:
    """From the click to the next page's rows."""
    number = page.get_by_label("Page", exact=True).first
    following = str(int(number.input_value()) + 1)
    started = time.perf_counter()
    page.get_by_role("button", name="Next").click()
    expect(number).to_have_value(following)
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


def _print(measured: dict[str, list[float]], rows: tuple[int, int], kind: str) -> None:
    table = Table(title=f"The dashboard on {kind}", title_justify="left")
    table.add_column("milliseconds")
    for count in rows:
        table.add_column(f"{count:,} rows", justify="right")
    table.add_column("long / short", justify="right")
    for name, (short, long) in measured.items():
        table.add_row(name, f"{short:,.0f}", f"{long:,.0f}", f"{long / short:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
