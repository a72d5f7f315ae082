"""The card: curves as others compute them, a text that says what is known and what isn't, pictures that stand alone."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from fraudstack.features.table import NAMES
from fraudstack.model.card import write
from fraudstack.model.curves import curves

PICTURES = {"precision_recall.svg", "calibration.svg", "importance.svg"}
MISSING = {
    "fold": ["How good it is isn't known"],
    "curves": ["There is no picture of precision and recall", "There is no picture of the calibration"],
    "importance": ["Which features matter most isn't known"],
    "data": ["no fingerprints were recorded"],
    "groups": ["No shares of groups of features"],
}
NOTHING = dict.fromkeys(MISSING)
EVIL = "<script>alert('x')</script> & `\"$\\frac$|](x) \x1b"
SVG = "{http://www.w3.org/2000/svg}"
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.sampled_from([1.0, 4.5])), min_size=1, max_size=60)


def week(transactions: int = 20_000, seed: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frauds that come as often as their scores promise; nearly all scores are tiny."""
    chance = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-chance.normal(-8, 2.5, transactions)))
    return (chance.random(transactions) < scores).astype(np.int64), scores


def facts(**other: Any) -> dict[str, Any]:
    frauds, scores = week()
    shares = np.arange(len(NAMES), 0, -1) ** 2.0
    known: dict[str, Any] = {
        "version": "ab12cd34ef56",
        "features": NAMES,
        "label_delay": 7,
        "calibration": {"slope": 0.93, "intercept": -0.41},
        "trained": {"from": "2018-04-01", "until": "2018-06-26"},
        "examples": 812_345,
        "frauds": 6_543,
        "parameters": {"objective": "binary", "num_leaves": 12},
        "rounds": 312,
        "fold": {
            "from": "2018-06-20",
            "until": "2018-06-26",
            "auc_roc": 0.9871,
            "average_precision": 0.6123,
            "cp@100": 0.3141,
            "precision@100": 0.2931,
            "recall@100": 0.7181,
        },
        "curves": curves(frauds, scores),
        # The longest name first.
        "importance": dict(zip(sorted(NAMES, key=len, reverse=True), shares / shares.sum(), strict=True)),
        "data": {"transactions": "1f" * 32, "labels": ["2e" * 32, "3d" * 32]},
        "groups": {"client": 0.25, "merchant": 0.75},
    }
    return known | other


