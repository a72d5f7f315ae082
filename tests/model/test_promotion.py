"""A champion is replaced by what is better, and by nothing else; the switch is one step, and can be taken back."""

import json
from pathlib import Path

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


def shuffled(data: Examples) -> Examples:
    """The same with labels that nothing tells."""
    frauds = np.random.default_rng(2).permutation(data.frauds)
    return Examples(data.figures, data.days, data.clients, frauds, data.weights, data.ids)


@pytest.fixture(scope="module")
def latest() -> tuple[Model, Tried | None]:
    """A candidate of all days and its trial."""
    return fitted(DATA, until=119, delay=7)


def test_what_knows_more_replaces_what_knows_nothing(latest: tuple[Model, Tried | None]) -> None:
    candidate, tried = latest
    found = compare(candidate, tried, fit(shuffled(DATA), until=105, delay=7))
    assert found.better
    assert found.lower_bound is not None
    assert found.lower_bound > 0.1
    assert None not in (found.candidate, found.champion)
    assert "against the champion's" in found.reason
    assert json.dumps(found.facts())


def test_what_is_as_good_leaves_the_champion(latest: tuple[Model, Tried | None]) -> None:
    candidate, tried = latest
    found = compare(candidate, tried, fit(DATA, until=105, delay=7))
    assert not found.better
    assert "may be chance" in found.reason


def test_what_knows_nothing_leaves_the_champion() -> None:
    late = np.where(DATA.days > 105, DATA.frauds, shuffled(DATA).frauds)
    data = Examples(DATA.figures, DATA.days, DATA.clients, late, DATA.weights, DATA.ids)
    candidate, tried = fitted(data, until=119, delay=7)
    found = compare(candidate, tried, fit(DATA, until=100, delay=7))
    assert not found.better
    assert found.lower_bound is not None
    assert found.lower_bound < 0


def test_without_a_champion_the_first_becomes_it(latest: tuple[Model, Tried | None]) -> None:
    candidate, tried = latest
    assert compare(candidate, tried, None).better


def test_a_champion_is_judged_on_days_that_it_has_not_seen(latest: tuple[Model, Tried | None]) -> None:
    candidate, tried = latest
    found = compare(candidate, tried, fit(shuffled(DATA), until=119, delay=7))
    assert (found.better, found.candidate) == (False, None)
    assert "of which 50 are needed to compare: the champion stays" in found.reason
    assert compare(candidate, tried, candidate).reason == "it is the champion already"


def test_a_trial_is_of_as_many_weeks_as_have_enough_frauds() -> None:
    daily = np.repeat(np.arange(100), 2)
    assert first_of_trial(daily, until=99) == 72
    assert first_of_trial(np.repeat(daily, 10), until=99) == 93
    assert first_of_trial(daily[:30], until=99) == 93


@pytest.fixture(scope="module")
def made(latest: tuple[Model, Tried | None], tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
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
