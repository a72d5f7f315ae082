"""The card of a model: what it is, how good, for what and not for what (Mitchell et al. 2019, Model Cards)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from fraudstack.model.curves import Curve

_MOST_FEATURES = 15
_CARD = "card.md"
_PICTURES = ("precision_recall.svg", "calibration.svg", "importance.svg")
_MEASURES = {
    "auc_roc": "area under the ROC curve: the chance that a fraud scores above a legitimate transaction; "
    "0.5 is guessing, and where fraud is rare even a high one can mean many false alarms",
    "average_precision": "mean of the precision over all recalls, the area under the line of both; "
    "guessing reaches the base rate",
    "cp@100": "card precision: of the 100 clients who score highest on a day, the share that was defrauded on it; "
    "a client once found is left out; mean of the days",
    "precision@100": "of the 100 transactions that score highest on a day, the share that is fraud",
    "recall@100": "of all frauds, the share that is among the 100 transactions that score highest on their day",
}


def write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write card.md and its pictures precision_recall.svg, calibration.svg, importance.svg into a model's folder.

    `facts` are those of model.json; of what they leave out the card says so, and it has no picture of it.
    """
    # Brings matplotlib and the report, which nothing else here needs.
    from fraudstack.model import card_pictures

    found = facts.get("curves") or {}
    points, bins = found.get("precision_recall") or [], found.get("calibration") or []
    shares = facts.get("importance") or {}
    features = sorted(shares.items(), key=lambda feature: (-feature[1], feature[0]))[:_MOST_FEATURES]
    parameters = [(_code(name), _code(value)) for name, value in facts["parameters"].items()]
    drawn = (
        card_pictures.precision_recall(points) if points else None,
        card_pictures.calibration(bins) if bins else None,
        card_pictures.importance(features) if features else None,
    )
    for name, svg in zip(_PICTURES, drawn, strict=True):
        if svg:
            (folder / name).write_text(svg, encoding="utf-8")
        else:
            # One of a model that was here before would tell of that one.
            (folder / name).unlink(missing_ok=True)
    sections = (
        _what(facts),
        _figures(facts, points),
        _precision(points),
        _calibrated(bins, drawn=drawn[1] is not None),
        _looked_at(facts, features),
        "## Parameters\n\n" + _table(("parameter", "value"), parameters),
        _data(facts.get("data") or {}),
        _use(facts),
    )
    (folder / _CARD).write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _what(facts: Mapping[str, Any]) -> str:
    examples, frauds, delay = facts["examples"], facts["frauds"], facts["label_delay"]
    trained, line = facts["trained"], facts["calibration"]
    sign = "-" if line["intercept"] < 0 else "+"
    calibrated = (line["slope"], line["intercept"]) != (1, 0)
    meaning = (
        "Its scores are calibrated: of the transactions that score 0.2, about a fifth should be fraud."
        if calibrated
        else "Its scores are **not calibrated**: they rank transactions, and promise nothing as probabilities."
    )
    rows = (
        ("version", _code(facts["version"])),
        ("kind", f"{facts['rounds']:,} trees, boosted by gradients (LightGBM, Ke et al. 2017)"),
        ("training window", f"{_code(trained['from'])} to {_code(trained['until'])}, both included"),
        ("examples", f"{examples:,} labelled transactions"),
        ("frauds", f"{frauds:,}, {_percent(frauds / examples)} of the examples"),
        (
            "label delay",
            f"{delay} days: since a bank learns of fraud late, features of day d read labels up to d - {delay + 1}",
        ),
        ("features", f"{len(facts['features'])}, declared in `fraudstack/features/table.py`"),
        ("prior", "log odds of the known fraud rate of the category or the state, which trees add to"),
        ("calibration", f"sigmoid({line['slope']:.4g} * log odds {sign} {abs(line['intercept']):.4g}) (Platt 1999)"),
    )
    return f"""# Model card: fraud in card transactions, {_code(facts["version"])}

Gradient boosted trees that give each card transaction the probability that it is fraud, between 0 and 1.
{meaning}

{_table(("", "what"), rows)}

Where a bank has millions of legitimate transactions, the examples hold a share of them, weighted to stand for all: the
share of frauds among the examples can be higher than among transactions."""


