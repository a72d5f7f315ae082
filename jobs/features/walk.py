"""Models over the years: each part of a history has one that had learned only from what was known before it."""

from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.model import fit, registry
from fraudstack.model.artefact import Model
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.features import examples

# A model a year, if none was made in the half year before its end; of fewer examples than one that goes into force.
_RECENT_DAYS, _YEAR_DAYS, _MOST_LEGITIMATE = 183, 366, 500_000


def forward(
    spark: SparkSession,
    settings: Settings,
    rows: Path,
    phases: Phases,
    step: str = "decide",
    between: tuple[int, int] | None = None,
) -> list[tuple[int, Model]]:
    """Every model that is kept, and what is missing at the ends of years, by the first day on which each may speak.

    A model speaks once the last label that it learned from was known. `rows` are the features of the whole history;
    of models that would speak only before or after the days `between` none is made.
    """
    kept = {model.first_unseen: model for model in registry.every(settings.model_dir, phases.say)}
    try:
        labelled = examples.labelled_days(rows)
    except InputError as error:
        phases.say(f"{step}: {error}")
        labelled = (0, -1)
    if between is not None:
        labelled = max(labelled[0], between[0] - _YEAR_DAYS - settings.label_delay), min(labelled[1], between[1])
    for until in _ends_of_years(*labelled):
        if any(until - _RECENT_DAYS < first <= until + 1 for first in kept):
            continue
        with phases.phase(f"{step}: a model until {np.datetime64(until, 'D')}"):
            try:
                learned = examples.labelled(spark, rows, until, _MOST_LEGITIMATE)
                model = fit.fit(learned, until, settings.label_delay)
            except InputError as error:
                phases.say(f"{step}: no model until {np.datetime64(until, 'D')}: {error}")
                continue
            kept[until + 1] = registry.keep(settings.model_dir, model)
    return sorted(((model.first_in_force, model) for model in kept.values()), key=lambda one: one[0])


def _ends_of_years(first: int, last: int) -> list[int]:
    """The last days of the years that end from one day to another, since 1970."""
    years = [np.datetime64(day, "D").astype("datetime64[Y]") for day in (first, last)]
    begins = np.arange(years[0], years[1] + np.timedelta64(2, "Y")).astype("datetime64[D]").astype(int)
    return [int(day) - 1 for day in begins if first < day <= last + 1]
