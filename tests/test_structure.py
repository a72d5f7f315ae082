"""The house: which room may know which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imported(file: Path) -> set[str]:
    """Top-level names of everything that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


# Whom each room may know, beside the rooms of words alone (errors, texts and the like) that all may.
_PLAIN = {
    "errors",
    "texts",
    "fields",
    "card_numbers",
    "schema",
    "settings",
    "progress",
    "places",
    "keys",
    "spreadsheet",
}
_PLAIN |= {"yaml_file"}
_KNOWS = {
    # What a client's history makes, and what a model looks at of it: one knows the other's memory.
    "profiles": {"features"},
    "features": {"profiles"},
    "reading": set(),
    "columns": {"reading"},
    "model": {"features", "profiles", "rules", "report"},
    "rules": {"profiles", "model"},
    # Of the model only how its folder names the champion.
    "storage": {"profiles", "features", "model"},
    "decisions": {"storage", "profiles", "features", "rules", "model"},
    "llm": {"decisions", "rules"},
    "verify": {"storage", "profiles", "features"},
    "report": {"storage", "rules"},
}
# Where commands are made out of all rooms.
_DOORS = {"cli.py", "commands.py", "options.py"}


def rooms(file: Path) -> set[str]:
    """The rooms of fraudstack that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "fraudstack":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fraudstack."):
            found.add(str(node.module).split(".")[1])
    return found


@pytest.mark.parametrize("room", sorted(path.name for path in (ROOT / "fraudstack").glob("[a-z]*/")))
def test_a_room_knows_whom_it_may(room: str) -> None:
    for file in sorted((ROOT / "fraudstack" / room).rglob("*.py")):
        if file.name in _DOORS or "migrations" in file.parts:
            continue
        unknown = rooms(file) - _PLAIN - {room}
        assert unknown <= _KNOWS.get(room, set()), file


@pytest.mark.parametrize(
    ("door", "others"),
    [
        ("api", {"jobs", "data", "dags", "dashboard"}),
        ("dashboard", {"jobs", "data", "dags", "api"}),
        ("data", {"jobs", "dags", "api", "dashboard"}),
        ("jobs", {"dags", "api", "dashboard", "data", "airflow", "streamlit", "fastapi"}),
        ("dags", {"api", "dashboard", "data", "pyspark"}),
    ],
)
def test_doors_do_not_know_each_other(door: str, others: set[str]) -> None:
    for file in sorted((ROOT / door).rglob("*.py")):
        assert not imported(file) & others, file


@pytest.mark.parametrize("file", sorted((ROOT / "fraudstack").rglob("*.py")), ids=str)
def test_the_domain_knows_no_engine_and_no_door(file: Path) -> None:
    known = imported(file)
    assert not known & {"airflow", "pyspark", "fastapi", "streamlit"}
    if file.name != "cli.py":
        assert not known & {"jobs", "data", "dags", "api", "dashboard"}
