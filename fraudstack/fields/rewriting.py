"""Texts brought into one form by steps that Python and Spark take alike."""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple


class Step(NamedTuple):
    """A text that matches the pattern as a whole becomes `put` ($1 is its first group), without the letters `drop`."""

    pattern: str
    put: str = "$0"
    drop: str = ""


def rewritten(text: str, steps: Iterable[Step]) -> str:
    """A text after all steps, one after the other."""
    for step in steps:
        if found := _compiled(step.pattern).fullmatch(text):
            text = found.expand(_put(step.put)).translate(_without(step.drop))
    return text


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches as a whole."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _put(put: str) -> str:
    return re.sub(r"\$([0-9])", r"\\g<\1>", put)


@cache
def _without(letters: str) -> dict[int, None]:
    return dict.fromkeys(map(ord, letters))
