"""`make screenshots`: every screen, light and dark, on the stores that the settings name, into docs/screens.

Review needs a scorer at TX_API_URL and something that waits for a verdict.
"""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.dashboard.browser import drawn, opened, shown

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
_SCREENS = {
    "overview": "",
    "transactions": "transactions?flagged_fraud=yes",
    "review": "review",
    "lists": "lists",
    "clusters": "clusters",
    "pipeline": "pipeline",
    "model": "model",
}


def main() -> None:
    """Draw and keep them."""
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, shown(Path(folder), os.environ) as address:
        for dark in (False, True):
            with opened(dark=dark) as (page, _):
                for name, path in _SCREENS.items():
                    page.goto(f"{address}/{path}")
                    drawn(page)
                    _prepare(page, name)
                    # Charts and grids grow into their places; what shows under the pointer goes.
                    page.mouse.move(0, 0)
                    page.wait_for_timeout(1_500)
                    page.screenshot(path=_FOLDER / f"{name}-{'dark' if dark else 'light'}.png")


def _prepare(page: Page, name: str) -> None:
    if name == "transactions":
        # Below the grid's header, the first row's box: its decision opens.
        page.locator("[data-testid=stDataFrame] canvas").first.click(position={"x": 18, "y": 52}, force=True)
        page.get_by_text("Against this client's habits").wait_for()
    if name == "review":
        page.get_by_label("Reviewer").fill("ana")
        page.get_by_label("Reviewer").press("Enter")
        page.get_by_role("button", name="Legitimate").wait_for()
    drawn(page)


if __name__ == "__main__":
    main()
