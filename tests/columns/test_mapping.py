"""What a file of columns may say, and where it is refused."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from fraudstack.columns.mapping import PRESETS, load
from fraudstack.errors import InputError
from fraudstack.settings import Settings
from tests.columns.made import KEY, mapping

FORM = """# As the documentation has it.
encoding: windows-1252
separator: ";"
columns:
  client_id: Kunde
  date: {from: [Tag, Uhrzeit], format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
  amount: {from: Betrag, unit: cents, decimal: ",", sign: {from: S/H, minus: [H]}}
  use_chip: {from: Weg, values: {Chip: Chip Transaction, Netz: Online Transaction}}
  card_id: {from: PAN, token: true}
  currency: {value: EUR}
  is_fraud: {from: Betrug, values: {ja: true, nein: false}}
"""


def test_all_that_a_file_may_say(tmp_path: Path) -> None:
    file = tmp_path / "columns.yaml"
    file.write_text(FORM)
    found = load(str(file), KEY)
    assert (found.encoding, found.separator) == ("cp1252", ";")
    assert (found.tokens, found.hidden) == (("card_id",), frozenset({"pan"}))
    assert found.columns.date.names == ("Tag", "Uhrzeit")
    assert found.currency(Settings()) == "EUR"
    header = ["kunde", "tag", "uhrzeit", "betrag", "s/h", "weg", "pan", "betrug"]
    found.check_header(header, "umsatz.csv")
    with pytest.raises(InputError, match=r"columns.yaml, line 7: umsatz.csv has no column 'S/H'"):
        found.check_header([name for name in header if name != "s/h"], "umsatz.csv")
    with pytest.raises(InputError, match=r"line 8: umsatz.csv has 2 columns 'Weg'"):
        found.check_header([*header, "weg"], "umsatz.csv")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_ship(name: str) -> None:
    assert load(name, KEY).columns.amount


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"konto": "Konto"}, "columns.konto"),
        ({"date": "{from: When, form: x}"}, "columns.date.form"),
        ({"use_chip": "{from: How, unit: cents}"}, "columns.use_chip.unit"),
        ({"amount": "{from: Much, unit: pounds}"}, "'cents'"),
        ({"amount": "{from: Much, decimal: x}"}, "decimal"),
        ({"amount": "{from: Much, sign: {from: S}}"}, "sign.minus"),
        ({"date": "{from: When, format: '%d.%m'}"}, "lacks %Y"),
        ({"date": "{from: When, format: '%d.%m.%Y %q'}"}, "%q isn't understood"),
        ({"date": "{from: When, format: '%d.%m.%Y %I:%M'}"}, "%p"),
        ({"date": "{from: When, format: '%d.%m.%Y %d'}"}, "twice"),
        ({"date": "{from: When, zone: Mars/Base}"}, "no zone 'Mars/Base'"),
        ({"date": "{from: When, zone: ../../etc/passwd}"}, "no zone"),
        ({"date": "{from: When, unix: s, zone: Europe/Berlin}"}, "UTC"),
        ({"date": "{from: When, unix: minutes}"}, "unix"),
        ({"client_id": "{from: []}"}, "columns.client_id.from"),
        ({"client_id": "''"}, "missing"),
        ({"client_id": "{from: Who, value: 7}"}, "`from`"),
        ({"client_id": "{}"}, "`from`"),
        ({"id": "{value: 7}"}, "an id of its own"),
        ({"currency": "{value: euro}"}, "ISO 4217"),
        ({"currency": "{value: JPY}"}, "JPY"),
        ({"mcc": "{from: Kind, values: {food: many}}"}, "merchant category code"),
        ({"is_fraud": "{from: Bad, values: {ja: perhaps}}"}, "neither true nor false"),
        ({"card_id": "{from: Card, token: perhaps}"}, "token"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_with_its_line(said: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=rf"^columns\.yaml, line [0-9]+: .*{sentence}"):
        mapping(KEY, **said)


@pytest.mark.parametrize(
    "head", ["encoding: klingon", "encoding: base64", 'separator: ";;"', "separater: x", "columns:"]
)
def test_the_head_is_checked_too(head: str) -> None:
    with pytest.raises(InputError, match=r"columns\.yaml, line"):
        mapping(head=head)


@pytest.mark.parametrize("key", [None, "secret", "1:short", "1:a-secret-of-the-tests,1:another-secret-of-theirs"])
def test_a_token_needs_a_key_and_no_sentence_repeats_it(key: str | None) -> None:
    with pytest.raises(InputError, match=r"line 6: .*TX_TOKEN_KEY") as refused:
        mapping(SecretStr(key) if key else None, card_id="{from: PAN, token: true}")
    assert "secret-of" not in str(refused.value)
    assert "short" not in str(refused.value)


def test_another_currency_than_the_store_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"line 6: the amounts are in EUR, and TX_CURRENCY is USD"):
        mapping(currency="{value: EUR}").currency(Settings(currency="USD"))


def test_a_row_in_the_place_of_a_header_shows_no_card_number() -> None:
    with pytest.raises(InputError, match="has no column") as refused:
        mapping().check_header(["0", "9999 0000-1110 2107", "38.82"], "headless.csv")
    assert "2107" not in str(refused.value)