def _figures(facts: Mapping[str, Any], points: Curve) -> str:
    head = "## Figures on the last weeks\n\n"
    fold = facts.get("fold")
    if not fold:
        return head + "How good it is isn't known: no weeks had enough frauds to try it on."
    rows = [(_code(name), _figure(fold[name]), means) for name, means in _MEASURES.items() if name in fold]
    if points:
        rows.append(("base rate", f"{points[-1][1]:.3g}", "the share of those weeks' transactions that is fraud"))
    return f"""{head}{_table(("measure", "value", "what it is"), rows)}

Each is between 0 and 1, and more is better. They are of {_code(fold["from"])} to {_code(fold["until"])}, and of a first
model, which had learned only what was known before; the model in this folder was then trained on those weeks too. How
many trees help and what a score is worth was found on the other half of the clients."""


def _precision(points: Curve) -> str:
    if not points:
        return "## Precision and recall\n\nThere is no picture of precision and recall: no curve was recorded."
    return f"""## Precision and recall

![Precision against recall on the last weeks]({_PICTURES[0]})

Each place on the line is a threshold: to the right more frauds are found (recall), further down more of the alarms are
false (precision). The dashed line is what alarms at random would reach."""


def _calibrated(bins: Curve, *, drawn: bool) -> str:
    if not bins:
        return "## Calibration\n\nThere is no picture of the calibration: no bins of scores were recorded."
    picture = (
        f"""![Fraud rate against mean score on the last weeks]({_PICTURES[1]})

Each point is a bin of scores, under the number of its transactions. On the dashed line scores are right; above it there
was more fraud than they promised, below it less. A line through a point is the 95 % interval of its fraud rate (Wilson
1927). A model is calibrated on the weeks it is tried on: later weeks may lie further off."""
        if drawn
        else "There is no picture of it: no score is above 0."
    )
    rows = [
        (f"{score:.3g}", f"{rate:.3g}", f"{transactions:,}", f"{frauds:,}")
        for score, rate, transactions, frauds in bins
    ]
    return f"""## Calibration

{picture}

{_table(("mean score", "fraud rate", "transactions", "frauds"), rows)}"""


def _looked_at(facts: Mapping[str, Any], features: Sequence[tuple[str, float]]) -> str:
    head = "## What it looks at\n\n"
    groups = facts.get("groups") or {}
    by_group = sorted(groups.items(), key=lambda group: -group[1])
    summed = (
        "By group: " + ", ".join(f"{_code(name)} {_percent(share)}" for name, share in by_group) + "."
        if groups
        else "No shares of groups of features were recorded."
    )
    if not features:
        return f"{head}Which features matter most isn't known: no importance was recorded.\n\n{summed}"
    rows = [(str(place), _code(name), _percent(share)) for place, (name, share) in enumerate(features, 1)]
    return f"""{head}![The most important features]({_PICTURES[2]})

The longer its bar, the more a feature helped the trees to tell fraud from the rest: its share of what all splits gain.
That says what the model uses, not what causes fraud; of features that tell the same, one may take all the share.

{_table(("", "feature", "share of gain"), rows)}

{summed}"""


def _data(data: Mapping[str, Any]) -> str:
    head = "## Data\n\n"
    if not data:
        return f"{head}Which files it learned from can't be proved: no fingerprints were recorded."
    rows = [
        (_code(name), _code(fingerprint))
        for name, prints in data.items()
        for fingerprint in ([prints] if isinstance(prints, str) else prints)
    ]
    return f"{head}Who has files of the same fingerprints has the same data.\n\n{_table(('file', 'fingerprint'), rows)}"


def _use(facts: Mapping[str, Any]) -> str:
    return f"""## Intended use

To rank a bank's card transactions by how likely they are fraud, as they come in, so that people look at the right ones
first. A score is one input to a decision, beside rules and a person's review: nobody should lose a card or a payment
for good by a score alone. It isn't made to judge people, to grant credit, or for payments other than by card.

## Limits

- **Labels arrive late.** Whatever began in the last {facts["label_delay"]} days is not yet in the labels that features
  read: a new kind of fraud can pass until it is.
- **Unlabelled isn't legitimate.** It learned from labelled transactions alone, and is judged on them; fraud that nobody
  reported is in neither.
- **One bank's data.** Clients, merchants and fraudsters elsewhere differ: train it anew on data of your own.
- **Drift.** Fraud changes because it is fought. Watch figures and calibration week by week, and train again.
- **No personal attributes among the features:** no name, age, sex, income or address. Amounts, hours and places may
  still stand in for some of them; the data don't tell, so no figures by group of people are given here."""


def _figure(value: float) -> str:
    return f"{value:.3f}" if isfinite(value) else "not known"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(value: object) -> str:
    """A name or value from elsewhere as code, which is never taken for markup: its fence is longer than any in it."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
    text = text.replace("|", "\\|")
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
