"""What a model looked at, kept with its decision, so that the score can be made again."""

import math
import zlib
from collections.abc import Sequence

from pydantic_core import from_json, to_json

from fraudstack.profiles.event import Event

# Values of CRC-32.
HASHES = 2**32


def sampled(event: Event, share: float) -> bool:
    """Whether a transaction is of the sample of so large a share (0 to 1); the same for ever, whoever asks."""
    return zlib.crc32(f"{event.client_id} {event.seconds} {event.cents}".encode()) < share * HASHES


def written(names: Sequence[str], figures: Sequence[float]) -> str:
    """Figures by their names, as JSON; what isn't known (NaN) is left out."""
    return to_json({name: one for name, one in zip(names, figures, strict=True) if math.isfinite(one)}).decode()


def read(text: str, names: Sequence[str]) -> list[float]:
    """The figures that were written, in the order of the names."""
    found = from_json(text)
    return [float(found.get(name, math.nan)) for name in names]
