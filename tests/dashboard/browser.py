"""The dashboard as people see it: served, and drawn by the browser that `make tools` found."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.api.served import free_port
from tests.charts.rendered import TOOLS

# Streamlit looks for its base path below the address of each page; Chromium tells of every look.
_PROBED = ("/_stcore/health", "/_stcore/host-config")


@contextmanager
def shown(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """The address of a dashboard on the stores that `env` names."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.address=127.0.0.1"]
    with (folder / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"], env=dict(env), stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while not _answers(url):
            assert process.poll() is None, (folder / "dashboard.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a window."""
    executable = shutil.which("chromium", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    assert executable, "these tests need a browser: `make tools` brings it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    *, width: int = 1280, dark: bool = False, browser: Browser | None = None
) -> Iterator[tuple[Page, list[str]]]:
    """A page of the browser, or of one of its own, and the errors that its console told."""
    with nullcontext(browser) if browser else browsing() as running:
        context = running.new_context(
            viewport={"width": width, "height": 1100}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        page = context.new_page()
        errors: list[str] = []

        def told(message: ConsoleMessage) -> None:
            if message.type == "error" and not message.location["url"].endswith(_PROBED):
                errors.append(f"{message.text} {message.location['url']}")

        page.on("console", told)
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            yield page, errors
        finally:
            context.close()


def drawn(page: Page) -> None:
    """Wait until nothing is being drawn any more."""
    page.locator("h1").first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')")


def alarmed(scorer: str, client: str, day: str, number: int) -> int:
    """Post what the rules must flag; returns its id."""
    body = {
        "client_id": client,
        "date": f"{day} 23:{number:02}:00",
        "amount": 4812.40 + number,
        "card_id": "none of theirs",
        "merchant_id": f"far {number}",
        "merchant_city": "Rome",
        "merchant_state": "Italy",
        "use_chip": "Chip Transaction",
        "mcc": 5732,
    }
    answer = httpx.post(f"{scorer}/transaction", json=body, timeout=30).json()
    assert answer["suspicious"], answer
    return int(answer["id"])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_stcore/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
