"""What a step did, and how much of its input may be refused."""

from dataclasses import dataclass, field

from fraudstack.errors import InputError
from fraudstack.settings import Settings

# Of an input that is refused whole, so many refused rows are kept to look at.
KEPT_OF_A_FAILURE = 100
# The reason of a row that contradicts what was decided online.
CONFLICT = "conflict"


@dataclass
class Summary:
    """What a step did; rows_in = loaded + quarantined + repeated (+ unmatched, for labels)."""

    step: str
    rows_in: int = 0
    loaded: int = 0
    quarantined: int = 0
    # What was said again, or of labels overtaken by a later one.
    repeated: int = 0
    unmatched: int | None = None
    fingerprint: str | None = None
    header: list[str] | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    # What a person should know of how the input was read, in sentences.
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    # Nothing was to be done.
    idle: bool = False

    def sentence(self) -> str:
        """The summary as a person reads it."""
        said = f"{self.step}: {self.rows_in:,} rows in, {self.loaded:,} loaded, {self.quarantined:,} quarantined"
        if self.reasons:
            said += f" ({', '.join(f'{reason} {count:,}' for reason, count in sorted(self.reasons.items()))})"
        if self.repeated:
            said += f", {self.repeated:,} repeated"
        if self.unmatched:
            said += f", {self.unmatched:,} without a transaction"
        said += f", in {self.seconds:.1f} s" if self.seconds else ""
        return "\n".join([said, *(f"{self.step}: {more}" for more in self.said)])


def check_share(settings: Settings, summary: Summary, path: str) -> None:
    """Raise InputError when more of an input was refused than TX_MAX_REJECT_SHARE allows; nothing is loaded then.

    A conflict with what was decided online says nothing against a file.
    """
    reasons = {reason: count for reason, count in summary.reasons.items() if reason != CONFLICT}
    refused = sum(reasons.values())
    if refused > settings.max_reject_share * summary.rows_in:
        most = max(reasons, key=lambda reason: reasons[reason])
        summary.loaded = 0
        raise InputError(
            f"{refused:,} of the {summary.rows_in:,} rows of {path} can't be used, more than "
            f"TX_MAX_REJECT_SHARE ({settings.max_reject_share:.2%}) allows, most of them for {most!r} "
            f"({reasons[most]:,}); no transaction was changed"
        )
