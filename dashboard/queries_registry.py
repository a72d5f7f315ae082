"""How a challenger does beside the champion, by what both said of the same transactions."""

from typing import NamedTuple

import numpy as np

from fraudstack.model.judge import average_precision
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.models import Shadow

# Thousandths tell the order of what matters; of all decisions there may be millions.
_BESIDE = """SELECT CAST(round(d.probability * 1000) AS INTEGER),
    CAST(round(d.challenger_probability * 1000) AS INTEGER),
    CASE WHEN d.probability >= d.alert_at THEN 1 ELSE 0 END,
    CASE WHEN d.challenger_probability >= d.alert_at THEN 1 ELSE 0 END, t.is_fraud, count(*)
    FROM decisions d JOIN transactions t ON t.id = d.id
    WHERE d.challenger_version = ? AND d.model_version = ? AND d.probability IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5"""


class Judged(NamedTuple):
    """A model of the two: its alerts at the threshold, and against the labels that have come, 0 to 1."""

    alerts: int
    precision: float | None
    recall: float | None
    average_precision: float | None


class Beside(NamedTuple):
    """Champion and challenger on the decisions for which both were asked."""

    decisions: int
    labelled: int
    frauds: int
    # On which both, or neither, would have raised an alert.
    agreed: int
    champion: Judged
    challenger: Judged


def challenger(said: list[Shadow]) -> Shadow | None:
    """The latest who was to be asked; `said` as of storage.models.shadows. Its time may be over."""
    return next((one for one in said if one.until > one.at), None)


def beside(connection: Connection, challenger: str, champion: str) -> Beside | None:
    """What two models, by their versions, said of the same; None where they were never asked beside each other."""
    found = [
        [-1 if one is None else int(one) for one in row] for row in connection.rows(_BESIDE, (challenger, champion))
    ]
    if not found:
        return None
    scores_of_one, scores_of_other, one, other, truth, counts = np.array(found).T
    labelled = truth >= 0
    return Beside(
        decisions=int(counts.sum()),
        labelled=int(counts[labelled].sum()),
        frauds=int(counts[truth == 1].sum()),
        agreed=int(counts[one == other].sum()),
        champion=_judged(scores_of_one, one == 1, truth, counts),
        challenger=_judged(scores_of_other, other == 1, truth, counts),
    )


def _judged(scores: np.ndarray, alerted: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> Judged:
    labelled, frauds = truth >= 0, truth == 1
    told, found, all_frauds = (int(counts[which].sum()) for which in (alerted & labelled, alerted & frauds, frauds))
    order = None
    if all_frauds:
        order = average_precision(truth[labelled], scores[labelled].astype(float), counts[labelled].astype(float))
    return Judged(
        alerts=int(counts[alerted].sum()),
        precision=found / told if told else None,
        recall=found / all_frauds if all_frauds else None,
        average_precision=order,
    )