def card(folder: Path, **other: Any) -> str:
    """The card's text after the way that facts take through model.json."""
    write(folder, json.loads(json.dumps(facts(**other))))
    return (folder / "card.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a card of all that can be known."""
    folder = tmp_path_factory.mktemp("model")
    card(folder)
    return folder


def texts(svg: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(svg).iter(f"{SVG}text")]  # noqa: S314 - our own


@given(ROWS)
def test_precision_and_recall_are_those_of_scikit_learn(rows: list[tuple[bool, int, float]]) -> None:
    frauds = np.array([int(fraud) for fraud, *_ in rows])
    scores = np.array([score / 10 for _, score, _ in rows])
    weights = np.array([weight for *_, weight in rows])
    points = curves(frauds, scores, weights)["precision_recall"]
    if not frauds.any():
        assert points == []
        return
    precisions, recalls, _ = precision_recall_curve(frauds, scores, sample_weight=weights)
    # Theirs come from the lowest threshold, and end in a point that no threshold has.
    expected = np.column_stack((recalls, precisions))[:-1][::-1]
    np.testing.assert_allclose(points, expected, atol=1e-12)


def test_a_thinned_line_looks_the_same() -> None:
    frauds, scores = week()
    points = np.array(curves(frauds, scores)["precision_recall"])
    precisions, recalls, _ = precision_recall_curve(frauds, scores)
    whole = np.column_stack((recalls, precisions))[:-1][::-1]
    assert len(whole) > 10_000
    assert len(points) <= 200
    np.testing.assert_allclose(points[[0, -1]], whole[[0, -1]])
    assert (np.diff(points[:, 0]) >= 0).all()
    starts, along = points[:-1], np.diff(points, axis=0)
    lengths = np.maximum((along**2).sum(axis=1), 1e-300)
    for point in whole:
        shares = np.clip(((point - starts) * along).sum(axis=1) / lengths, 0, 1)
        away = np.hypot(*(point - starts - shares[:, None] * along).T).min()
        # Two pixels of a picture of 600.
        assert away < 2 / 600


def test_bins_tell_what_scores_promise_and_what_came() -> None:
    frauds, scores = week()
    bins = curves(frauds, scores)["calibration"]
    assert 5 <= len(bins) <= 10
    means, rates, transactions, found = map(np.array, zip(*bins, strict=True))
    assert (np.diff(means) > 0).all()
    assert transactions.sum() == len(frauds)
    assert found.sum() == frauds.sum()
    assert (means * transactions).sum() == pytest.approx(scores.sum())
    np.testing.assert_allclose(rates, found / transactions)
    # What lies in the lowest bin promises few of the frauds, though it is most of the transactions.
    assert means[0] * transactions[0] < 0.06 * scores.sum()
    assert transactions[0] > len(frauds) / 2


def test_what_came_does_not_decide_the_bins() -> None:
    frauds, scores = week()
    for one, other in zip(
        curves(frauds, scores)["calibration"], curves(1 - frauds, scores)["calibration"], strict=True
    ):
        assert (one[0], one[2]) == (other[0], other[2])
        assert one[3] + other[3] == one[2]


def test_an_example_stands_for_as_many_as_it_weighs() -> None:
    frauds, scores = week(3000)
    weights = np.where(frauds == 1, 1, 3)
    weighted = curves(frauds, scores, weights.astype(np.float64))
    repeated = curves(np.repeat(frauds, weights), np.repeat(scores, weights))
    for name, line in weighted.items():
        np.testing.assert_allclose(line, repeated[name])


@pytest.mark.parametrize(
    ("frauds", "scores"),
    [([], []), ([0, 0], [0.1, 0.2]), ([1, 1], [0.1, 0.1]), ([0, 1], [0.0, 0.0]), ([1, 0], [1.0, 1e-300])],
)
def test_curves_are_json_without_nan(frauds: list[int], scores: list[float]) -> None:
    found = curves(np.array(frauds, dtype=np.int64), np.array(scores))
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_is_known_of_recall_without_a_fraud() -> None:
    found = curves(np.zeros(2, dtype=np.int64), np.array([0.1, 0.1]))
    assert found == {"precision_recall": [], "calibration": [[pytest.approx(0.1), 0.0, 2, 0]]}


def test_the_card_says_what_is_known(written: Path) -> None:
    text = (written / "card.md").read_text(encoding="utf-8")
    assert {file.name for file in written.iterdir()} == PICTURES | {"card.md"}
    assert text.startswith("# Model card: fraud in card transactions, `ab12cd34ef56`\n")
    for known in ("2018-04-01", "2018-06-26", "812,345", "6,543", "0.805 %", "7 days", "312 trees", "2018-06-20"):
        assert known in text
    for figure in ("0.987", "0.612", "0.314", "0.293", "0.718"):
        assert f"| {figure} |" in text
    for picture in PICTURES:
        assert f"]({picture})" in text
    kinds = ("merchant", "client", "mcc", "state", "channel")
    assert sum(text.count(f"| `{kind}_") for kind in kinds) == 15
    assert "`merchant` 75 %, `client` 25 %" in text
    for fingerprint in ("1f" * 32, "2e" * 32, "3d" * 32):
        assert fingerprint in text
    for sentence in ("not calibrated", *(sentence for sentences in MISSING.values() for sentence in sentences)):
        assert sentence not in text


@pytest.mark.parametrize("part", MISSING)
def test_of_what_is_missing_the_card_says_so(part: str, tmp_path: Path) -> None:
    text = card(tmp_path, **{name: missing for name, missing in NOTHING.items() if name != part})
    for name, sentences in MISSING.items():
        for sentence in sentences:
            assert (sentence in text) == (name != part)


def test_of_the_least_there_is_a_card_without_pictures(tmp_path: Path) -> None:
    for picture in PICTURES:
        (tmp_path / picture).write_text("of a model that was here before")
    least = facts(calibration={"slope": 1.0, "intercept": 0.0})
    write(tmp_path, {name: fact for name, fact in least.items() if name not in MISSING})
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "not calibrated" in text
    assert "](" not in text


def test_a_figure_that_nobody_can_tell_is_said_to_be_unknown(tmp_path: Path) -> None:
    assert "| `auc_roc` | not known |" in card(
        tmp_path, **NOTHING | {"fold": facts()["fold"] | {"auc_roc": float("nan")}}
    )


def test_pictures_say_what_they_show(written: Path) -> None:
    for name in PICTURES:
        root = ElementTree.parse(written / name).getroot()  # noqa: S314 - our own
        assert root is not None
        assert root.tag == f"{SVG}svg"
        assert root.attrib["width"] == "600"
        assert root.attrib["aria-label"] == root.findtext(f"{SVG}title")
        # Read wherever it is shown: a ground, colours that need no page.
        assert root.find(f"{SVG}rect") is not None
        text = (written / name).read_text(encoding="utf-8")
        assert "var(" not in text
        assert text.count("http") == 2
    assert {"recall, % of frauds that are found", "precision, % of found that are fraud", "100 %"} <= set(
        texts(written / "precision_recall.svg")
    )
    assert any(label.startswith("base rate: 0.") for label in texts(written / "precision_recall.svg"))
    labels = texts(written / "calibration.svg")
    assert {"perfectly calibrated", "fraud rate, % (logarithmic)", "100 %"} <= set(labels)
    assert {f"{transactions:,}" for _, _, transactions, _ in facts()["curves"]["calibration"]} <= set(labels)
    bars = texts(written / "importance.svg")
    most = sorted(NAMES, key=len, reverse=True)[:15]
    assert [label for label in bars if label in NAMES] == most
    assert sum(label.endswith(" %") for label in bars) >= 15


@pytest.mark.parametrize(
    "bins",
    [
        [[1e-9, 0.0, 40_000, 0], [1e-7, 0.0, 1, 0]],
        [[1e-4, 0.0, 5_000, 0], [0.9, 0.5, 2, 1]],
        [[1.0, 1.0, 1, 1]],
        [[0.0, 0.0, 9, 0], [0.2, 0.0, 1, 0]],
    ],
)
def test_calibration_can_be_drawn_of_few_and_of_tiny_scores(bins: list[list[float]], tmp_path: Path) -> None:
    text = card(tmp_path, importance=None, curves={"calibration": bins})
    assert f"{bins[0][2]:,}" in text
    assert f"{bins[-1][2]:,}" in texts(tmp_path / "calibration.svg")


def test_scores_of_zero_have_no_place_on_a_logarithmic_axis(tmp_path: Path) -> None:
    assert "no score is above 0" in card(tmp_path, importance=None, curves={"calibration": [[0.0, 0.5, 2, 1]]})
    assert not (tmp_path / "calibration.svg").exists()


def test_names_are_never_markup(tmp_path: Path) -> None:
    clean = EVIL.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    text = card(
        tmp_path,
        importance={EVIL: 1.0},
        groups={EVIL: 1.0},
        data={EVIL: EVIL},
        parameters={EVIL: EVIL},
        version=EVIL,
        curves=None,
    )
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    spans = [
        child for token in tokens for child in token.children or [] if child.type in ("code_inline", "html_inline")
    ]
    assert not [span for span in spans if span.type == "html_inline"]
    # In its cell of a table: feature, fingerprint and its file, parameter and its value, version.
    assert sum(span.content == clean for span in spans) == 6
    assert [label for label in texts(tmp_path / "importance.svg") if label.startswith("<script>alert('x')")]


def test_the_same_facts_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    card(tmp_path)
    for file in written.iterdir():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()
