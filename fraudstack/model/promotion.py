"""Whether a new model replaces the champion: when it is better on the latest fold by more than the noise."""

from dataclasses import asdict, dataclass

import numpy as np

from fraudstack.model.artefact import Model
from fraudstack.model.fit import LEAST_FRAUDS, Tried
from fraudstack.model.judge import Outcomes, average_precision, gain
from fraudstack.model.protocol import day_of


@dataclass(frozen=True)
class Comparison:
    """What was found on the latest fold; figures are average precision, None where they can't be told."""

    better: bool
    reason: str
    candidate: float | None = None
    champion: float | None = None
    # Of the difference, one-sided at 95 %.
    lower_bound: float | None = None

    def facts(self) -> dict[str, object]:
        """All of it, for JSON."""
        return asdict(self)


def compare(candidate: Model, tried: Tried | None, champion: Model | None) -> Comparison:
    """Compare on the days on which the candidate was tried, by a model that had not seen them.

    Days that the champion has learned from are left out.
    """
    if champion is None:
        return Comparison(True, "there was no champion")
    if champion.version == candidate.version:
        return Comparison(False, "it is the champion already")
    if tried is None:
        return Comparison(False, "its last weeks have too few frauds to compare on, the champion stays")
    until = str(champion.facts["trained"]["until"])
    unseen = tried.examples.days > day_of(until)
    examples, ours = tried.examples.where(unseen), tried.scores[unseen]
    if (frauds := int(examples.frauds.sum())) < LEAST_FRAUDS:
        return Comparison(
            False,
            f"since {until}, when the champion was trained, it was tried on {frauds} frauds, of which {LEAST_FRAUDS} "
            "are needed to compare: the champion stays",
        )
    theirs = champion.scores(examples.figures)
    scored = Outcomes(examples.days, examples.clients, examples.frauds, ours)
    _, bound = gain(scored, theirs)
    figures = average_precision(examples.frauds, ours), average_precision(examples.frauds, theirs)
    first = np.datetime64(int(examples.days[0]), "D")
    said = f"average precision {figures[0]:.3f} against the champion's {figures[1]:.3f} from {first} on"
    if bound > 0:
        return Comparison(True, f"{said}, at least {bound:.3f} better", *figures, bound)
    return Comparison(False, f"{said}, which may be chance, the champion stays", *figures, bound)
