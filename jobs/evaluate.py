"""How good a model is: fold by fold beside what it has to beat, and a candidate beside the champion."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from pydantic_core import to_json
from pyspark.sql import SparkSession

from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.features.table import GROUPS, NAMES
from fraudstack.model import artefact, baselines, fit, protocol, registry
from fraudstack.model.fit import Examples
from fraudstack.model.judge import Outcomes
from fraudstack.model.promotion import compare
from fraudstack.model.table import Row
from fraudstack.progress import Phases
from fraudstack.settings import Settings
from jobs.features import examples
from jobs.features.scoring import scores_by_rules
from jobs.steps.staging import check_folder
from jobs.steps.summary import Summary


def run(settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Hold the candidate against floor and champion, and note what was found; loaded is 1 if it is to come into force.

    A champion that can't be used is as good as none.
    """
    with champions.opened(settings) as connection:
        folder = champions.fetch_candidate(connection, settings.model_dir)
        candidate, tried = artefact.load(folder, NAMES), fit.load_tried(folder)
        against, vetoed = champions.in_force(connection, settings.model_dir), champions.vetoed(connection)
        try:
            champions.export(connection, settings.model_dir)
            champion, unusable = registry.champion(settings.model_dir), ""
        except InputError as error:
            champion, unusable = None, f"the champion can't be used: {error}; "
        found = compare(candidate, tried, champion, vetoed)
        found = replace(found, reason=f"{unusable}{found.reason}")
        noted = {"run_id": run_id, "against": against}
        said = to_json(found.facts() | noted, indent=2, inf_nan_mode="null")
        (folder / registry.EVALUATION).write_bytes(said + b"\n")
        champions.keep_candidate(connection, settings.model_dir)
    sentence = f"model {candidate.version}: {found.reason}"
    phases.say(f"evaluate: {sentence}")
    rows = len(tried.scores) if tried else 0
    return Summary("evaluate", rows_in=rows, loaded=int(found.better), said=[sentence])


def evaluate(
    spark: SparkSession, settings: Settings, folds: str, delay: int, phases: Phases, groups: bool = False
) -> list[Row]:
    """Judge the model and what it has to beat on each fold, also without each group of features, then the means."""
    every = protocol.folds(folds, delay)
    with check_folder(settings) as staging:
        rows, _ = examples.of_files(spark, settings, delay, staging, phases)
        by_rules = scores_by_rules(spark, settings, delay, staging, phases)
        labelled = examples.labelled_between(rows, 0, max(fold.test_to for fold in every))
        found = []
        for fold in protocol.covered(labelled, every):
            with phases.phase(f"evaluate: {fold.name}"):
                keep = protocol.judged_on(labelled, fold, delay)
                model = fit.fit(labelled, fold.until, delay)
                judged = labelled.where(keep)
                scores = {"model": model.scores(judged.figures), "rules": by_rules(judged.ids)}
                scores |= baselines.scores(labelled, judged, fold)
            for code, group in GROUPS.items() if groups else ():
                name = f"without {code.removeprefix('model_')}"
                with phases.phase(f"evaluate: {fold.name} {name}"):
                    blind = _without(group, labelled)
                    scores[name] = fit.fit(blind, fold.until, delay).scores(blind.where(keep).figures)
            for name, by_name in scores.items():
                scored = Outcomes(judged.days, judged.clients, judged.frauds, by_name)
                found.append(Row(fold.name, name, fit.figures(scored)))
    return [*found, *_means(found)]


def _without(group: Iterable[str], examples: Examples) -> Examples:
    """Examples of which nobody knows these features."""
    figures = examples.figures.copy()
    figures[:, [NAMES.index(name) for name in group]] = np.nan
    return replace(examples, figures=figures)


def _means(rows: list[Row]) -> list[Row]:
    names = dict.fromkeys(row.model for row in rows)
    return [
        Row(
            "mean",
            name,
            {
                measure: float(np.mean([row.figures[measure] for row in rows if row.model == name]))
                for measure in rows[0].figures
            },
        )
        for name in names
    ]
