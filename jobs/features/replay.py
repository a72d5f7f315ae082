"""The very decisions of the scorer over a whole history, each by what was known at its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic_core import to_json
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from fraudstack.decisions.replay import Replay
from fraudstack.model.online import reason
from fraudstack.profiles.event import Event
from fraudstack.rules.config import RulesFile
from fraudstack.rules.reasons import Reason
from jobs.features.fold import EVENT, Arrays, by_client, folding, rows

_KEPT = ("id", "client_id", "seconds", "cents", "is_fraud")


@dataclass(frozen=True)
class _Opinion:
    """What a model said of a transaction; what it rests on isn't asked."""

    probability: float
    version: str

    def reason(self, rules: RulesFile) -> Reason | None:
        return reason(self.probability, self.version, rules)

    def reasons(self, whole: Reason) -> Sequence[Reason]:
        return [whole]


def _as_json(found: Sequence[Reason]) -> str:
    return to_json([one._asdict() for one in found], inf_nan_mode="null").decode()


def decided(events: DataFrame, ways: Mapping[str, RulesFile], delay: int) -> DataFrame:
    """Each transaction (id, client_id, seconds, cents, is_fraud, model_version) with a struct for each way.

    A struct holds score, suspicious, decision, and of a suspicious one the codes of its reasons, the sentence and the
    reasons as JSON. `events` has storage.events.COLUMNS; with columns probability and model_version,
    which may be NULL, a model speaks as well.
    """
    names = list(ways)

    def fold(batches: Arrays) -> Arrays:
        replays: list[Replay] = []
        client = None
        for batch in batches:
            size = len(batch)
            scores = {name: np.empty(size) for name in names}
            suspicious = {name: np.empty(size, dtype=bool) for name in names}
            codes: dict[str, list[list[str] | None]] = {name: [None] * size for name in names}
            sentences: dict[str, list[str | None]] = {name: [None] * size for name in names}
            reasons: dict[str, list[str | None]] = {name: [None] * size for name in names}
            decisions: dict[str, list[str]] = {name: [""] * size for name in names}
            for place, (*row, is_fraud, probability, version) in enumerate(rows(batch)):
                event = Event(*row)
                if event.client_id != client:
                    client = event.client_id
                    replays = [Replay(event.client_id, ways[name], delay) for name in names]
                opinion = None if probability is None else _Opinion(probability, version)
                for name, replay in zip(names, replays, strict=True):
                    verdict = replay.decide(event, is_fraud, opinion)
                    scores[name][place] = verdict.score
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
                            pa.array(codes[name], pa.list_(pa.string())),
                            pa.array(sentences[name], pa.string()),
                            pa.array(reasons[name], pa.string()),
                        ],
                        ["score", "suspicious", "decision", "codes", "reason", "reasons"],
                    )
                    for name in names
                ],
                names,
            )

    of_way = (
        "struct<score: double, suspicious: boolean, decision: string, codes: array<string>, reason: string, "
        "reasons: string>"
    )
    schema = ", ".join(f"{name} {of_way}" for name in names)
    silent = {"probability": "double", "model_version": "string"}
    missing = {name: F.lit(None).cast(kind) for name, kind in silent.items() if name not in events.columns}
    folded = folding(fold, schema, *EVENT, "is_fraud", *silent)
    kept = (*_KEPT, "model_version")
    return by_client(events.withColumns(missing)).select(*kept, folded).select(*kept, "folded.*")
