"""A backtest as a page and on a terminal: its figures stand there, and what isn't known is no zero."""

import re
import subprocess
import sys
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from html import escape
from io import StringIO
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from rich.console import Console

from fraudstack.report.backtest import Alert, Backtest, Change, Counts, Month, Way, saved, saved_at
from fraudstack.report.backtest_page import page
from fraudstack.report.backtest_text import table
from fraudstack.rules.config import Budget, Costs
from tests.report.test_report_page import EVIL, Page

CODES = ("amount_unusual", "country_new", "merchant_new", "card_unknown", "model", "burst_10_minutes")
SENTENCES = (
    "amount 1,812.40 is 4.1 σ above this client's 48.20 overall",
    "first transaction in Italy; first transaction at merchant 59935; card 4 is new for this client",
    "approved after 3 declines in 1 hour",
)


def added(counts: Sequence[Counts]) -> Counts:
    return Counts(*(sum(getattr(c, name) for c in counts) for name in ("alerts", "labelled", "frauds", "cents")))


def part(counts: Counts, share: float) -> Counts:
    return Counts(*(round(share * n) for n in (counts.alerts, counts.labelled, counts.frauds, counts.cents)))


def way(name: str, share: float, months: Sequence[Month], seed: int) -> Way:
    """One that alerts so much of the frauds, and five to fifteen times as many others."""
    chance = Random(seed)
    ours = []
    for month in months:
        caught = round(month.frauds * chance.uniform(share - 0.1, share + 0.1))
        labelled = caught * chance.randint(5, 15)
        counts = Counts(round(labelled * 1.4), labelled, caught, caught * 11_150)
        ours.append(replace(month, counts=counts))
    whole = added([month.counts for month in ours])
    by_code = [(code, part(whole, 0.5 / (place + 1))) for place, code in enumerate(CODES)]
    model = "20180626-5d1f" if "model" in name else None
    return Way(name, f"{seed}+1a2b3c4d", model, whole, by_code, ours)


def made(months: int = 16, ways: int = 2) -> Backtest:
    """A history of so many months; its first two have hardly any fraud."""
    chance = Random(months)
    names = [f"{2018 + (6 + n) // 12}-{(6 + n) % 12 + 1:02}" for n in range(months)]
    each = [
        Month(name, chance.randint(70_000, 80_000), chance.randint(40, 130) if n > 1 else 3, Counts())
        for n, name in enumerate(names)
    ]
    first, year, month = date(2018, 7, 4), *map(int, names[-1].split("-"))
    last = date(year, month, monthrange(year, month)[1])
    both = [way("rules-strict.yaml and model", 0.7, each, 2), way("rules.yaml", 0.5, each, 1)][:ways]
    transactions, frauds = (sum(getattr(m, name) for m in each) for name in ("transactions", "frauds"))
    found = Backtest(
        first=str(first),
        last=str(last),
        days=(last - first).days + 1,
        transactions=transactions,
        labelled=round(transactions * 0.67),
        frauds=frauds,
        cents=frauds * 11_150,
        currency="USD",
        label_delay=7,
        ways=both,
        change=None,
        trained_until="2018-06-26",
    )
    if ways == 1:
        return found
    shared = part(both[1].counts, 0.8)
    gained, lost = (
        Counts(*(getattr(w.counts, n) - getattr(shared, n) for n in ("alerts", "labelled", "frauds", "cents")))
        for w in both
    )
    alerts = [
        Alert(
            n % 3 != 0,
            7_475_327 + 13 * n,
            f"2018-{8 + n % 5:02}-{1 + n % 28:02} {n % 24:02}:30",
            (-1) ** (n % 7 == 0) * (1_999 + 7_100 * n),
            1 - n / 100,
            SENTENCES[n % 3],
            (1, 0, None)[n % 3],
        )
        for n in range(min(40, gained.alerts + lost.alerts))
    ]
    return replace(found, change=Change(shared, gained, lost, alerts))


def unlabelled(found: Backtest) -> Backtest:
    """The same alerts, of which nobody knows the truth."""

    def blind(counts: Counts) -> Counts:
        return Counts(counts.alerts)

    ways = [
        replace(
            w,
            counts=blind(w.counts),
            reasons=[(code, blind(counts)) for code, counts in w.reasons],
            months=[replace(month, frauds=0, counts=blind(month.counts)) for month in w.months],
        )
        for w in found.ways
    ]
    change = found.change
    if change:
        alerts = [replace(alert, is_fraud=None) for alert in change.alerts]
        change = Change(blind(change.both), blind(change.gained), blind(change.lost), alerts)
    return replace(found, labelled=0, frauds=0, cents=0, ways=ways, change=change)


