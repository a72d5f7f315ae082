"""A model's files are what their version says, or one sentence; LightGBM, which would end the process, sees nothing."""

import json
import math
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import files, fit
from fraudstack.model.artefact import Model, load, write
from tests.model.made import as_of_the_first_release, kept_model, rewritten

SMALL: dict[str, Any] = {
    "features": ["one", "two"],
    "label_delay": 7,
    "prior": {"sources": ["one"], "least": 0.001},
    "calibration": {"slope": 1.25, "intercept": -0.5},
    "trained": {"from": "2019-01-01", "until": "2019-02-01"},
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "model"
    kept_model(folder)
    return folder


@pytest.fixture
def model(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "model"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder of the right form; what its trees say nobody asks."""
    (tmp_path / "model.txt").write_text("tree\nversion=v4\nnum_class=1\nleaf_value=0.25 0.75\nend of trees\n")
    (tmp_path / "model.json").write_text(json.dumps(SMALL))
    rewritten(tmp_path)
    return tmp_path


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """LightGBM must not be asked."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("LightGBM saw what nobody vouched for")

    monkeypatch.setattr(lightgbm, "Booster", asked)


def test_every_cut_and_every_changed_byte_of_the_trees_is_told(small: Path) -> None:
    path = small / "model.txt"
    whole = path.read_bytes()
    changed = [whole[:length] for length in range(len(whole))]
    changed += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(len(whole))]
    changed += [whole + b"\n", b"", b"\xff" * 100, whole * 2]
    for content in changed:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"isn't the one that its version|isn't text"):
            files.read(small)
    path.write_bytes(whole)
    assert files.read(small).features == ("one", "two")


def test_every_cut_and_every_changed_byte_of_the_facts_is_told_or_means_the_same(small: Path) -> None:
    path = small / "model.json"
    whole, right = path.read_bytes(), files.read(small)
    changed = [whole[:length] for length in range(len(whole))]
    changed += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(len(whole))]
    for content in changed:
        path.write_bytes(content)
        with suppress(InputError):
            found = files.read(small)
            # What isn't part of the version: the day until which it was trained.
            assert (found.version, found.trees, found.slope) == (right.version, right.trees, right.slope)


VALUES: tuple[Any, ...] = (
    None,
    math.nan,
    math.inf,
    -math.inf,
    1e300,
    -1,
    0,
    True,
    "x",
    "",
    [],
    {},
    [None],
    ["x"] * 1000,
    {"a": 1},
)
# What can stand there; the rest is refused.
TAKEN: dict[str, tuple[Any, ...]] = {
    "label_delay": (0,),
    "features": ([], ["x"] * 1000),
    "prior": ({}, {"a": 1}),
    "intercept": (-1, 0),
    "reference": ({},),
}


def replaced(name: str, value: object) -> dict[str, Any]:
    if name in ("slope", "intercept"):
        return {"calibration": SMALL["calibration"] | {name: value}}
    return {name: value}


@pytest.mark.parametrize("name", [*SMALL, "version", "slope", "intercept", "reference"])
def test_whatever_stands_in_a_value_it_is_told(small: Path, name: str) -> None:
    whole = (small / "model.json").read_text()
    for value in VALUES:
        taken = json.dumps(value) in map(json.dumps, TAKEN.get(name, ()))
        for right in (True, False):
            (small / "model.json").write_text(json.dumps(json.loads(whole) | replaced(name, value)))
            if right and name != "version":
                rewritten(small)
            if taken and (right or name == "reference"):
                assert files.read(small)
                continue
            with pytest.raises(InputError, match="the model in"):
                files.read(small)


def test_a_value_that_is_no_number_names_its_place(small: Path) -> None:
    rewritten(small, calibration={"slope": None, "intercept": 0})
    with pytest.raises(InputError, match=r"calibration.slope in model.json: Input should be a valid number"):
        files.read(small)
    rewritten(small, calibration={"slope": 0, "intercept": 0})
    with pytest.raises(InputError, match=r"calibration.slope in model.json: Input should be greater than 0"):
        files.read(small)
    rewritten(small, calibration={"slope": math.nan, "intercept": 0})
    with pytest.raises(InputError, match=r"model.json isn't JSON"):
        files.read(small)


def test_what_scores_depend_on_is_in_the_version(small: Path) -> None:
    versions = {files.read(small).version}
    for change in (
        {"calibration": {"slope": 1.26, "intercept": -0.5}},
        {"calibration": {"slope": 1.25, "intercept": -0.25}},
        {"label_delay": 8},
        {"features": ["two", "one"]},
        {"prior": {"sources": ["one"], "least": 0.002}},
    ):
        (small / "model.json").write_text(json.dumps(SMALL | change))
        rewritten(small)
        versions.add(files.read(small).version)
    assert len(versions) == 6


