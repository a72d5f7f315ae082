"""YAML that people write: texts as they stand, mistakes with their line, and no file that costs more than it weighs."""

import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from fraudstack import yaml_file
from fraudstack.errors import InputError

_LARGEST = 1 << 20


def refusal(content: str | bytes) -> str:
    with pytest.raises(InputError) as error:
        yaml_file.parse(content.encode() if isinstance(content, str) else content, "mine.yaml")
    return str(error.value)


def test_everything_is_text_as_it_stands_there() -> None:
    text = "\ufeffzip: 00501\nland: NO\nYes: [1_000, 0x10, 12:30, ~, 2020-01-01, '']\nempty:\n"
    assert yaml_file.parse(text.encode(), "mine.yaml").content == {
        "zip": "00501",
        "land": "NO",
        "Yes": ["1_000", "0x10", "12:30", "~", "2020-01-01", ""],
        "empty": "",
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_a_file_may_be_empty(text: str) -> None:
    assert not yaml_file.parse(text.encode(), "mine.yaml").content


def test_a_model_is_made_of_it_or_the_line_is_named() -> None:
    class Item(BaseModel):
        count: int

    class Items(BaseModel):
        items: list[Item]

    document = yaml_file.parse(b"# two\nitems:\n  - count: 1\n  -\n    count: many\n", "mine.yaml")
    with pytest.raises(InputError, match=r"^mine.yaml, line 5: items\.1\.count: Input should be a valid integer"):
        document.checked(Items)
    assert document.at("items", 1) == "mine.yaml, line 5"
    assert document.at("items", 7) == "mine.yaml, line 2"
    assert yaml_file.parse(b"items: [{count: 3}]", "mine.yaml").checked(Items).items[0].count == 3


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a stands there twice"),
        ("a:\n  - {b: 1, b: 2}\n", 2, "b stands there twice"),
        ("a: &x [1]\nb: *x\n", 2, "*x: aliases aren't read"),
        ("a: &x {c: 1}\nb:\n  <<: *x\n", 3, "*x: aliases aren't read"),
        ("? [a]\n: 1\n", 1, "a key is one word"),
        ("? {a: b}\n: 1\n", 1, "a key is one word"),
        ("a: 1\nb: [\n", 3, "this isn't YAML"),
        ("a: 1\n--- \nb: 2\n", 2, "this isn't YAML"),
        ("a: 1\nb: \0\n", 2, "this isn't YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    assert refusal(text).startswith(f"mine.yaml, line {line}: ")
    assert said in refusal(text)


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "brackets": "[" * (_LARGEST - 10),
    "dashes": "- " * (_LARGEST // 2 - 10),
    "braces": "{a: " * (_LARGEST // 4 - 10),
    "questions": "? " * (_LARGEST // 2 - 10),
    "a whole disk": "#" * (_LARGEST + 1),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_file_costs_more_than_it_weighs(bomb: str) -> None:
    started = time.process_time()
    assert refusal(BOMBS[bomb]).startswith("mine.yaml")
    assert time.process_time() - started < 1


def test_a_file_is_not_read_to_an_end_that_never_comes(tmp_path: Path) -> None:
    endless = tmp_path / "rules.yaml"
    endless.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="at most 1,048,576 bytes"):
        yaml_file.load(endless, "rules file")
    with pytest.raises(InputError, match=f"the mapping {tmp_path} can't be read: Is a directory"):
        yaml_file.load(tmp_path, "mapping")
