"""Whether a new model replaces the champion: when it is better on the latest fold by more than the noise."""

from dataclasses import asdict, dataclass
from datetime import date

from fraudstack.model.artefact import Model
from fraudstack.model.fit import Tried
from fraudstack.model.judge import Scored, average_precision, gain


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
    """Compare on the week on which the candidate was tried, by a model that had not seen it."""
    if champion is None:
        return Comparison(True, "there was no champion")
    if champion.version == candidate.version:
        return Comparison(False, "it is the champion already")
    if tried is None:
        return Comparison(False, "its last week has too few frauds to compare on, the champion stays")
    first, until = candidate.facts["fold"]["from"], champion.facts["trained"]["until"]
    if date.fromisoformat(until) >= date.fromisoformat(first):
        return Comparison(False, f"the champion has learned from the week of {first}, and stays")
    examples = tried.examples
    theirs = champion.scores(examples.figures)
    scored = Scored(examples.days, examples.clients, examples.frauds, tried.scores)
    _, bound = gain(scored, theirs)
    figures = average_precision(examples.frauds, tried.scores), average_precision(examples.frauds, theirs)
    said = f"average precision {figures[0]:.3f} against the champion's {figures[1]:.3f} in the week of {first}"
    if bound > 0:
        return Comparison(True, f"{said}, at least {bound:.3f} better", *figures, bound)
    return Comparison(False, f"{said}, which may be chance, the champion stays", *figures, bound)