def test_what_is_no_file_or_too_large_or_of_another_name_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = files.read(small).version
    with pytest.raises(InputError, match="and abc was asked for"):
        files.read(small, "abc")
    trees = (small / "model.txt").read_bytes()
    monkeypatch.setattr(files, "_MOST_TREES", len(trees) - 1)
    with pytest.raises(InputError, match="as no file of its kind has"):
        files.read(small)
    monkeypatch.undo()
    for name in ("model.txt", "model.json"):
        whole = (small / name).read_bytes()
        (small / name).unlink()
        with pytest.raises(InputError, match=f"{name} is missing"):
            files.read(small)
        # Whoever opens a pipe waits for a writer.
        os.mkfifo(small / name)
        with pytest.raises(InputError, match="is no file"):
            files.read(small)
        (small / name).unlink()
        (small / name).mkdir()
        with pytest.raises(InputError, match="is no file"):
            files.read(small)
        (small / name).rmdir()
        (small / name).write_bytes(whole)
    assert files.read(small, version)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.3, 0.5, 0.6, 0.9, 0.99, 0.9999])
def test_trees_that_are_cut_off_never_reach_lightgbm(model: Path, share: float) -> None:
    trees = (model / "model.txt").read_bytes()
    (model / "model.txt").write_bytes(trees[: int(len(trees) * share)])
    with pytest.raises(InputError, match="isn't the one that its version"):
        load(model, NAMES)


def test_trees_of_other_features_are_told(model: Path) -> None:
    text = (model / "model.txt").read_text()
    (model / "model.txt").write_text(text.replace("feature_names=amount hour", "feature_names=hour amount"))
    rewritten(model)
    with pytest.raises(InputError, match="its trees ask for other features"):
        load(model, NAMES)


@pytest.mark.parametrize("method", ["scores", "contributions"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, ZeroDivisionError("secret")])
def test_a_model_is_tried_before_anybody_asks_it(
    model: Path, monkeypatch: pytest.MonkeyPatch, method: str, wrong: float | Exception
) -> None:
    predict = lightgbm.Booster.predict

    def broken(self: lightgbm.Booster, rows: np.ndarray[Any, Any], **given: Any) -> Any:
        if ("pred_contrib" in given) == (method == "scores"):
            return predict(self, rows, **given)
        if isinstance(wrong, Exception):
            raise wrong
        return np.full_like(np.asarray(predict(self, rows, **given), dtype=np.float64), wrong)

    monkeypatch.setattr(lightgbm.Booster, "predict", broken)
    with pytest.raises(InputError, match=r"tried on a few rows, (the model .* no number|it raises ZeroDivisionError)$"):
        load(model, NAMES)


def test_a_model_of_the_first_release_is_whole_or_told(model: Path) -> None:
    right = load(model, NAMES)
    old = as_of_the_first_release(model)
    again = load(model, NAMES, old)
    assert again.version == right.version != old
    rewritten_by_hand = json.loads((model / "model.json").read_text())
    rewritten_by_hand["calibration"]["slope"] *= 1.5
    (model / "model.json").write_text(json.dumps(rewritten_by_hand))
    assert load(model, NAMES).version not in (right.version, old)
    (model / "model.txt").write_bytes((model / "model.txt").read_bytes()[:-10])
    with pytest.raises(InputError, match="isn't the one that its version"):
        load(model, NAMES)


def test_what_was_kept_of_the_last_weeks_is_read_or_told(tmp_path: Path) -> None:
    assert fit.load_tried(tmp_path) is None
    np.savez_compressed(tmp_path / "tried.npz", scores=np.arange(1000.0))
    whole = (tmp_path / "tried.npz").read_bytes()
    for content in (whole, b"", whole[:100], whole[:-30], b"PK\x03\x04" + whole[9:], b"no archive"):
        (tmp_path / "tried.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"tried.npz can't be read"):
            fit.load_tried(tmp_path)


def test_no_model_json_says_what_isnt_json(kept: Path, tmp_path: Path) -> None:
    found = load(kept, NAMES)
    odd = Model(
        found.trees, NAMES, found.label_delay, found.slope, found.intercept, found.facts | {"fold": {"auc": math.nan}}
    )
    write(odd, tmp_path)
    assert json.loads((tmp_path / "model.json").read_text(), parse_constant=pytest.fail)["fold"] == {"auc": None}
    assert load(tmp_path, NAMES).version == found.version
