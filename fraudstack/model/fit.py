"""A model is fitted: gradient boosted trees (Ke et al. 2017, LightGBM), calibrated on days that they never saw."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fraudstack.errors import InputError
from fraudstack.features.table import GROUPS, NAMES
from fraudstack.model import prior
from fraudstack.model.artefact import Model, probabilities
from fraudstack.model.curves import curves
from fraudstack.model.drift import SCORE_EDGES, reference
from fraudstack.model.judge import Outcomes, at_alerts, auc_roc, average_precision, card_precision

# Fewer teach nothing that holds.
LEAST_FRAUDS = 50
# A trial is of so many, or of a year.
_TRIAL_FRAUDS, _TRIAL_WEEKS = 200, 52
_WEEK = 7
_TRIED = "tried.npz"
_MOST_ROUNDS, _PATIENCE, _STEP = 1000, 60, 10
PARAMETERS = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.04,
    "num_leaves": 12,
    "min_data_in_leaf": 50,
    # Frauds stand in the tails of amounts and ratios, where quantiles are far apart.
    "max_bin": 2000,
    "min_data_in_bin": 1,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
# By how much the gain of a split by each feature is multiplied.
_ASKED = {"feature_contri": [float(name not in prior.BEGINS) for name in NAMES]}


@dataclass(frozen=True)
class Examples:
    """Labelled transactions, one a place in each array, in the order of days."""

    figures: NDArray[np.float32]
    days: NDArray[np.int64]
    clients: NDArray[np.str_]
    # 0 or 1.
    frauds: NDArray[np.int64]
    # How many transactions each stands for.
    weights: NDArray[np.float64]
    ids: NDArray[np.int64]
    # Since 1970, as fraudstack.features.labels has them.
    label_days: NDArray[np.int64]

    def where(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Examples":
        """Those for which it holds, or those at the places."""
        return Examples(*(getattr(self, one.name)[which] for one in fields(self)))

    def since(self, day: int) -> "Examples":
        """Those from a day on, which are not copied."""
        return self.where(slice(int(np.searchsorted(self.days, day)), None))

    def before(self, day: int) -> "Examples":
        """Those whose labels are of the days before; not copied where all labels are of their transactions' days."""
        found = self.where(slice(int(np.searchsorted(self.days, day))))
        known = found.label_days < day
        return found if known.all() else found.where(known)


@dataclass(frozen=True)
class Tried:
    """The last weeks, and the scores (n,) that a model of what was known before gave them."""

    examples: Examples
    scores: NDArray[np.float64]
    # What the rules alone gave them (n,); None where nobody asked them.
    by_rules: NDArray[np.float64] | None = None


def save_tried(tried: Tried, folder: Path) -> None:
    """Keep the weeks with the model that they were made for."""
    arrays = {one.name: getattr(tried.examples, one.name) for one in fields(Examples)}
    if tried.by_rules is not None:
        arrays["by_rules"] = tried.by_rules
    np.savez_compressed(folder / _TRIED, scores=tried.scores, **arrays)


