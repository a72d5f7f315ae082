"""From a file to a verdict, as an analyst does it: ingest, post, see it, filter, page, open, review."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pyspark.sql import SparkSession

from fraudstack.model import registry
from fraudstack.settings import DATA_DIR
from fraudstack.storage.connections.store import parse
from jobs import clean, cluster, label, profiles
from tests.api.served import environment, served
from tests.dashboard.browser import alarmed, browsing, drawn, opened, shown
from tests.dashboard.watched import indices, weeks
from tests.jobs.databases import query, quiet, settings
from tests.model.made import kept_model
from tests.report.stores import fill

pytestmark = pytest.mark.slow

# The first page has no path of its own.
SCREENS = ("", "transactions", "review", "lists", "clusters", "pipeline")


class Stack(NamedTuple):
    """A store with the sample, its scorer and its dashboard."""

    store: str
    scorer: str
    dashboard: str


@pytest.fixture(scope="module")
def stack(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything as it is served, on the sample of 5,000 transactions."""
    folder = tmp_path_factory.mktemp("stack")
    store = f"sqlite:///{folder}/transactions.db"
    sample = DATA_DIR / "sample"
    chosen = settings(
        folder,
        store,
        csv_path=str(sample / "transactions_data.csv"),
        labels_path=str(sample / "train_fraud_labels.json"),
        clusters_k=3,
    )
    for job in (clean, cluster, label, profiles):
        job.run(spark, chosen, "ingest", quiet())
    env = environment(folder, store)
    with served(folder, env) as (scorer, _), shown(folder, env | {"TX_API_URL": scorer}) as dashboard:
        yield Stack(store, scorer, dashboard)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


def alarm(stack: Stack, number: int) -> int:
    """Post what the rules must flag; returns its id."""
    client, last = query(
        stack.store, "SELECT client_id, max(date) FROM transactions GROUP BY 1 ORDER BY count(*) DESC"
    )[0]
    return alarmed(stack.scorer, str(client), str(last)[:10], number)


def metric(page: Page, label: str) -> int:
    """A figure of the overview."""
    found = page.locator("[data-testid=stMetric]", has=page.get_by_text(label, exact=True))
    return int(found.locator("[data-testid=stMetricValue]").inner_text().replace(",", ""))


def serious(page: Page) -> list[object]:
    """What keeps somebody from reading a page."""
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_a_post_is_seen_filtered_opened_and_judged(stack: Stack, browser: Browser) -> None:
    with opened(browser=browser) as (page, errors):
        page.goto(f"{stack.dashboard}/?period=everything")
        drawn(page)
        before = query(stack.store, "SELECT count(*), coalesce(sum(is_fraud), 0) FROM transactions")[0]
        assert (metric(page, "Transactions"), metric(page, "Fraud")) == before
        flagged = metric(page, "Potential fraud")
        alarm(stack, 1)
        value = page.locator("[data-testid=stMetric]", has=page.get_by_text("Potential fraud", exact=True))
        expect(value.locator("[data-testid=stMetricValue]")).to_have_text(str(flagged + 1), timeout=5_000)
        assert "period=everything" in page.url

        page.get_by_role("link", name="Transactions").click()
        drawn(page)
        expect(page.get_by_text(f"{before[0] + 1:,} transactions in all")).to_be_visible()
        page.get_by_role("button", name="Next").click()
        expect(page).to_have_url(re.compile("page=2"))
        drawn(page)
        flags = page.locator("[data-testid=stButtonGroup]").first
        flags.get_by_role("radio", name="yes").or_(flags.get_by_role("button", name="yes")).first.click()
        expect(page.get_by_text(f"{flagged + 1} transactions match")).to_be_visible()
        expect(page).to_have_url(re.compile("flagged_fraud=yes"))
        expect(page).not_to_have_url(re.compile("page="))
        drawn(page)
        grid = page.locator("[data-testid=stDataFrame] canvas").first
        # The grid draws itself: below its header, the first row's box.
        grid.click(position={"x": 18, "y": 52}, force=True)
        expect(page.get_by_text("Against this client's habits")).to_be_visible()

        page.get_by_role("link", name="Review").click()
        page.get_by_label("Reviewer").fill("ana")
        page.get_by_label("Reviewer").press("Enter")
        expect(page.get_by_role("button", name=re.compile("^Fraud|Fraud"))).to_be_visible()
        drawn(page)
        page.locator("h1").click()
        page.keyboard.press("f")
        expect(page.get_by_text("you gave 1 in this session").or_(page.get_by_text("Nothing waits"))).to_be_visible()
        assert query(stack.store, "SELECT verdict, reviewer FROM reviews") == [("fraud", "ana")]

        page.get_by_role("link", name="Overview").click()
        drawn(page)
        page.get_by_text("everything", exact=True).click()
        fraud = page.locator("[data-testid=stMetric]", has=page.get_by_text("Fraud", exact=True))
        expect(fraud.locator("[data-testid=stMetricValue]")).to_have_text(str(int(str(before[1])) + 1), timeout=10_000)
        assert errors == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen or "overview")
def test_nothing_serious_keeps_anybody_from_reading(stack: Stack, browser: Browser, screen: str, dark: bool) -> None:
    with opened(browser=browser, dark=dark) as (page, errors):
        page.goto(f"{stack.dashboard}/{screen}")
        drawn(page)
        assert serious(page) == []
        assert errors == []


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen or "overview")
def test_on_a_phone_nothing_is_wider_than_the_screen(stack: Stack, browser: Browser, screen: str) -> None:
    with opened(browser=browser, width=390) as (page, _):
        page.goto(f"{stack.dashboard}/{screen}")
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard whose model is watched, and expects what doesn't come."""
    folder = tmp_path_factory.mktemp("watched")
    store = f"sqlite:///{folder}/transactions.db"
    kept_model(folder / "made")
    version = registry.promote(folder / "model", folder / "made", {"reason": "better by far"}).version
    windows, moved = weeks(version, online=4), indices(version, amount=0.9, hour=0.1)
    fill(parse(store), model_windows=windows, model_days=moved)
    with shown(folder, environment(folder, store, TX_MODEL_DIR=str(folder / "model"))) as dashboard:
        yield f"{dashboard}/model"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_model_that_is_wrong_somewhere_says_where(watched: str, browser: Browser, dark: bool) -> None:
    with opened(browser=browser, dark=dark) as (page, errors):
        page.goto(watched)
        drawn(page)
        alert = page.get_by_test_id("stAlert").filter(
            has_text=re.compile("^.*Online: 120 frauds expected, 24 observed")
        )
        expect(alert).to_be_visible()
        # One of each channel, with both lines in its legend.
        charts = page.get_by_test_id("stVegaLiteChart")
        expect(charts).to_have_count(2)
        assert alert.bounding_box()["y"] < charts.first.bounding_box()["y"]  # type: ignore[index]
        assert serious(page) == []
        assert errors == []


def test_on_a_phone_the_model_is_no_wider_than_the_screen(watched: str, browser: Browser) -> None:
    with opened(browser=browser, width=390) as (page, _):
        page.goto(watched)
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
