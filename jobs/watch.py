"""What is watched of the model in force: what it says against what comes of it, and how far what it looks at moves."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from fraudstack.decisions import champions
from fraudstack.features import DAY
from fraudstack.features.table import NAMES
from fraudstack.model import drift, registry
from fraudstack.model.artefact import Model
from fraudstack.model.watching import findings, windows
from fraudstack.model.watching.windows import Calendar, Tally, Window
from fraudstack.progress import Phases
from fraudstack.rules import config
from fraudstack.rules.config import RulesFile
from fraudstack.settings import Settings
from fraudstack.storage import events
from fraudstack.storage.model_days import bulk as model_days_bulk
from jobs.features import fold, walk
from jobs.features.scoring import scored_in_turns
from jobs.spark.phase import spark_phase
from jobs.steps.staging import exported
from jobs.steps.summary import Summary
from jobs.steps.turn import Step, step

_SCORE = "score"
_TOO_LITTLE = "nothing to do: the store has no week whose labels had time to come"

# A day, a measure, its value and what it rests on.
_Measure = tuple[str, str, float, int]
# First and last day of a window, a stability index, and what it rests on.
_Index = tuple[str, str, float, int]


def run(spark: SparkSession, settings: Settings, run_id: str, phases: Phases) -> Summary:
    """Measure the latest weeks or months, by the features of all transactions; without a model nothing.

    Loaded counts figures that need attention.
    """
    rules = config.load(settings.rules_path or config.DEFAULT)
    champions.fetch(settings)
    with step(settings, run_id, "watch", phases) as this:
        champion = registry.champion(settings.model_dir)
        if champion is None:
            this.summary.said.append("nothing to do: no model is in force")
            return this.summary
        with phases.phase("watch: read transactions") as advance:
            batches = events.stream(this.store, this.connection)
            this.summary.rows_in = exported(batches, events.COLUMNS, this.staging / "events", advance)
        history = spark.read.parquet(str(this.staging / "events"))
        figures, since = this.staging / "features", this.staging / "since"
        with spark_phase(spark, phases, "watch: features"):
            fold.point_in_time(history, champion.label_delay, this.staging / "clients").write.parquet(str(figures))
            history.groupBy("client_id").agg(F.min("seconds").alias("since")).write.parquet(str(since))
        days = _calendar(figures, champion.label_delay)
        if days is None:
            this.summary.said.append(_TOO_LITTLE)
            return this.summary
        speakers = _speakers(spark, settings, figures, phases, champion, days)
        with phases.phase("watch: measure"):
            _watch(this, figures, ds.dataset(since).to_table(), days, champion, speakers, rules.file)
    return this.summary


def _calendar(figures: Path, delay: int) -> Calendar | None:
    found = ds.dataset(figures).to_table(columns=["seconds", "is_fraud"])
    frauds = pc.fill_null(pc.equal(found.column("is_fraud"), 1), False)
    return windows.calendar(found.column("seconds").to_numpy() // DAY, frauds.to_numpy(), delay)


def _speakers(
    spark: SparkSession, settings: Settings, figures: Path, phases: Phases, champion: Model, days: Calendar
) -> list[tuple[int, Model]]:
    """Who speaks from which day on: the champion, before it models that had learned only from what came before."""
    last = days.days(days.count - 1)[1]
    speaks = champion.first_in_force
    kept = walk.forward(spark, settings, figures, phases, "watch", (days.first, min(last, champion.first_unseen - 1)))
    return [one for one in kept if one[0] < speaks] + [(speaks, champion)]


def _watch(
    this: Step,
    figures: Path,
    clients: pa.Table,
    days: Calendar,
    champion: Model,
    speakers: Sequence[tuple[int, Model]],
    rules: RulesFile,
) -> None:
    """Keep what was said in each window against what the labels say, and how far features and scores have moved."""
    known = {name: of for name, of in champion.facts.get("reference", {}).items() if name in (_SCORE, *drift.STEADY)}
    counts = {name: np.zeros((days.count, len(of["shares"]))) for name, of in known.items()}
    firsts, models = np.array([first for first, _ in speakers]), [model for _, model in speakers]
    tally = Tally(days)
    # Of whole windows alone, each spoken in from its first day on.
    begin = int(days.places(np.array([max(firsts[0], days.first) + days.length - 1]))[0])
    seconds = pc.field("seconds")
    first, end = (days.first + place * days.length for place in (begin, days.count))
    within = (seconds >= first * DAY) & (seconds < end * DAY)
    columns = ["client_id", "seconds", "cents", "is_fraud", *fold.SEGMENTS, *NAMES]
    for rows in ds.dataset(figures).to_batches(columns=columns, filter=within):
        if not rows.num_rows:
            continue
        on = rows.column("seconds").to_numpy() // DAY
        matrix = fold.matrix(rows)
        scores = scored_in_turns(matrix, np.searchsorted(firsts, on, side="right") - 1, models)
        places = pc.index_in(rows.column("client_id"), value_set=clients.column("client_id").combine_chunks())
        since = clients.column("since").to_numpy()[places.to_numpy()]
        tally.add(rows, since, scores, scores >= _alert_at(rules, rows.column("cents").to_numpy()))
        looked_at = dict(zip(NAMES, matrix.T, strict=True)) | {_SCORE: scores.astype(np.float32)}
        for name, of in known.items():
            counts[name] += drift.counted_apart(looked_at[name], of["edges"], days.places(on), days.count)

    def speaker(day: int) -> str | None:
        turn = int(np.searchsorted(firsts, day, side="right")) - 1
        return speakers[turn][1].version if turn >= 0 else None

    told = tally.windows(speaker)
    moved = {
        # Scores of a model before it say nothing of its own.
        name: _moved(days, firsts[-1] if name == _SCORE else first, known[name]["shares"], counts[name])
        for name in known
    }
    indices = {name: found for name, found in moved.items() if found}
    measures = [(last, f"psi:{name}", index, n) for name, found in indices.items() for _, last, index, n in found]
    summed = _summed(told, champion.version, indices) if told else []
    this.summary.loaded = sum(int(value) for _, name, value, _ in summed if name.startswith("outside:"))
    model_days_bulk.replace(this.store, this.connection, champion.version, [*measures, *summed], told)


def _alert_at(rules: RulesFile, cents: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probabilities (n,) from which a model alone makes amounts (n,) suspicious."""
    different, places = np.unique(cents, return_inverse=True)
    return np.array([rules.alert_at(int(one)) for one in different])[places]


