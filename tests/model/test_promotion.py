"""A champion is replaced by what is better, and by nothing else; the switch is one step, and can be taken back."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import artefact, champion, registry
from fraudstack.model.artefact import Model
from fraudstack.model.fit import Examples, Tried, first_of_trial, fit, fitted
from fraudstack.model.promotion import compare
from tests.model.made import as_of_the_first_release, examples, rewritten

DATA = examples(rows=40_000, days=120)
# Of whom nobody asks more than that there is one.
ANOTHER = Model("", NAMES, 7, 1.0, 0.0, {"trained": {"until": "1970-01-01"}})


def shuffled(data: Examples) -> Examples:
    """The same with labels that nothing tells."""
    frauds = np.random.default_rng(2).permutation(data.frauds)
    return replace(data, frauds=frauds)


def tried_of(data: Examples, until: int = 119) -> tuple[Model, Tried]:
    """A candidate and its trial, of which the rules know nothing."""
    candidate, tried = fitted(data, until, delay=7)
    assert tried is not None
    return candidate, replace(tried, by_rules=np.random.default_rng(3).random(len(tried.scores)))


@pytest.fixture(scope="module")
def latest() -> tuple[Model, Tried]:
    """A candidate of all days."""
    return tried_of(DATA)


@pytest.fixture(scope="module")
def earlier() -> Model:
    """A champion that learned from the same, and not from the last days."""
    return fit(DATA, until=105, delay=7)


def test_what_knows_more_replaces_what_knows_nothing(latest: tuple[Model, Tried]) -> None:
    found = compare(*latest, fit(shuffled(DATA), until=105, delay=7))
    assert found.better
    assert found.lower_bound is not None
    assert found.lower_bound > 0.1
    assert "against the champion's" in found.reason
    said = json.loads(json.dumps(found.facts()))
    assert said["loss"] < said["champion_loss"]
    assert said["loss_of_trial"] < said["loss_of_base_rate"]
    assert said["rules"] < said["of_trial"]


def test_what_is_as_good_and_fresher_replaces_the_champion(latest: tuple[Model, Tried], earlier: Model) -> None:
    found = compare(*latest, earlier)
    assert found.better
    assert found.lower_bound is not None
    assert found.upper_bound is not None
    assert found.lower_bound <= 0 <= found.upper_bound
    assert "no worse than chance allows, and it has learned from the days since" in found.reason


@pytest.mark.parametrize("wrong", ["order", "probability"])
def test_what_is_worse_leaves_the_champion(latest: tuple[Model, Tried], earlier: Model, wrong: str) -> None:
    candidate, tried = latest
    assert tried.by_rules is not None
    # Half way to what the rules say, or less sure than it could be: above the floor all the same.
    scores = 0.6 * tried.scores + 0.2 * tried.by_rules if wrong == "order" else 0.7 * tried.scores + 0.03
    found = compare(candidate, replace(tried, scores=scores), earlier)
    assert not found.better
    assert "worse by more than chance: the champion stays" in found.reason
    assert found.upper_bound is not None
    assert (found.upper_bound < 0) == (wrong == "order")


def test_without_a_champion_the_floor_alone_decides(latest: tuple[Model, Tried]) -> None:
    candidate, tried = latest
    found = compare(candidate, tried, None)
    assert found.better
    assert "against the rules'" in found.reason
    assert "there was no champion" in found.reason
    assert found.expected_to_observed == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"by_rules": lambda tried: tried.examples.frauds + 0.0}, "it may be chance that it beats the rules"),
        ({"by_rules": lambda tried: tried.scores}, "it may be chance that it beats the rules"),
        ({"scores": lambda tried: tried.scores / 3}, "it isn't calibrated"),
        ({"scores": lambda tried: np.minimum(tried.scores * 3, 1)}, "it isn't calibrated"),
        # As many as there were in all, and still a worse guess than their share.
        ({"scores": lambda tried: 1e-6 + (tried.scores > np.quantile(tried.scores, 0.9))}, "it isn't calibrated"),
        ({"by_rules": lambda _: None}, "isn't known, train it anew"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_below_the_floor_nothing_comes_into_force(
    latest: tuple[Model, Tried], changed: dict[str, Any], said: str, is_first: bool
) -> None:
    candidate, tried = latest
    tried = replace(tried, **{name: made(tried) for name, made in changed.items()})
    found = compare(candidate, tried, None if is_first else ANOTHER)
    assert not found.better
    assert said in found.reason
    assert found.reason.endswith("the rules go on alone" if is_first else "the champion stays")


def test_what_was_never_tried_or_was_rolled_back_from_waits_for_a_person(latest: tuple[Model, Tried]) -> None:
    candidate, tried = latest
    assert "too few frauds to judge it on: the rules go on alone" in compare(candidate, None, None).reason
    found = compare(candidate, tried, None, {candidate.version})
    assert not found.better
    assert "it was rolled back from, and a person alone can promote it again" in found.reason


def test_each_transaction_of_a_trial_counts_for_as_many_as_it_stands_for(latest: tuple[Model, Tried]) -> None:
    candidate, tried = latest
    twice = tried.examples.where(np.repeat(np.arange(len(tried.scores)), 2))
    assert tried.by_rules is not None
    doubled = Tried(twice, np.repeat(tried.scores, 2), np.repeat(tried.by_rules, 2))
    heavy = replace(tried, examples=replace(tried.examples, weights=tried.examples.weights * 2))
    one, other = (compare(candidate, given, None).facts() for given in (doubled, heavy))
    for name in ("of_trial", "rules", "loss_of_trial", "loss_of_base_rate", "expected_to_observed"):
        assert one[name] == pytest.approx(other[name])


def test_a_champion_is_judged_on_days_that_it_has_not_seen(latest: tuple[Model, Tried]) -> None:
    candidate, tried = latest
    found = compare(candidate, tried, fit(shuffled(DATA), until=119, delay=7))
    assert (found.better, found.candidate) == (False, None)
    assert "of which 50 are needed to compare: the champion stays" in found.reason
    assert compare(candidate, tried, candidate).reason == "it is the champion already"


def test_a_trial_is_of_as_many_weeks_as_have_enough_frauds_and_leaves_as_many() -> None:
    daily = np.repeat(np.arange(100), 2)
    # Two a day: 84 of six weeks, and 102 until a week before them; of seven weeks it would be 98 and 88.
    assert first_of_trial(daily, until=99) == 58
    assert first_of_trial(daily, until=99, delay=30) == 65
    assert first_of_trial(np.repeat(daily, 10), until=99) == 86
    assert first_of_trial(daily[:30], until=99) == 93
    # 200 in two hundred days; fewer than fifty in a year.
    assert first_of_trial(np.arange(1000), until=999) == 797
    assert first_of_trial(np.arange(0, 4000, 8), until=3999) == 3636


@pytest.fixture(scope="module")
def made(latest: tuple[Model, Tried], tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    folder = tmp_path_factory.mktemp("made")
    models = latest[0], fit(DATA, until=110, delay=7)
    for name, model in zip("ab", models, strict=True):
        artefact.save(model, folder / name)
        model.facts["folder"] = str(folder / name)
    return models


def folder_of(model: Model) -> Path:
    return Path(model.facts["folder"])


def test_promotion_and_roll_back(tmp_path: Path, made: tuple[Model, Model]) -> None:
    one, two = made
    assert registry.champion(tmp_path) is None
    registry.promote(tmp_path, folder_of(one), {"reason": "first"})
    registry.promote(tmp_path, folder_of(two), {"reason": "better"})
    assert registry.champion(tmp_path).version == two.version  # type: ignore[union-attr]
    said = champion.facts(tmp_path)
    assert said is not None
    assert (said["reason"], said["before"]) == ("better", one.version)
    assert registry.roll_back(tmp_path).version == one.version
    assert registry.champion(tmp_path).version == one.version  # type: ignore[union-attr]
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == sorted([one.version, two.version])
    assert {path.name for path in tmp_path.iterdir()} == {"versions", "champion.json"}


def test_what_cannot_be_used_leaves_the_champion(tmp_path: Path, made: tuple[Model, Model]) -> None:
    one, two = made
    registry.promote(tmp_path / "kept", folder_of(one), {})
    before = (tmp_path / "kept" / "champion.json").read_bytes()
    other = tmp_path / "other"
    artefact.save(two, other)
    whole = (other / "model.json").read_text()
    rewritten(other, features=[*NAMES[1:], "shoe_size"])
    with pytest.raises(InputError, match=r"made for other features .*shoe_size"):
        registry.promote(tmp_path / "kept", other, {})
    (other / "model.json").write_text(whole)
    rewritten(other, prior=json.loads(whole)["prior"] | {"least": 0.5})
    with pytest.raises(InputError, match="made beside another prior"):
        registry.promote(tmp_path / "kept", other, {})
    with pytest.raises(InputError, match="there is no model in"):
        registry.promote(tmp_path / "kept", tmp_path / "nothing", {})
    with pytest.raises(InputError, match="there was no champion before"):
        registry.roll_back(tmp_path / "kept")
    assert (tmp_path / "kept" / "champion.json").read_bytes() == before
    assert registry.champion(tmp_path / "kept").version == one.version  # type: ignore[union-attr]


def test_a_kept_model_that_is_damaged_is_kept_anew(tmp_path: Path, made: tuple[Model, Model]) -> None:
    one, _ = made
    registry.promote(tmp_path, folder_of(one), {})
    kept = tmp_path / "versions" / one.version
    (kept / "model.txt").write_bytes((kept / "model.txt").read_bytes()[:1000])
    with pytest.raises(InputError, match="isn't the one that its version"):
        registry.champion(tmp_path)
    said: list[str] = []
    assert registry.every(tmp_path, said.append) == []
    assert len(said) == 1
    registry.promote(tmp_path, folder_of(one), {})
    assert registry.champion(tmp_path).version == one.version  # type: ignore[union-attr]
    assert [path.name for path in (tmp_path / "versions").iterdir()] == [one.version]


def test_a_model_of_the_first_release_stays_and_is_named_anew_when_it_is_promoted(
    tmp_path: Path, made: tuple[Model, Model]
) -> None:
    one, two = made
    registry.promote(tmp_path, folder_of(one), {})
    kept = tmp_path / "versions" / one.version
    old = as_of_the_first_release(kept)
    kept.rename(tmp_path / "versions" / old)
    (tmp_path / "champion.json").write_text(json.dumps({"version": old, "before": None}))
    assert registry.champion(tmp_path).version == one.version != old  # type: ignore[union-attr]
    registry.promote(tmp_path, folder_of(two), {})
    assert registry.roll_back(tmp_path).version == one.version
    said = champion.facts(tmp_path)
    assert said is not None
    assert said["version"] == one.version
    assert json.loads((kept / "model.json").read_text())["version"] == one.version


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"version": 7}',
        '{"version": null}',
        '{"version": "../../x"}',
        '{"version": ""}',
        '{"version": "é"}',
        '{"version": "a\\u0000"}',
        '{"version": "' + "a" * 65 + '"}',
        '{"version": NaN}',
        "[" * 5000,
        '{"version": "abc", "before": "../x"}',
        "\udcff",
    ],
)
def test_a_pointer_that_names_nothing_is_one_sentence_and_is_replaced(
    tmp_path: Path, made: tuple[Model, Model], content: str
) -> None:
    (tmp_path / "champion.json").write_text(content, errors="surrogateescape")
    with pytest.raises(InputError, match=r"champion.json can't be read"):
        registry.champion(tmp_path)
    with pytest.raises(InputError, match=r"champion.json can't be read"):
        registry.roll_back(tmp_path)
    registry.promote(tmp_path, folder_of(made[0]), {})
    assert registry.champion(tmp_path).version == made[0].version  # type: ignore[union-attr]
