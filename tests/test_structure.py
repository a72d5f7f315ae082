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


@pytest.mark.parametrize("file", sorted((ROOT / "fraudstack").rglob("*.py")), ids=str)
def test_the_domain_knows_no_engine_and_no_door(file: Path) -> None:
    known = imported(file)
    assert not known & {"airflow", "pyspark", "fastapi", "streamlit"}
    if file.name != "cli.py":
        assert not known & {"jobs", "data", "dags", "api", "dashboard"}
