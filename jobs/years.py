"""How a model ages: trained up to a date, tested year by year after it, beside one that is trained anew each year."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import drift, fit
from fraudstack.model.artefact import Model
from fraudstack.model.fit import Examples
from fraudstack.model.judge import Outcomes
from fraudstack.model.protocol import day_of
from fraudstack.model.table import Row
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.features import examples
from jobs.features.scoring import scores_by_rules
from jobs.steps.staging import check_folder

# A rule that anybody sees in the labels of the years before: cards abroad in one country.
_COUNTRY = "Italy"


def evaluate(spark: SparkSession, settings: Settings, until: str, delay: int, phases: Phases) -> list[Row]:
    """Judge on the years after a day: models, the rules alone, and one country as a rule.

    Of labelled transactions, from the day on which every label that a model has learned from was known.
    """
    last = day_of(until)
    with check_folder(settings) as staging:
        features, _ = examples.of_files(spark, settings, delay, staging, phases)
        by_rules = scores_by_rules(spark, settings, delay, staging, phases)
        abroad = _of_country(staging)
        with phases.phase(f"evaluate: a model until {until}"):
            model = fit.fit(examples.labelled(spark, features, last), last, delay)
        found = []
        for name, first, end in _years(last + delay, examples.labelled_days(features)[1]):
            judged = examples.labelled_between(features, first, end)
            latest = model
            known = first - 1 - delay
            if known > last:
                with phases.phase(f"evaluate: a model until {np.datetime64(known, 'D')}"):
                    latest = fit.fit(examples.labelled(spark, features, known), known, delay)
            scores = {
                "model": model.scores(judged.figures),
                "model of the year": latest.scores(judged.figures),
                "rules": by_rules(judged.ids),
                _COUNTRY: np.isin(judged.ids, abroad).astype(np.float64),
            }
            for said, by_name in scores.items():
                scored = Outcomes(judged.days, judged.clients, judged.frauds, by_name)
                found.append(Row(name, said, fit.figures(scored) | {"frauds": int(judged.frauds.sum())}))
            phases.say(f"{name}: {_moved(model, judged, scores['model'])}")
    return found


def _years(last: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, first and last day of each part of a year after a day."""
    first = last + 1
    if first > end:
        raise InputError(f"no transaction after {np.datetime64(last, 'D')} has a label: there is nothing to judge on")
    while first <= end:
        year = np.datetime64(first, "D").astype("datetime64[Y]")
        over = min(end, int((year + np.timedelta64(1, "Y")).astype("datetime64[D]").astype(int)) - 1)
        yield str(year), first, over
        first = over + 1


def _of_country(staging: Path) -> NDArray[np.int64]:
    """The ids (n,) of the transactions there."""
    found = ds.dataset(staging / "events").to_table(columns=["id"], filter=ds.field("state") == _COUNTRY)
    return np.asarray(found.column("id").to_numpy())


def _moved(model: Model, judged: Examples, scores: NDArray[np.float64]) -> str:
    """What moved most since the training, in words."""
    columns = dict(zip(NAMES, judged.figures.T, strict=True)) | {"score": scores.astype(np.float32)}
    indices = drift.indices(model.facts["reference"], columns)
    of_score = f"the score's stability index is {indices.pop('score'):.3f}" if "score" in indices else ""
    most = sorted(indices, key=lambda name: -indices[name])[:3]
    shifted = sum(index >= drift.SHIFTED for index in indices.values())
    told = ", ".join(f"{name} {indices[name]:.2f}" for name in most)
    return f"{of_score}; {shifted} of {len(indices)} features shifted, most of all {told}"
