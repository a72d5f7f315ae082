"""Where a store says otherwise than its facts."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fraudstack.storage.connections.store import Store


class Difference(NamedTuple):
    """A row of a table: what the store keeps of it, and what was rebuilt; None where one of them has none."""

    table: str
    key: str
    kept: Any
    rebuilt: Any

    def sentence(self) -> str:
        """It as a person reads it."""
        return f"{self.table} {self.key}: kept {self.kept}, rebuilt {self.rebuilt}"


def sentence(found: int, store: Store, *, repair: bool) -> str:
    """How often a store says otherwise than its facts."""
    mended = "mended" if repair else "`fraudstack verify` names them, with --repair it mends them"
    return f"{store.shown} says otherwise than its facts in {found:,} places: {mended}"


def between(table: str, kept: Mapping[Any, Any], rebuilt: Mapping[Any, Any]) -> Iterator[Difference]:
    """What differs between rows by their keys, in order."""
    for key in sorted(kept.keys() | rebuilt.keys(), key=str):
        if kept.get(key) != rebuilt.get(key):
            name = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            yield Difference(table, name, kept.get(key), rebuilt.get(key))
