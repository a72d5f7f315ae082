"""What came in, what was flagged, what was fraud."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import streamlit as st

from dashboard import door, drawing, queries_overview, stores, words
from dashboard.drawing import Bar, Stretch
from dashboard.queries_overview import Judged, Overview, Period
from fraudstack.storage.sums import Sums

_USUAL, _USUAL_DAYS = "with frauds", 30
_PERIODS = {_USUAL: _USUAL_DAYS, "7 days": 7, "30 days": 30, "90 days": 90, "365 days": 365, "everything": None}
_EARLIER = (
    f"The latest {_USUAL_DAYS} days with known frauds: none is known of the days after {{}}. "
    f"*{_USUAL_DAYS} days* above shows the newest ones."
)
_REFRESH_SECONDS = 3
_MOST_CATEGORIES = _MOST_REASONS = 15

_NOTHING_YET = (
    "There are no transactions yet. `make demo` brings a sample, `fraudstack ingest` loads files, and whatever is "
    "posted to the scorer appears here by itself."
)
_NO_FRAUD = "Of the {} transactions of this period that have a label none is fraud: there are no rates to show."
_NO_LABELS = (
    "Of these transactions none has a label yet, so the rates of fraud aren't known. `fraudstack ingest --labels` "
    "and verdicts on the page Review bring them."
)


def draw() -> None:
    """The figures of the last days, which follow the scorer by themselves."""
    st.title("Overview")
    chosen = st.segmented_control(
        "Period", list(_PERIODS), default=_USUAL, required=True, key="period", bind="query-params"
    )
    _live(_PERIODS[chosen], chosen == _USUAL)


@st.fragment(run_every=_REFRESH_SECONDS)
def _live(days: int | None, with_frauds: bool) -> None:
    # A fragment runs again without the page around it: it needs a guard of its own.
    door.guarded(partial(_draw_figures, days, with_frauds))


def _draw_figures(days: int | None, with_frauds: bool) -> None:
    with stores.transactions() as connection:
        began = queries_overview.behind(connection)
        shown = queries_overview.period(connection, days, with_frauds=with_frauds)
        version = shown and queries_overview.version(connection, shown)
    if began:
        st.info(
            f"These figures are from before the ingest step of {began} UTC and become current when the step "
            "profiles of that ingest has ended.",
            icon=":material/update:",
        )
    if shown is None or version is None:
        if not began:
            st.info(_NOTHING_YET, icon=":material/inbox:")
        return
    found = _figures(stores.settings().store_url, shown, version)
    if shown.earlier:
        st.caption(_EARLIER.format(shown.last))
    _draw_totals(found, shown)
    _draw_volume(found)
    _draw_rates(found)


# Between two changes of the sums there is nothing to read anew, for any of the readers.
@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def _figures(url: str, shown: Period, version: int) -> Overview:
    with stores.transactions() as connection:
        return queries_overview.read(connection, shown)


def _draw_totals(found: Overview, shown: Period) -> None:
    now, before = found.now, found.before or Sums()
    frauds_help = "By labels and reviews (is_fraud); both may come much later than the transaction."
    flagged_help = "Flagged by the scorer as they came: suspicious or blocked (flagged_fraud)."
    if found.judged.suspicious_afterwards:
        flagged_help += f" {words.count(found.judged.suspicious_afterwards)} more were found suspicious afterwards."
    with st.container(horizontal=True):
        _metric("Transactions", words.count(now.transactions), words.change(now.transactions, before.transactions))
        amount = words.money(now.cents, stores.settings().currency)
        _metric("Amount", amount, words.change(now.cents, before.cents), "Net of refunds.")
        flagged = words.change(now.flagged, before.flagged)
        _metric("Potential fraud", words.count(now.flagged), flagged, flagged_help, more_is_worse=True)
    with st.container(horizontal=True):
        frauds = words.change(now.frauds, before.frauds)
        _metric("Fraud", words.count(now.frauds), frauds, frauds_help, more_is_worse=True)
        _metric("Precision", words.share(found.judged.precision), None, _precision_help(found.judged))
        _metric("Recall", words.share(found.judged.recall), None, _recall_help(found.judged))
    compared = f" Changes are against as many days before, from {shown.before}." if shown.before else ""
    known = f"{words.count(now.scored)} were scored, {words.count(now.labelled)} have a label."
    if found.judged.afterwards:
        known += (
            f" {words.count(found.judged.afterwards)} were decided afterwards, by what was known at their time: "
            f"{words.count(found.judged.suspicious_afterwards)} as suspicious. Precision and recall count them."
        )
    counted = "" if shown.earlier else ", counted back from the newest day"
    st.caption(f"{shown.first} to {shown.last}{counted}. {known}{compared}")


def _metric(label: str, said: str, change: str | None, help: str | None = None, *, more_is_worse: bool = False) -> None:
    colour: Literal["inverse", "off"] = "inverse" if more_is_worse else "off"
    st.metric(label, said, change, colour, help=help, border=True, height="stretch")


def _precision_help(judged: Judged) -> str:
    if judged.precision is None:
        return "Not known: no flagged transaction of this period has a label yet."
    return (
        f"{words.count(judged.flagged_frauds)} of the {words.count(judged.flagged_labelled)} flagged transactions "
        "that have a label are fraud."
    )


def _recall_help(judged: Judged) -> str:
    if judged.recall is None:
        return "Not known: no scored transaction of this period is labelled as fraud yet."
    return (
        f"{words.count(judged.flagged_frauds)} of the {words.count(judged.decided_frauds)} frauds scored were flagged."
    )


def _draw_volume(found: Overview) -> None:
    per = f"per {found.grain}"
    currency = stores.settings().currency
    left, right = st.columns(2)
    with left:
        _titled(f"Transactions {per}")
        volume = [Stretch(s.start, s.end, s.sums.transactions, words.count(s.sums.transactions)) for s in found.spans]
        st.altair_chart(
            drawing.over_time(volume, "transactions", drawing.BLUE), alt=f"Bars: transactions {per} over time"
        )
    with right:
        _titled(f"Amount {per}")
        amounts = [
            Stretch(s.start, s.end, s.sums.cents / 100, words.money(s.sums.cents, currency)) for s in found.spans
        ]
        st.altair_chart(
            drawing.over_time(amounts, f"amount, {currency}", drawing.GREEN), alt=f"Bars: amount {per} over time"
        )
    if found.grain != "day":
        st.caption(f"The first and the last {found.grain} may be incomplete.")


def _draw_rates(found: Overview) -> None:
    if not found.now.frauds:
        st.info(_NO_FRAUD.format(words.count(found.now.labelled)) if found.now.labelled else _NO_LABELS)
        _draw_bars("Most frequent reasons", "reason", _reasons(found.reasons))
        return
    left, right = st.columns(2)
    with left:
        _titled("Fraud rate by hour")
        hours = _rates(_in_order(found.hours))
        chart = drawing.columns(hours, "hour of day (UTC)", "fraud, share of labelled", drawing.VERMILLION)
        st.altair_chart(chart, alt="Bars: fraud rate by hour of day")
        _draw_bars("Fraud rate by channel", "channel", _rates(_in_order(found.channels)), rates=True)
        _draw_bars("Most frequent reasons", "reason", _reasons(found.reasons))
    with right:
        _draw_bars(
            "Fraud rate by category",
            "category (MCC)",
            _rates(_most_frauds(found.categories), lambda mcc: f"{mcc} {found.names.get(mcc, '')}".rstrip()),
            f"The {_MOST_CATEGORIES} merchant categories with the most frauds, most first.",
            rates=True,
        )


def _draw_bars(title: str, names: str, bars: list[Bar], note: str = "", *, rates: bool = False) -> None:
    if not bars:
        return
    _titled(title)
    colour = drawing.VERMILLION if rates else drawing.PURPLE
    figure = "fraud, share of labelled" if rates else "transactions"
    st.altair_chart(drawing.bars(bars, names, figure, colour, shares=rates), alt=f"Bars: {title.lower()}")
    if note:
        st.caption(note)


def _titled(title: str) -> None:
    st.subheader(title, anchor=False)


def _rates(values: Mapping[str, Sums], name: Callable[[str], str] = str) -> list[Bar]:
    """Frauds among what is labelled, in the order of the values."""
    return [
        Bar(
            name(value),
            found.frauds / found.labelled,
            f"{words.share(found.frauds / found.labelled, 2)} ({words.count(found.frauds)})",
        )
        for value, found in values.items()
        if found.labelled
    ]


def _in_order(values: Mapping[str, Sums]) -> dict[str, Sums]:
    return dict(sorted(values.items()))


def _most_frauds(values: Mapping[str, Sums]) -> dict[str, Sums]:
    with_frauds = [(value, found) for value, found in values.items() if found.frauds]
    return dict(sorted(with_frauds, key=lambda item: (-item[1].frauds, item[0]))[:_MOST_CATEGORIES])


def _reasons(values: Mapping[str, Sums]) -> list[Bar]:
    found = [(code, sums.transactions) for code, sums in values.items() if sums.transactions]
    most = sorted(found, key=lambda item: (-item[1], item[0]))[:_MOST_REASONS]
    return [Bar(code.replace("_", " "), count, words.count(count)) for code, count in most]