def silent(found: Backtest) -> Backtest:
    """The same history without an alert."""
    ways = [
        replace(w, counts=Counts(), reasons=[], months=[replace(month, counts=Counts()) for month in w.months])
        for w in found.ways
    ]
    change = Change(Counts(), Counts(), Counts(), []) if found.change else None
    return replace(found, ways=ways, change=change)


def costly(found: Backtest) -> Backtest:
    """With stated costs, and a model's alerts by thresholds."""
    costs = Costs(review=4, friction=2, recovered=0.9)
    steps = [(10 ** -(n / 10), Counts(40 * n * n, 30 * n * n, 20 * n, 20 * n * 11_150)) for n in range(1, 30)]
    ways = [replace(way, costs=costs, fixed=part(way.counts, 0.8)) for way in found.ways]
    losses = [(10 ** (2 - n / 10), Counts(35 * n * n, 27 * n * n, 20 * n, 20 * n * 11_150)) for n in range(1, 30)]
    return replace(found, ways=ways, thresholds=steps, losses=losses)


def budgeted(found: Backtest) -> Backtest:
    """With a budget of alerts, within which half of them are."""
    budget = Budget(alerts_a_day=20, least_loss=12.5)
    ways = [replace(way, budget=budget, within=part(way.counts, 0.5), least_loss=13.371) for way in found.ways]
    return replace(found, ways=ways)


NOTHING = Backtest(
    "2019-01-01", "2019-01-01", 1, 0, 0, 0, 0, "USD", 0, [Way("r.yaml", "1", None, Counts(), [], [])], None
)
ALL = {
    "two": made(),
    "one": made(ways=1),
    "unlabelled": unlabelled(made()),
    "unlabelled, one": unlabelled(made(ways=1)),
    "silent": silent(made()),
    "silent, one": silent(made(ways=1)),
    "ten years": made(120),
    "one month": made(1),
    "costs": costly(made()),
    "costs, one": costly(made(ways=1)),
    "a budget": budgeted(made()),
    "a budget and costs": budgeted(costly(made(ways=1))),
    "a budget, nobody knows": unlabelled(budgeted(costly(made()))),
    "nothing": NOTHING,
}
every = pytest.mark.parametrize("name", ALL)


@cache
def written(name: str) -> str:
    """The page of one of them, drawn once."""
    return page(ALL[name])


def shown(found: Backtest, width: int = 80, **console: Any) -> str:
    file = StringIO()
    Console(file=file, width=width, **console).print(table(found))
    return file.getvalue()


