"""The house: which room may know which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudstack.columns import made_ids
from fraudstack.columns.mapping import Columns
from fraudstack.decisions.submission import Submission
from fraudstack.schema import CONTENT, TRANSACTIONS

ROOT = Path(__file__).parents[1]

# Whom each house may know.
_HOUSES = {
    "fraudstack": set(),
    "data": {"fraudstack"},
    "jobs": {"fraudstack"},
    "dags": {"fraudstack", "jobs"},
    "api": {"fraudstack"},
    "dashboard": {"fraudstack"},
    "cli": {"fraudstack", "data", "jobs"},
}
# Where alone each engine is known.
_ENGINES = {"airflow": "dags", "pyspark": "jobs", "fastapi": "api", "streamlit": "dashboard"}

# Rooms of words alone (errors, texts and the like), which all may know.
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
    "yaml_file",
}
# Whom each room of fraudstack may know beside them.
_KNOWS = {
    # Which of them are home, an event says.
    "places": {"profiles"},
    # What a client's history makes, and what a model looks at of it: one knows the other's memory.
    "profiles": {"features"},
    "features": {"profiles"},
    "reading": set(),
    "columns": {"reading"},
    "model": {"features", "profiles", "rules", "report"},
    "rules": {"profiles", "features"},
    # Of the model only how its folder names the champion.
    "storage": {"profiles", "features", "model"},
    "decisions": {"storage", "profiles", "features", "rules", "model"},
    "llm": {"decisions", "rules"},
    "report": {"storage", "rules"},
}
# Floor upon floor: a room knows those below its own, never one beside it.
_STORAGE = (
    {"connections", "forms"},
    {
        "backup",
        "events",
        "figures",
        "label_days",
        "lists",
        "loads",
        "model_days",
        "models",
        "outdated",
        "quarantined",
        "shared_counts",
    },
    {"clusters", "sums", "upgrade"},
    {"days_seen", "profiles"},
    {"memories", "runs", "value_days", "velocity"},
    {"following"},
    {"decisions"},
    {"reviews", "transactions"},
    {"challenges", "labels"},
    {"removal", "verify"},
)
# Folders know no program, and programs not each other.
_JOBS = (
    {"spark", "clusters", "days", "kubernetes"},
    {"steps"},
    {"raw"},
    {"features"},
    {path.stem for path in (ROOT / "jobs").glob("[a-z]*.py")} - {"run"},
    {"run"},
)
# What a scorer doesn't have.
_BULK = {"pyarrow", "adbc_driver_manager", "adbc_driver_postgresql", "adbc_driver_sqlite"}


def imports(file: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(file: Path, house: str) -> set[str]:
    """The rooms of a house, a dotted name, that a file imports."""
    return {name.removeprefix(f"{house}.").split(".")[0] for name in imports(file) if name.startswith(f"{house}.")}


def files_of(room: Path) -> list[Path]:
    """A room's files, it being a folder or a module."""
    return sorted(room.rglob("*.py")) or [room.with_suffix(".py")]


@pytest.mark.parametrize("house", _HOUSES)
def test_a_house_knows_whom_it_may(house: str) -> None:
    for file in files_of(ROOT / house):
        known = {name.split(".")[0] for name in imports(file)}
        assert known & _HOUSES.keys() <= _HOUSES[house] | {house}, file
        assert not {engine for engine in known & _ENGINES.keys() if _ENGINES[engine] != house}, file


@pytest.mark.parametrize("room", sorted({path.stem for path in (ROOT / "fraudstack").glob("[a-z]*")}))
def test_a_room_knows_whom_it_may(room: str) -> None:
    for file in files_of(ROOT / "fraudstack" / room):
        assert rooms(file, "fraudstack") - _PLAIN - {room} <= _KNOWS.get(room, set()), file


@pytest.mark.parametrize(("house", "floors"), [("fraudstack.storage", _STORAGE), ("jobs", _JOBS)])
def test_each_room_stands_on_those_below(house: str, floors: tuple[set[str], ...]) -> None:
    folder = ROOT.joinpath(*house.split("."))
    every = set().union(*floors)
    modules, folders = folder.glob("[a-z]*.py"), folder.glob("*/__init__.py")
    assert {file.stem for file in modules} | {file.parent.name for file in folders} == every
    below: set[str] = set()
    for floor in floors:
        for room in floor:
            for file in files_of(folder / room):
                # What keeps Spark's classes runs jobs, a program of its own.
                if file.name != "class_archive.py":
                    assert rooms(file, house) & every <= below | {room}, file
        below |= floor


def test_one_row_at_a_time_nobody_needs_what_the_bulk_way_does() -> None:
    """A folder is a noun's one way, `bulk` in it the other: who imports a noun gets no package of the bulk way."""
    for file in sorted((ROOT / "fraudstack" / "storage").glob("*/__init__.py")):
        assert not {name.split(".")[0] for name in imports(file)} & _BULK, file
        assert not [name for name in imports(file) if name.split(".")[-1] == "bulk" or ".bulk." in name], file


def test_who_has_rules_of_its_own_for_the_columns_has_them_for_each() -> None:
    columns = [column.name for column in TRANSACTIONS.columns]
    assert list(Submission.model_fields) == [*columns, "can_challenge"]
    assert Columns.model_fields.keys() == {*columns} - {"flagged_fraud"}
    assert {*made_ids.CONTENT} == {*CONTENT} - {"id", "amount", "currency"} | {"cents"}