def _moved(days: Calendar, since: int, shares: Sequence[float], counts: NDArray[np.float64]) -> list[_Index]:
    """The stability index of each window since a day that has transactions enough."""
    found = []
    for place in range(days.count):
        index = drift.stability(shares, counts[place])
        if index is not None and days.days(place)[0] >= since:
            first, last = (str(np.datetime64(day, "D")) for day in days.days(place))
            found.append((first, last, index, int(counts[place].sum())))
    return found


def _summed(told: Sequence[Window], version: str, indices: dict[str, list[_Index]]) -> list[_Measure]:
    """What a person is told by alerts: figures of all transactions, and how many figures are outside of what is usual.

    Those that another model spoke of are no fault of the champion's.
    """
    whole = findings.segments(told)[0]
    last = whole.days[-1][1]
    recent = {span: findings.total(whole, span) for span in findings.SPANS if span <= len(whole.days)}
    longest = recent[max(recent)]
    measured: list[_Measure] = [
        (last, name, longest[figure], int(longest["labelled"]))
        for name, figure in (("expected", "expected"), ("observed", "frauds"))
    ]
    latest = recent[1]
    length = (np.datetime64(last) - np.datetime64(whole.days[-1][0])).astype(int) + 1
    measured.append((last, "alerts", latest["alerts"] / int(length), int(latest["transactions"])))
    for name, of in (("precision", "alerts_labelled"), ("recall", "frauds")):
        enough = next((found for found in recent.values() if found[of] >= drift.LEAST_LABELLED), None)
        if enough:
            measured.append((last, name, enough["alerts_frauds"] / enough[of], int(enough[of])))
    judged = chain(findings.findings(told), findings.shifts(indices, version))
    outside = [one.figure for one in judged if one.needs_attention and one.by == (version,)]
    figures = (findings.FRAUDS, findings.ALERTS, findings.PRECISION, findings.RECALL, findings.SHIFT)
    return [*measured, *((last, f"outside:{figure}", float(outside.count(figure)), 1) for figure in figures)]