def lines(found: Backtest) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in shown(found).splitlines()]


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table of a page, row by row."""
    return [
        [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)]
        for table in re.findall(r"<table>(.*?)</table>", text, flags=re.DOTALL)
    ]


def tile(text: str, name: str) -> list[tuple[str, str]]:
    """The figure and the note of every tile of that name."""
    return re.findall(rf'<div class="tile"><span>{name}</span><strong>(.*?)</strong><span>(.*?)</span>', text)


def charts(text: str) -> list[str]:
    return [str(drawing["aria-label"]) for drawing in Page(text).all("svg")]


def test_the_figures_of_both_ways_stand_in_tiles() -> None:
    text = written("two")
    assert tile(text, "transactions") == [("1,198,712", "2,472 a day")]
    assert tile(text, "frauds") == [("1,163", "0.145 % of the labelled")]
    assert tile(text, "alerts") == [("13,116", "27.0 a day"), ("7,904", "16.3 a day")]
    assert tile(text, "precision") == [
        ("8.86 %", "fraud: 830 of 9,369 labelled alerts"),
        ("10.8 %", "fraud: 608 of 5,646 labelled alerts"),
    ]
    assert tile(text, "recall") == [("71.4 %", "830 of 1,163 frauds"), ("52.3 %", "608 of 1,163 frauds")]
    assert tile(text, "money caught")[0] == ("92,545.00 USD", "missed: 37,129.50 USD, in 333 frauds")
    assert "2018-07-04 to 2019-10-31, 485 days" in text
    assert "rules version 2+1a2b3c4d, model version 20180626-5d1f" in text


def test_the_same_figures_stand_on_the_terminal() -> None:
    found = lines(made())
    for line in (
        ["transactions", "1,198,712"],
        ["alerts", "13,116", "7,904"],
        ["alerts a day", "27.0", "16.3"],
        ["precision, of the labelled", "8.86 %", "10.8 %"],
        ["recall, of all frauds", "71.4 %", "52.3 %"],
        ["money caught", "92,545.00 USD", "67,792.00 USD"],
        ["money missed", "37,129.50 USD", "61,882.50 USD"],
        ["lost: only by the old way", "1,581", "10.8 %", "122", "13,558.40"],
    ):
        assert line in found
    place = found.index(["amount_unusual", "new", "6,558", "8.86 %", "415", "46,272.50"])
    assert found[place + 1] == ["old", "3,952", "10.8 %", "304", "33,896.00"]


def test_a_single_way_is_compared_with_nothing() -> None:
    text, terminal = written("one"), shown(made(ways=1))
    for said in (text, terminal):
        assert "What changes" not in said
        assert not re.search(r"\b(new|old)\b", re.sub(r"_new|<style>.*?</style>", "", said, flags=re.DOTALL).lower())
    assert ["alerts", "13,116"] in lines(made(ways=1))
    assert ["amount_unusual", "6,558", "8.86 %", "415", "46,272.50"] in lines(made(ways=1))
    assert len(charts(text)) == 3


def test_reasons_stand_side_by_side_and_one_that_a_way_never_gave_too() -> None:
    found = made()
    new, old = found.ways
    both = [replace(new, reasons=[*new.reasons, ("llm_text", Counts(20_000, 10, 1, 5))]), old]
    reasons = next(rows for rows in tables(page(replace(found, ways=both))) if rows[0][0] == "reason")
    assert reasons[1] == ["new", "old"] * 4
    # The most frequent first.
    assert reasons[2] == ["llm_text", "20,000", "0", "10.0 %", "–", "1", "0", "0.05", "0.00"]
    assert reasons[3][:3] == ["amount_unusual", "6,558", "3,952"]


def test_what_changes_is_summed_up_and_shown_alert_by_alert() -> None:
    text = written("two")
    said = "From the old way to the new one: +5,212 alerts, +222 frauds caught, +24,753.00 USD caught."
    assert said in text
    assert said in " ".join(shown(made()).split())
    sums, alerts = tables(text)[-2:]
    assert sums[2] == ["gained: only by the new way", "6,793", "7.09 %", "344", "38,311.40"]
    assert alerts[1] == [
        *("7475327", "2018-08-01 00:30", "lost", "-19.99", "1.00"),
        *("amount 1,812.40 is 4.1 σ above this client&#x27;s 48.20 overall", "fraud"),
    ]
    assert [row[2] for row in alerts[1:4]] == ["lost", "gained", "gained"]
    assert [row[-1] for row in alerts[1:4]] == ["fraud", "legitimate", "not known"]
    assert "40 of 8,374, the highest scores first" in text
    assert "Nothing: both ways raise the same alerts." in written("silent")


def test_of_ways_of_one_name_each_alert_is_given_to_the_right_one() -> None:
    found = made()
    assert found.change
    ways = [replace(way, name="rules.yaml") for way in found.ways]
    alerts = tables(page(replace(found, ways=ways)))[-1]
    assert [row[2] == "gained" for row in alerts[1:]] == [alert.gained for alert in found.change.alerts]


def test_the_notes_say_what_was_known_when() -> None:
    for said in (written("two"), " ".join(shown(made()).split())):
        assert "each decision knew only those of transactions more than 7 days older" in said
        assert "The model learned from everything up to 2018-06-26: figures begin when" in said
    rules_alone = replace(made(), trained_until=None, label_delay=1)
    assert "more than 1 day older" in page(rules_alone)
    assert "The model learned" not in page(rules_alone) + shown(rules_alone)
    assert "of transactions of earlier days" in page(replace(made(), label_delay=0))


def test_what_alerts_save_is_less_their_reviews_and_the_honest_turned_away() -> None:
    counts = Counts(alerts=10, labelled=9, frauds=3, cents=300_00)
    assert saved(counts, Costs(review=4, friction=2, recovered=0.5)) == 300 * 0.5 - 10 * 4 - 7 * 2
    found = ALL["costs"]
    fixed = f"{saved(found.ways[0].fixed or Counts(), Costs(review=4, friction=2, recovered=0.9)):,.2f} USD"
    assert f"alerts one threshold for all amounts saves {fixed}, this way" in written("costs")
    figure = f"{saved(found.ways[0].counts, Costs(review=4, friction=2, recovered=0.9)):,.2f} USD"
    assert figure in written("costs")
    assert "saved, less" not in written("two")
    best = max(saved(one, Costs(review=4, friction=2, recovered=0.9)) for _, one in found.thresholds)
    assert f"One threshold for all amounts saves the most, {best:,.2f} USD" in written("costs")


def test_as_many_alerts_are_compared_by_expected_loss_and_by_one_threshold() -> None:
    costs, steps = Costs(review=1), [(0.5, Counts(10, 10, 2, 100_00)), (0.1, Counts(20, 20, 3, 120_00))]
    assert saved_at(steps, 10, costs) == 90
    # Halfway to what both bars save.
    assert saved_at(steps, 15, costs) == 95
    assert saved_at(steps, 5, costs) == 45
    assert saved_at(steps, 21, costs) is None
    by_money = [(50.0, Counts(10, 10, 2, 200_00))]
    found = replace(costly(made(ways=1)), thresholds=steps, losses=by_money)
    found = replace(found, ways=[replace(way, costs=costs) for way in found.ways])
    said = " ".join(shown(found).split())
    assert "10 alerts save 190.00 USD by expected loss and 90.00 USD by one threshold" in said
    assert "by expected loss and" not in shown(ALL["two"])


def test_a_budget_says_how_many_alerts_it_has_time_for_and_the_figure_that_keeps_it() -> None:
    found = ALL["a budget and costs"]
    [way] = found.ways
    assert way.within is not None
    said = " ".join(shown(found).split())
    assert f"alerts a day {way.within.alerts / found.days:,.1f} are within the budget of 20.0" in said
    assert "with budget: {alerts_a_day: 20, least_loss: 13.37}." in said
    assert "{alerts_a_day: 20, least_loss: 13.37}" in written("a budget and costs")
    assert "budget" not in written("costs") + shown(ALL["costs"])


def test_charts_say_what_they_show_and_leave_out_what_is_chance() -> None:
    rates, alerts, money = charts(written("two"))
    # Two months have 3 frauds each: of them recall isn't told, although 2 of 3 were caught.
    assert "recall from 60.5 % (2018-12) to 79.5 % (2019-03)" in rates
    assert "fewer than 10 labelled alerts or, for recall, fewer than 10 frauds" in rates
    # July has 28 days here.
    assert "New: from 0.5 (2018-07) to 59.5 (2019-04). Old: from 0.29" in alerts
    assert "New: caught 92,545.00 USD, missed 37,129.50 USD." in money


def test_a_line_has_a_gap_where_a_month_is_missing() -> None:
    found = made(ways=1)
    way = found.ways[0]
    holed = replace(found, ways=[replace(way, months=[m for m in way.months if m.month != "2019-02"])])

    def pieces(text: str) -> list[int]:
        """In how many each line of the first chart is drawn."""
        drawing = text[text.index("<svg") : text.index("</svg>")]
        return [path.count("M") for path in re.findall(r'<path d="([^"]*)"[^>]*stroke-width: 1\.2;', drawing)]

    assert pieces(written("one")) == [1, 1]
    assert pieces(page(holed)) == [2, 2]
    assert ["2019-02", "0", "0", "0", "–", "–"] in tables(page(holed))[0]


def test_a_long_history_is_drawn_by_quarter_and_told_by_month() -> None:
    text = written("ten years")
    rates, alerts, _ = charts(text)
    assert rates.startswith("Precision and recall by quarter.")
    assert "2018 Q3" in rates
    assert alerts.startswith("Alerts a day, by quarter.")
    assert [row[0] for row in tables(text)[0][1:]] == [month.month for month in made(120).ways[0].months]
    assert charts(page(made(48)))[0].startswith("Precision and recall by month.")


@pytest.mark.parametrize("ways", [1, 2])
def test_without_labels_nothing_is_said_to_be_zero(ways: int) -> None:
    found = unlabelled(made(ways=ways))
    text = page(found)
    assert tile(text, "precision") == [("not known", "the truth of no alert is known")] * ways
    assert tile(text, "recall") == tile(text, "money caught") == [("not known", "no transaction is labelled")] * ways
    assert [chart.partition(",")[0] for chart in charts(text)] == ["Alerts a day"]
    reasons = next(rows for rows in tables(text) if rows[0][0] == "reason")
    assert set(reasons[-1][1 + ways :]) == {"–"}
    for said in (text, shown(found)):
        assert "No transaction is labelled: precision, recall and the money caught aren" in said
        assert "0.00" not in said.partition("<h3>The alerts that differ")[0].partition("</style>")[2]
        assert "0 frauds" not in said
    assert ["recall, of all frauds", *["–"] * ways] in lines(found)


def test_precision_of_alerts_without_labels_is_not_known() -> None:
    found = made(ways=1)
    few = replace(found, ways=[replace(found.ways[0], counts=Counts(12), reasons=[("model", Counts(12))])])
    text = page(few)
    assert tile(text, "precision") == [("not known", "the truth of no alert is known")]
    assert tile(text, "recall") == [("0 %", "0 of 1,163 frauds")]
    assert ["model", "12", "–", "–", "–"] in tables(text)[-1]
    assert ["model", "12", "–", "–", "–"] in lines(few)


def test_labels_without_fraud_leave_recall_open() -> None:
    found = made(1, 1)
    honest = replace(found, frauds=0, cents=0, ways=[replace(found.ways[0], counts=Counts(14, 10))])
    text = page(honest)
    assert "None of the labelled transactions is fraud" in text
    assert tile(text, "recall") == [("not known", "0 of 0 frauds")]
    assert tile(text, "precision") == [("0 %", "fraud: 0 of 10 labelled alerts")]
    assert charts(text) == []


def test_nothing_to_draw_is_not_drawn() -> None:
    assert charts(written("nothing")) == []
    assert [chart.partition(":")[0] for chart in charts(written("silent"))] == ["Money of the frauds"]
    assert [chart.partition(":")[0] for chart in charts(written("one month"))] == ["Money of the frauds"]
    assert "All is of one month, 2018-07" in written("one month")
    quiet = silent(made(ways=1))
    assert tile(page(quiet), "precision") == [("not known", "No alert was raised.")]
    assert "No alert was raised." in shown(quiet)
    # Frauds that cost nothing: refunds.
    free = replace(made(ways=1), cents=0, ways=[replace(made(ways=1).ways[0], counts=Counts(20, 20, 20, 0))])
    assert len(charts(page(free))) == 2
    assert "Caught 0.00 USD, missed 0.00 USD." in page(free)


@every
def test_every_page_is_whole_and_fetches_nothing(name: str) -> None:
    text = written(name)
    read = Page(text)
    assert not read.open
    for tag, attributes in read.elements:
        assert tag not in {"script", "link", "img", "iframe", "image"}
        assert all(
            str(attributes[name]).startswith("#") for name in ("href", "xlink:href", "src") if name in attributes
        )
    assert not re.search(r"https?://|@import", text)
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= set(ids)


def test_the_same_backtest_gives_the_same_page() -> None:
    assert page(made()) == written("two")


@every
def test_every_page_can_be_heard(name: str) -> None:
    text = written(name)
    read = Page(text)
    assert len(read.all("h1")) == 1
    # No level of headings is left out.
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert len(read.all("caption")) == len(read.all("table"))
    assert all(header.get("scope") for header in read.all("th"))
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in read.all("svg"))
    assert len(read.all("details")) >= len(read.all("svg"))
    assert "prefers-color-scheme: dark" in text
    styles = " ".join(str(attributes.get("style", "")) for _, attributes in read.elements)
    # Nothing that only one of the two schemes could show.
    assert not re.search(r"(?:fill|stroke): #", styles)


@every
def test_every_line_fits_a_terminal(name: str) -> None:
    plain = shown(ALL[name])
    assert "\x1b" not in plain
    assert "…" not in plain
    assert all(len(line) <= 80 for line in plain.splitlines())


def evil(found: Backtest) -> Backtest:
    ways = [
        replace(way, name=EVIL, rules_version=EVIL, model_version=EVIL, reasons=[(EVIL, Counts(1, 1, 1, 1))])
        for way in found.ways
    ]
    change = found.change
    if change:
        alert = Alert(True, 1, EVIL, 100, 1.0, EVIL, 1)
        change = replace(change, alerts=[alert])
    return replace(found, ways=ways, change=change, currency=EVIL, trained_until=EVIL)


@pytest.mark.parametrize("ways", [1, 2])
def test_what_files_say_is_text_and_no_markup(ways: int) -> None:
    text = page(evil(made(ways=ways)))
    read = Page(text)
    assert not read.open
    assert not read.all("script")
    assert "<script" not in text
    assert "\x1b" not in text
    # Also in the title, which has no other text.
    assert "&lt;script&gt;" in text[text.index("<title>") : text.index("</title>")]
    assert escape("<script>alert('x')</script> & \"$\\frac$") in text


def test_names_give_a_terminal_no_orders() -> None:
    found = replace(evil(made()), currency="[red]EUR[/]")
    said = shown(found, 240, force_terminal=True, color_system=None)
    assert "<script>alert('x')</script>" in said
    assert "[red]EUR[/]" in said
    assert "\x1b[31m" not in said


def test_the_terminal_needs_no_matplotlib() -> None:
    program = "import sys; from fraudstack.report import backtest_text; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
