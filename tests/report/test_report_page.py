"""The page: one file, nothing fetched, nothing of the data taken for markup."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fraudstack.errors import InputError
from fraudstack.report import Report, collect
from fraudstack.report.page import write_html
from fraudstack.report.rates import interval
from fraudstack.storage.connections.store import parse
from tests.report.stores import clusters_beside, fill, fill_clusters, transaction

EVIL = "<script>alert('x')</script> & \"$\\frac$ \x1b[31m"
# Empty elements of HTML, which have no end.
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """A page read back: its elements, its text, and whether every element ends where it must."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(report: Report, folder: Path) -> Page:
    path = folder / "report.html"
    write_html(report, path)
    assert [entry.name for entry in folder.iterdir() if "report" in entry.name] == ["report.html"]
    return Page(path.read_text(encoding="utf-8"))


def full_report(folder: Path, name: str = "Veterinary Services") -> Report:
    store = parse(str(folder / "transactions.db"))
    rows = [
        transaction(number, mcc=742, use_chip=name if number % 3 else None, is_fraud=int(number % 50 == 0))
        for number in range(1, 401)
    ]
    at = rows[0]["date"]
    fill(
        store,
        transactions=rows,
        mcc_codes=[{"mcc": 742, "name": name}],
        ingest_runs=[
            {"run_id": name, "step": "clean", "started_at": at, "quarantined": 1, "error": name},
        ],
        quarantine=[
            {"run_id": name, "step": "clean", "file": "f", "line": 1, "text": "x", "reason": name},
        ],
    )
    fill_clusters(clusters_beside(store), [name, "other"])
    return collect(store, clusters_beside(store))


def test_every_chart_is_there_and_says_what_it_shows(tmp_path: Path) -> None:
    page = page_of(full_report(tmp_path), tmp_path)
    drawings = page.all("svg")
    assert len(drawings) == 9
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert drawing["aria-label"]
        # Scales with the page: no size of its own.
        assert "viewbox" in drawing
        assert "width" not in drawing
    assert len(page.all("figcaption")) == len(page.all("details")) == 9
    assert "8" in page.text
    assert any("0742 Veterinary Services" in text for text in page.text)


def test_nothing_is_fetched(tmp_path: Path) -> None:
    report = full_report(tmp_path)
    page = page_of(report, tmp_path)
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "img", "iframe", "image"}
        for name, value in attributes.items():
            if name in {"href", "xlink:href", "src"}:
                assert str(value).startswith("#")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\"' <)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in text


def test_no_id_stands_twice_and_none_is_missing(tmp_path: Path) -> None:
    page = page_of(full_report(tmp_path), tmp_path)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used
    assert used <= set(ids)


def test_names_are_text_and_no_markup(tmp_path: Path) -> None:
    page = page_of(full_report(tmp_path, EVIL), tmp_path)
    assert not page.all("script")
    assert not page.open
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    # The whole name stands in a table, although the drawing shortens it.
    assert any("0742 <script>alert('x')</script> & \"$\\frac$" in cell for cell in page.text)


def test_colours_follow_the_page(tmp_path: Path) -> None:
    page = page_of(full_report(tmp_path), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    styles = " ".join(str(attributes.get("style", "")) for _, attributes in page.elements)
    assert "var(--orange)" in styles
    # Nothing that only one of the two schemes could show.
    assert not re.search(r"(?:fill|stroke): #", styles)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({}, "There are no transactions yet."),
        ({}, "No run has brought anything yet."),
        ({}, "There are no clusters"),
        ({"transactions": [transaction(1)]}, "No transaction is labelled yet"),
        ({"transactions": [transaction(1, is_fraud=0)]}, "None of the labelled transactions is fraud."),
        ({"transactions": [transaction(1, is_fraud=1, mcc=None)]}, "No category has fraud and 100 labelled"),
    ],
)
def test_what_is_not_there_is_said_in_words(tmp_path: Path, tables: dict[str, Any], says: str) -> None:
    store = parse(str(tmp_path / "transactions.db"))
    fill(store, **tables)
    page = page_of(collect(store, clusters_beside(store)), tmp_path)
    assert any(says in text for text in page.text)


def test_a_report_without_its_breakdown_has_a_page_too(tmp_path: Path) -> None:
    store = parse(str(tmp_path / "transactions.db"))
    fill(store, transactions=[transaction(1, is_fraud=1)])
    page = page_of(collect(store, None, breakdown=False), tmp_path)
    assert len(page.all("svg")) == 1


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    report = full_report(tmp_path)
    with pytest.raises(InputError, match="can't be written"):
        write_html(report, tmp_path / "missing" / "report.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match="can't be written"):
        write_html(report, tmp_path / "folder.html")
    assert not list(tmp_path.glob(".*.part"))


def test_the_interval_is_wilsons() -> None:
    # Worked out by hand; with nothing found it still reaches above zero.
    assert interval(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert interval(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert interval(1, 1) == pytest.approx((0.2065, 1.0), abs=1e-4)
