"""Keep transactions back from a generated set, to be posted to the scorer as if they happened now."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data.generate import LABELS, TRANSACTIONS

HELD_BACK, HELD_BACK_LABELS = "held_back.csv", "held_back_labels.json"
# They come from the end of the file, frauds before all others.
_TAIL = 0.1


@dataclass(frozen=True)
class HeldBack:
    """How many transactions were kept back, and how many of them are labelled fraud."""

    transactions: int
    frauds: int


def hold_back(folder: Path, count: int) -> HeldBack:
    """Move `count` of the last tenth of the set in `folder`, with their labels, into files of their own.

    All its labelled frauds are among them, up to `count`; the others lie evenly between. Raises ValueError
    when the set is too small for that.
    """
    file, answers = folder / TRANSACTIONS, json.loads((folder / LABELS).read_text())["target"]
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    start = round(len(lines) * (1 - _TAIL))
    tail = range(start, len(lines))
    if count > len(tail):
        raise ValueError(f"{count} transactions can't be kept back of {len(lines)}: that needs {round(count / _TAIL)}.")
    ids = [line.partition(",")[0] for line in lines]
    frauds = list(islice((at for at in tail if answers.get(ids[at]) == "Yes"), count))
    others = [at for at in tail if answers.get(ids[at]) != "Yes"]
    rest = count - len(frauds)
    chosen = {*frauds, *(others[number * len(others) // rest] for number in range(rest))}
    _write(folder / HELD_BACK, header, (lines[at] for at in sorted(chosen)))
    _write(file, header, (line for at, line in enumerate(lines) if at not in chosen))
    held = {ids[at] for at in chosen}
    for name, inside in ((HELD_BACK_LABELS, True), (LABELS, False)):
        kept = {id: answer for id, answer in answers.items() if (id in held) == inside}
        (folder / name).write_text(json.dumps({"target": kept}, separators=(",", ":")) + "\n")
    return HeldBack(len(chosen), len(frauds))


def _write(path: Path, header: str, lines: Iterable[str]) -> None:
    draft = path.with_name(f"{path.name}.part")
    draft.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    draft.replace(path)
