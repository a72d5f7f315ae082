"""A file of columns is proposed that reads the file, or says what is missing."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from fraudstack import yaml_file
from fraudstack.columns.mapping import PRESETS, checked, preset
from fraudstack.columns.propose import proposed
from fraudstack.columns.rows import read
from tests.columns.made import KEY


def first(header: list[str], *rows: list[str]) -> dict[str, str]:
    """The first row, read as is proposed."""
    mapping = checked(yaml_file.parse(proposed(header, rows).encode(), "proposed.yaml"), KEY)
    mapping.check_header(header, "a file")
    return read(mapping, dict(zip(header, rows[0], strict=True)), "USD", commas_group=False)


def test_a_german_export() -> None:
    header = ["umsatznummer", "buchungstag", "uhrzeit", "kunde", "betrag in cent", "s/h", "weg", "händler", "betrug"]
    rows = [
        ["1", "01.03.2024", "08:15", "301", "3882", "H", "Chip", "Bäcker", "ja"],
        ["2", "31.03.2024", "08:16", "301", "50", "H", "Netz", "", "nein"],
    ]
    assert first(header, *rows) == {
        "id": "1",
        "date": "2024-03-01 08:15:00",
        "client_id": "301",
        "amount": "-38.82",
        "use_chip": "Chip Transaction",
        "merchant_id": "Bäcker",
        "is_fraud": "Yes",
    }


def test_an_american_one_with_card_numbers() -> None:
    found = first(
        ["trans_num", "transaction date", "account number", "amount", "class"],
        ["a1b2", "3/14/2024 1:05 PM", "9999 0000 1110 2107", "1,234.50", "1"],
    )
    assert found["date"] == "2024-03-14 13:05:00"
    assert found["client_id"].startswith("k2-")
    assert int(found["id"]) >= 2**62
    assert (found["amount"], found["is_fraud"]) == ("1234.50", "Yes")


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1709280900", "2024-03-01 08:15:00"),
        ("1709280900123", "2024-03-01 08:15:00"),
        ("20240301", "2024-03-01 00:00:00"),
    ],
)
def test_dates_in_a_number(text: str, date: str) -> None:
    assert first(["timestamp", "user", "amt"], [text, "7", "12,50"])["date"] == date


def test_what_is_unsure_or_missing_is_said() -> None:
    said = proposed(["date", "amt", "note"], [["01/02/2024", "12", "x"]])
    assert "# %m/%d/%Y fits as well: look which is meant." in said
    assert "# All are whole numbers: if they are cents, add unit: cents." in said
    assert "# No column was found for client_id" in said
    assert "# Not used: note" in said


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_names_the_preset_that_fits(name: str, tmp_path: Path) -> None:
    file = tmp_path / "raw.csv"
    file.write_text(",".join(["more", *dict.fromkeys(preset(name).wanted().values())]) + "\n")
    found = CliRunner().invoke(app, ["columns", str(file)])
    assert found.output.startswith(f"# The preset fits this file: --columns {name}")
