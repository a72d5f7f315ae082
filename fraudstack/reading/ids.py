"""A file of transactions' ids, one a line."""

from pathlib import Path

from fraudstack.errors import InputError
from fraudstack.fields.ids import NUMBER, made, number


def read(file: Path) -> list[int]:
    """The ids of a file, in its order, each once; a first line may name the column, and empty lines say nothing.

    Raises InputError where a line is no id, or none is.
    """
    found: dict[int, None] = {}
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}") from error
    for place, line in enumerate(lines, 1):
        said = line.strip().strip('"')
        if not said or (place == 1 and said.lower() in ("id", "transaction_id")):
            continue
        id = number(said, NUMBER)
        id = made(said) if id is None else id
        if id is None:
            raise InputError(f"{file} line {place}: {said[:40]!r} is no id of a transaction; nothing was deleted")
        found[id] = None
    if not found:
        raise InputError(f"{file} holds no id")
    return list(found)
