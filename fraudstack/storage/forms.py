"""Columns of text in one form: each different value is looked at once, however many rows have it."""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from fraudstack.card_numbers import SHORTEST
from fraudstack.places import STORED, channel_of, city_of, state_of
from fraudstack.texts import identifier

type Forms = Mapping[str, Callable[[str], str | None]]

# Of rows of storage.events, and of storage.transactions.bulk.
COMPARED: Forms = {"channel": channel_of, "city": city_of, "state": state_of}
KEPT: Forms = {**STORED, **dict.fromkeys(("client_id", "card_id", "merchant_id"), identifier)}
# Columns of so many different values that each isn't looked at without need.
_MANY = frozenset({"client_id", "card_id", "merchant_id", "zip"})


def formed(batch: pa.RecordBatch, forms: Forms) -> pa.RecordBatch:
    """The batch with columns as the functions make their texts; NULL and empty text stay as they are."""
    for name, form in forms.items():
        column = batch.column(name)
        if name in _MANY and _are_plain(column):
            continue
        encoded = column.dictionary_encode()
        values = encoded.dictionary.to_pylist()
        changed = [value and form(value) for value in values]
        if changed != values:
            column = pa.array(changed, pa.string()).take(encoded.indices)
            batch = batch.set_column(batch.schema.get_field_index(name), name, column)
    return batch


def _are_plain(column: pa.Array) -> bool:
    """Whether no text has anything but printable ASCII, or could hold a card number: then it is its own form."""
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    return longest < SHORTEST and pc.all(pc.ascii_is_printable(column)).as_py() is not False
