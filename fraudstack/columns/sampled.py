"""The proposal for a file: its header and first rows, looked at."""

import csv
from itertools import islice
from pathlib import Path

from fraudstack.columns.mapping import PRESETS
from fraudstack.columns.propose import preset_of, proposed
from fraudstack.errors import InputError
from fraudstack.reading.files import raw_files

_ROWS = 1_000


def proposal(file: Path) -> str:
    """A file of columns as YAML; raises InputError where the file can't be read."""
    found = raw_files(file)
    if not found:
        raise InputError(f"{file} is empty: it has no header line")
    raw = found[0]
    names = raw.start.names
    if name := preset_of(names):
        return f"# The preset fits this file: --columns {name}. It says:\n{PRESETS[name].read_text()}"
    lines = (line.decode("utf-8", "replace") for _, line in islice(raw.lines(), _ROWS))
    rows = [row for row in csv.reader(lines, delimiter=raw.start.separator) if len(row) == len(names)]
    said = f"# Proposed from the header and {len(rows):,} rows of {file.name}: look at each line.\n"
    return said + proposed(names, rows)
