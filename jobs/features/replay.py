"""The very decisions of the scorer over a whole history, each by what was known at its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic_core import to_json
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraudstack.decisions.replay import Replay
from fraudstack.decisions.scoring import OpinionLike
from fraudstack.model.artefact import Model
from fraudstack.model.online import Opinion, alerted_up_to, reason
from fraudstack.profiles.event import FIELDS, Event, Marks
from fraudstack.profiles.named import NO_LISTS, Lists
from fraudstack.profiles.velocity import AtMerchant, Velocity, WithCard
from fraudstack.rules.case import Case, Reason, expected_loss
from fraudstack.rules.config import RulesFile
from jobs.features.fold import Arrays, by_client, folding, rows
from jobs.features.velocity import with_velocity

_OF_WAY = {
    "score": "double",
    "suspicious": "boolean",
    "decision": "string",
    "loss": "double",
    "alerted_up_to": "double",
    "codes": "array<string>",
    "reason": "string",
    "reasons": "string",
    "normal_if": "string",
}
_KEPT = ("id", "client_id", "seconds", "cents", "is_fraud")


@dataclass(frozen=True)
class _Opinion:
    """What a model said of a transaction, without what it rests on."""

    probability: float
    version: str

    def reason(self, case: Case) -> Reason | None:
        return reason(self.probability, self.version, case)

    def reasons(self, whole: Reason) -> Sequence[Reason]:
        return [whole]


def _velocity(card: Mapping[str, Any] | None, merchant: Mapping[str, Any] | None, small_at: int) -> Velocity:
    """A row of jobs.features.velocity, for what a way of deciding takes as little."""
    there = merchant and AtMerchant(merchant["probes"][small_at], tuple(merchant["since_frauds"]))
    return Velocity(WithCard(**card) if card else WithCard(), there or AtMerchant())


def _opinion(
    probability: float | None, version: str, looked_at: Sequence[float] | None, models: Mapping[str, Model]
) -> OpinionLike | None:
    if probability is None:
        return None
    return _Opinion(probability, version) if looked_at is None else Opinion(models[version], looked_at, probability)


def _as_json(found: Sequence[Reason]) -> str:
    return to_json([one._asdict() for one in found], inf_nan_mode="null").decode()


def decided(
    events: DataFrame,
    ways: Mapping[str, RulesFile],
    delay: int,
    lists: Lists = NO_LISTS,
    models: Mapping[str, Model] = MappingProxyType({}),
) -> DataFrame:
    """Each transaction (id, client_id, seconds, cents, is_fraud, model_version, probability), with a struct a way.

    A struct holds score, suspicious, decision, the expected loss, the highest threshold for all amounts with which it
    would be suspicious, and of a suspicious one the codes of its reasons, the sentence, the reasons as JSON and what
    would have made it normal. `lists` are the store's, each entry for the transactions of the time in which it held.
    `events` has storage.events.COLUMNS; with columns probability and model_version, which may be NULL, a model speaks
    as well, and with `looked_at` one of `models`, by their versions, says what it rests on.
    """
    names = list(ways)
    smalls = sorted({rules.small for rules in ways.values()})
    small_at = {name: smalls.index(rules.small) for name, rules in ways.items()}

    def fold(batches: Arrays) -> Arrays:
        replays: list[Replay] = []
        client = None
        for batch in batches:
            size = len(batch)
            scores = {name: np.empty(size) for name in names}
            losses = {name: np.empty(size) for name in names}
            highest = {name: np.empty(size) for name in names}
            suspicious = {name: np.empty(size, dtype=bool) for name in names}
            codes: dict[str, list[list[str] | None]] = {name: [None] * size for name in names}
            sentences: dict[str, list[str | None]] = {name: [None] * size for name in names}
            reasons: dict[str, list[str | None]] = {name: [None] * size for name in names}
            otherwise: dict[str, list[str | None]] = {name: [None] * size for name in names}
            decisions: dict[str, list[str]] = {name: [""] * size for name in names}
            for place, (*row, is_fraud, known, probability, version, seen, card, merchant) in enumerate(rows(batch)):
                event = Event(*row)
                if event.client_id != client:
                    client = event.client_id
                    replays = [Replay(event.client_id, ways[name], delay, lists) for name in names]
                opinion = _opinion(probability, version, seen, models)
                for name, replay in zip(names, replays, strict=True):
                    velocity = _velocity(card, merchant, small_at[name])
                    marks = Marks(None, is_fraud, known)
                    verdict, otherwise[name][place] = replay.decide(event, marks, opinion, velocity)
                    scores[name][place] = verdict.score
                    losses[name][place] = expected_loss(verdict.score if opinion is None else probability, event.cents)
                    highest[name][place] = alerted_up_to(probability, verdict, ways[name])
                    suspicious[name][place] = verdict.suspicious
                    decisions[name][place] = verdict.decision
                    if verdict.suspicious:
                        codes[name][place] = [one.code for one in verdict.reasons]
                        sentences[name][place] = verdict.reason
                        reasons[name][place] = _as_json(verdict.reasons)
            yield pa.StructArray.from_arrays(
                [
                    pa.StructArray.from_arrays(
                        [
                            pa.array(scores[name]),
                            pa.array(suspicious[name]),
                            pa.array(decisions[name]),
                            pa.array(losses[name]),
                            pa.array(highest[name]),
                            pa.array(codes[name], pa.list_(pa.string())),
                            pa.array(sentences[name], pa.string()),
                            pa.array(reasons[name], pa.string()),
                            pa.array(otherwise[name], pa.string()),
                        ],
                        list(_OF_WAY),
                    )
                    for name in names
                ],
                names,
            )

    of_way = f"struct<{', '.join(f'{name}: {kind}' for name, kind in _OF_WAY.items())}>"
    schema = ", ".join(f"{name} {of_way}" for name in names)
    silent = {"probability": "double", "model_version": "string", "looked_at": "array<double>"}
    missing = {name: F.lit(None).cast(kind) for name, kind in silent.items() if name not in events.columns}
    folded = folding(fold, schema, *FIELDS, "is_fraud", "known", *silent, "with_card", "at_merchant")
    kept = (*_KEPT, "model_version", "probability")
    return (
        by_client(with_velocity(events.withColumns(missing), smalls, delay))
        .select(*kept, folded)
        .select(*kept, "folded.*")
    )