def load_tried(folder: Path) -> Tried | None:
    """The weeks kept in a model's folder; None where there are none. Raises InputError where they can't be read."""
    try:
        with np.load(folder / _TRIED) as found:
            examples = Examples(*(found[one.name] for one in fields(Examples)))
            return Tried(examples, found["scores"], found.get("by_rules"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise InputError(f"{folder / _TRIED} can't be read: train the model anew") from error


def fit(examples: Examples, until: int, delay: int, seed: int = 1) -> Model:
    """The model of `fitted`."""
    return fitted(examples, until, delay, seed)[0]


def fitted(examples: Examples, until: int, delay: int, seed: int = 1) -> tuple[Model, Tried | None]:
    """A model of all examples up to the day `until`, of which every one of the trial's days is there.

    How many trees, and what a score is worth as a probability, is found on the days of the trial by a model of what
    was known before them. For its figures and the scores that come with it, one half of the clients says what the other
    half is scored by. Raises InputError when there is too little to learn from.
    """
    examples = examples.before(until + 1)
    _check(examples)
    examples = _warm(examples, delay)
    first = first_of_trial(examples.days[examples.frauds == 1], until, delay)
    # Where one stands for several, not all of its day are there.
    first = max(first, int(examples.days[examples.weights != 1].max(initial=-1)) + 1)
    before, tested = examples.before(first - delay), examples.since(first)
    facts: dict[str, Any] = {
        "trained": {"from": _date(examples.days[0]), "until": _date(until)},
        "examples": len(examples.frauds),
        "frauds": int(examples.frauds.sum()),
        "parameters": PARAMETERS,
    }
    slope, intercept, rounds, tried = 1.0, 0.0, 300, None
    if min(before.frauds.sum(), tested.frauds.sum()) >= LEAST_FRAUDS:
        slope, intercept, rounds, scores = _trial(before, tested, seed)
        facts["fold"] = {"from": _date(first), "until": _date(until)} | figures(
            Outcomes(tested.days, tested.clients, tested.frauds, scores)
        )
        facts["curves"] = curves(tested.frauds, scores)
        tried = Tried(tested, scores)
        facts["reference"] = reference({"score": scores}, tested.weights, SCORE_EDGES)
    columns = dict(zip(NAMES, examples.figures.T, strict=True))
    facts["reference"] = facts.get("reference", {}) | reference(columns, examples.weights)
    booster = _boosted(examples, seed, rounds)
    gain = booster.feature_importance("gain")
    shares = dict(zip(NAMES, (gain / max(gain.sum(), 1e-300)).tolist(), strict=True))
    facts |= {
        "rounds": rounds,
        "importance": shares,
        "groups": {code: sum(shares[name] for name in group) for code, group in GROUPS.items()},
    }
    return Model(booster.model_to_string(), NAMES, delay, slope, intercept, facts), tried


def _trial(before: Examples, tested: Examples, seed: int) -> tuple[float, float, int, NDArray[np.float64]]:
    """Slope, intercept and rounds by the trial, and its scores (n,); its trees are gone before others are grown."""
    trial = _boosted(before, seed, _MOST_ROUNDS, tested)
    raw = _prior(tested) + np.asarray(trial.predict(tested.figures, raw_score=True), dtype=np.float64)
    rounds = trial.best_iteration or trial.current_iteration()
    return *_calibrated(raw, tested), rounds, _crossed(trial, tested)


def first_of_trial(fraud_days: NDArray[np.int64], until: int, delay: int = _WEEK) -> int:
    """The first day on which a model is tried: the last weeks, a year at most, that have 200 of the frauds (n,).

    Of fewer where more would leave less to learn from, by what was known before them, than they have themselves.
    """
    known = np.sort(fraud_days[fraud_days <= until])

    def frauds(weeks: int) -> tuple[int, int]:
        """Of so many weeks, and known before them."""
        first = until - weeks * _WEEK + 1
        return len(known) - int(np.searchsorted(known, first)), int(np.searchsorted(known, first - delay))

    weeks = 1
    while len(known) >= LEAST_FRAUDS and weeks < _TRIAL_WEEKS and frauds(weeks)[0] < _TRIAL_FRAUDS:
        more, left = frauds(weeks + 1)
        if frauds(weeks)[0] >= LEAST_FRAUDS and left < more:
            break
        weeks += 1
    return until - weeks * _WEEK + 1


def figures(scored: Outcomes, most: int = 100) -> dict[str, float]:
    """The measures of a fold, each 0 to 1."""
    precision, recall = at_alerts(scored, most)
    return {
        "auc_roc": auc_roc(scored.frauds, scored.scores),
        "average_precision": average_precision(scored.frauds, scored.scores),
        f"cp@{most}": card_precision(scored, most),
        f"precision@{most}": precision,
        f"recall@{most}": recall,
    }


def _check(examples: Examples) -> None:
    frauds = int(examples.frauds.sum())
    if not len(examples.frauds):
        raise InputError("no transaction of the training window has a label: the two files don't belong together")
    if frauds == len(examples.frauds):
        raise InputError("every labelled transaction of the training window is fraud: there is nothing to tell apart")
    if frauds < LEAST_FRAUDS:
        raise InputError(
            f"the training window has {frauds} labelled frauds, and a model needs {LEAST_FRAUDS}: "
            "bring more labels or a later date"
        )


def _warm(examples: Examples, delay: int) -> Examples:
    """Without the first days, whose merchants nobody knew yet; all of them where that would leave too few frauds."""
    later = examples.since(int(examples.days[0]) + 30 + delay)
    return later if later.frauds.sum() >= LEAST_FRAUDS else examples


def _boosted(examples: Examples, seed: int, rounds: int, tested: Examples | None = None) -> lightgbm.Booster:
    """Trees on examples; with `tested` no more of them than help there."""
    train, parameters = _dataset(examples), PARAMETERS | _ASKED | {"seed": seed}
    if tested is None:
        return lightgbm.train(parameters, train, rounds)
    return lightgbm.train(
        parameters,
        train,
        rounds,
        valid_sets=[train.create_valid(tested.figures, tested.frauds, tested.weights, init_score=_prior(tested))],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )


def _dataset(examples: Examples) -> lightgbm.Dataset:
    parameters = {name: PARAMETERS[name] for name in ("max_bin", "min_data_in_bin")}
    return lightgbm.Dataset(
        examples.figures,
        examples.frauds,
        weight=examples.weights,
        init_score=_prior(examples),
        feature_name=list(NAMES),
        params=parameters,
    )


def _prior(examples: Examples) -> NDArray[np.float64]:
    return prior.log_odds(examples.figures, NAMES)


def _crossed(trial: lightgbm.Booster, tested: Examples) -> NDArray[np.float64]:
    """Scores (n,) of the trial, each half of the clients by the rounds and the line that suit the other half best."""
    _, clients = np.unique(tested.clients, return_inverse=True)
    halves = [clients % 2 == side for side in (0, 1)]
    raw = _prior(tested)
    best = [(np.inf, raw), (np.inf, raw)]
    for start in range(0, trial.current_iteration(), _STEP):
        more = trial.predict(tested.figures, raw_score=True, start_iteration=start, num_iteration=_STEP)
        raw = raw + np.asarray(more, dtype=np.float64)
        for side, half in enumerate(halves):
            loss = _loss(raw[half], tested.where(half))
            if loss < best[side][0]:
                best[side] = loss, raw
    scores = np.empty(len(clients))
    for half, other, (_, chosen) in zip(halves, reversed(halves), reversed(best), strict=True):
        scores[half] = probabilities(chosen[half], *_calibrated(chosen[other], tested.where(other)))
    return scores


def _calibrated(raw: NDArray[np.float64], tested: Examples) -> tuple[float, float]:
    """Slope and intercept that make raw scores probabilities (Platt 1999); scores keep their order."""

    def loss(line: Sequence[float]) -> float:
        return _loss(line[0] * raw + line[1], tested)

    found = minimize(loss, (1.0, 0.0), bounds=((0.1, 10.0), (-20.0, 20.0)), method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def _loss(raw: NDArray[np.float64], tested: Examples) -> float:
    """The mean log loss of log odds."""
    # ln(1 + exp(-z)) without overflow.
    z = raw * np.where(tested.frauds == 1, 1.0, -1.0)
    return float(np.average(np.logaddexp(0, -z), weights=tested.weights))


def _date(day: int) -> str:
    return str(np.datetime64(int(day), "D"))
