"""The rules file: what is accepted, and for each mistake a sentence that names file and line."""

import re
from pathlib import Path

import pytest

from fraudstack.errors import InputError
from fraudstack.rules import config
from fraudstack.rules.config import Rules

GOOD = config.DEFAULT.read_text()


def edited(old: str, new: str) -> str:
    """The default file with one place changed."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def parsed(text: str) -> Rules:
    return config.parse(text.encode(), "rules.yaml")


def refusal(content: str | bytes) -> str:
    with pytest.raises(InputError) as error:
        config.parse(content.encode() if isinstance(content, str) else content, "mine/rules.yaml")
    return str(error.value)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


# Good files


def test_the_default_file_is_read() -> None:
    rules = config.load(config.DEFAULT)
    assert re.fullmatch(r"1\+[0-9a-f]{8}", rules.version)
    assert rules.file.rules.amount_unusual.sigmas == 3.5
    assert rules.file.decision.block_at == 0.97
    assert rules.file.block.mccs == frozenset()


def test_figures_are_what_the_file_says() -> None:
    rules = parsed(edited("{weight: 0.5, hours: 8}", "{weight: 0.25, hours: 1.5}")).file.rules
    assert (rules.travel_impossible.weight, rules.travel_impossible.hours) == (0.25, 1.5)


@pytest.mark.parametrize(
    ("old", "new"), [("# The figures", "# the figures"), ("pairs: 3}", "pairs: 3 }"), ("version: ", "version:  ")]
)
def test_any_byte_changes_the_version(old: str, new: str) -> None:
    assert parsed(edited(old, new)).version != parsed(GOOD).version
    assert parsed(edited(old, new)).file == parsed(GOOD).file


def test_a_line_more_at_the_end_changes_the_version() -> None:
    assert parsed(f"{GOOD}\n").version != parsed(GOOD).version


def test_the_version_is_the_files_own_word_and_a_digest() -> None:
    assert parsed(edited('version: "1"', "version: summer 2026")).version.startswith("summer 2026+")
    # Without quotes it is as good.
    assert parsed(edited('version: "1"', "version: 2")).version.startswith("2+")
    assert parsed(GOOD).version == parsed(GOOD).version


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("[59935]", {"59935"}),
        ("[59935, '27092', acme]", {"59935", "27092", "acme"}),
        ("[1, '1']", {"1"}),
        # As they stand there: YAML 1.1 would make 321, 1000, 16, 750, a date and false of them.
        ("[00501, 1_000, 0x10, 12:30, 2020-01-01, no]", {"501", "1_000", "0x10", "12:30", "2020-01-01", "no"}),
        ("[123456789012345678901234567890]", {"123456789012345678901234567890"}),
        ("[]", set()),
    ],
)
def test_names_may_be_written_as_numbers(written: str, names: set[str]) -> None:
    text = edited("allow: {merchants: []", f"allow: {{merchants: {written}")
    assert parsed(text).file.allow.merchants == names


@pytest.mark.parametrize("name", ["merchants", "clients", "cards"])
def test_every_list_of_names_takes_numbers(name: str) -> None:
    line = "block: {merchants: [], clients: [], cards: [], countries: [], mccs: []}"
    block = parsed(edited(line, line.replace(f"{name}: []", f"{name}: [5, NO]"))).file.block
    assert getattr(block, name) == {"5", "NO"}


BLOCK = "block: {merchants: [], clients: [], cards: [], countries: [], mccs: []}"


def test_countries_are_listed_by_their_one_name() -> None:
    line = BLOCK.replace("countries: []", "countries: [ITA, ' france ', U.S.A., Österreich, 392]")
    rules = parsed(edited(BLOCK, line))
    assert rules.file.block.countries == {"Italy", "France", "US", "Austria", "Japan"}
    assert rules.doubts == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("countries", "Itally", "Itally matches no transaction: no country is called so; Italy is probably meant"),
        ("countries", "IT", "IT matches no transaction: two letters are never a country's code; Italy is probably"),
        ("countries", "CA", "two letters are a US state's code, whose country is US; Canada is probably meant"),
        ("countries", "Bavaria", "Bavaria matches no transaction: no country is called so"),
        ("countries", "ND", "two letters are a US state's code, whose country is US"),
        ("cards", "4111 1111 1111 1111", "block.cards: [card] matches no transaction: this is a card number"),
        ("merchants", "x" * 101, "no id has more than 100 characters"),
        ("clients", "' '", "nothing can be seen of it"),
        ("clients", "\u3164", "nothing can be seen of it"),
    ],
)
def test_what_in_a_list_matches_nothing_is_told_with_its_line(name: str, value: str, said: str) -> None:
    text = edited(BLOCK, BLOCK.replace(f"{name}: []", f"{name}: [Italy, {value}]"))
    [doubt] = parsed(text).doubts
    assert doubt.startswith(f"rules.yaml, line {line_of(text, 'block: {')}: block.{name}: ")
    assert said in doubt


def test_what_matches_nothing_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(edited(BLOCK, BLOCK.replace("countries: []", "countries: [Itally]")))
    config.load(path)
    assert "Italy is probably meant" in caplog.text


def test_categories_are_numbers_however_they_are_written() -> None:
    assert parsed(edited("mccs: []", "mccs: [5411, '5812', 0742]")).file.block.mccs == {5411, 5812, 742}


def test_line_ends_of_windows_and_a_byte_order_mark_are_fine() -> None:
    assert parsed("\ufeff" + GOOD.replace("\n", "\r\n")).file == parsed(GOOD).file


def test_lists_may_stand_in_lines_of_their_own() -> None:
    text = edited("allow: {merchants: [], clients: []}", "allow:\n  merchants:\n    - 59935\n    - 7\n  clients: []")
    assert parsed(text).file.allow.merchants == {"59935", "7"}


# Mistakes: the place changed, what stands on the line to be named, and what is said

MISTAKES = {
    "no version": ('version: "1"\n', "", "decision:", "version: Field required"),
    "missing key": ("hours: 8}", "}", "travel_impossible:", "rules.travel_impossible.hours: Field required"),
    "missing rule": ("  channel_new: {weight: 0.15}\n", "", "rules:\n", "rules.channel_new: Field required"),
    "unknown key": ("hours: 8", "hours: 8, days: 1", "hours: 8, days", "days: Extra inputs are not permitted"),
    "unknown rule": ("  channel_new:", "  weather: 1\n  channel_new:", "  weather", "rules.weather: Extra inputs"),
    "a word for a number": ("hours: 8", "hours: eight", "hours: eight", "hours: Input should be a valid number"),
    "yes for a number": ("hours: 8", "hours: yes", "hours: yes", "hours: Input should be a valid number"),
    "true for a count": ("pairs: 3", "pairs: true", "pairs: true", "pairs: Input should be a valid integer"),
    "half a count": ("pairs: 3", "pairs: 2.5", "pairs: 2.5", "pairs: Input should be a valid integer"),
    "a list for a number": ("hours: 8", "hours: [8]", "hours: [8]", "hours: Input should be a valid number"),
    "a number for a rule": ("{weight: 0.5, hours: 8}", "8", "travel_impossible: 8", "travel_impossible: Input should"),
    "nothing for a rule": ("{weight: 0.5, hours: 8}", "", "travel_impossible:", "travel_impossible: Input should"),
    "nothing for a number": ("hours: 8", "hours: ", "hours: }", "hours: Input should be a valid number"),
    "weight 1": ("mcc_new: {weight: 0.15}", "mcc_new: {weight: 1}", "mcc_new:", "weight: Input should be less than 1"),
    "weight below 0": ("mcc_new: {weight: 0.15}", "mcc_new: {weight: -0.1}", "mcc_new:", "greater than or equal to 0"),
    "weight .nan": ("mcc_new: {weight: 0.15}", "mcc_new: {weight: .nan}", "mcc_new:", "mcc_new.weight: Input should"),
    "weight nan": ("mcc_new: {weight: 0.15}", "mcc_new: {weight: nan}", "mcc_new:", "mcc_new.weight: Input should"),
    "a bound .nan": ("block_at: 0.97", "block_at: .nan", "block_at:", "decision.block_at: Input should"),
    "a bound nan": ("block_at: 0.97", "block_at: nan", "block_at:", "decision.block_at: Input should"),
    "a bound above 1": ("block_at: 0.97", "block_at: 1.01", "block_at:", "less than or equal to 1"),
    "a bound below 0": ("grey_from: 0.35", "grey_from: -0.01", "grey_from:", "greater than or equal to 0"),
    "figure nan": ("sigmas: 3.5", "sigmas: nan", "sigmas: nan", "amount_unusual.sigmas: Input should"),
    "figure .inf": ("sigmas: 3.5", "sigmas: .inf", "sigmas: .inf", "amount_unusual.sigmas: Input should"),
    "figure inf": ("sigmas: 3.5", "sigmas: inf", "sigmas: inf", "amount_unusual.sigmas: Input should"),
    "figure 0": ("sigmas: 3.5", "sigmas: 0", "sigmas: 0", "greater than 0"),
    "figure below 0": ("least_spread: 0.25", "least_spread: -1", "least_spread:", "least_spread: Input should"),
    # Hours and cents are made of it: a product that is no longer finite would fail in every decision.
    "figure beyond all bounds": ("hours: 8", "hours: 1.0e+308", "hours: 1", "less than or equal to 1000000000000"),
    "figure of 5,000 digits": ("hours: 8", f"hours: {'9' * 5000}", "hours: 9", "hours: Input should"),
    "a date for a number": ("hours: 8", "hours: 2020-13-45", "hours: 2", "hours: Input should be a valid number"),
    "count 0": ("pairs: 3", "pairs: 0", "pairs: 0", "greater than or equal to 1"),
    "declines below 0": ("most_declines: 1", "most_declines: -1", "most_declines", "greater than or equal to 0"),
    "share above 1": ("most_share: 0.01", "most_share: 1.5", "most_share: 1.5", "less than or equal to 1"),
    "suspicious above block": ("suspicious_at: 0.5", "suspicious_at: 0.98", "decision:", "suspicious_at must not lie"),
    "grey band upside down": ("grey_from: 0.35", "grey_from: 0.61", "decision:", "must rise in this order"),
    "grey band above block": ("grey_to: 0.5", "grey_to: 0.98", "decision:", "must rise in this order"),
    "key twice": ("  mcc_new:", "  mcc_new: 5\n  mcc_new:", "mcc_new: {weight: 0.15}", "mcc_new stands there twice"),
    "key twice in a line": ("{weight: 0.45}", "{weight: 0.45, weight: 0.2}", "country_new:", "weight stands there"),
    "a tab": ("  suspicious_at:", "\tsuspicious_at:", "\tsuspicious_at", "this isn't YAML: found character"),
    "an open bracket": ("version: ", "list: [\nversion: ", "decision:", "this isn't YAML: "),
    "wrong indent": ("  block_at:", " block_at:", " block_at:", "this isn't YAML: "),
    "no such anchor": ("mcc_new: {weight: 0.15}", "mcc_new: *weights", "*weights", "*weights: aliases aren't read"),
    "two documents": ("\nversion: ", "\na: 1\n---\nversion: ", "---", "this isn't YAML: "),
    "a control character": ("# Merchants and", "# Merchants \0 and", "# Merchants", "this isn't YAML: unacceptable"),
    "a key that is a list": ("version: ", "? [a, b]\n: 1\nversion: ", "? [a", "a key is one word"),
    "a text for a list": ("allow: {merchants: []", "allow: {merchants: 59935", "allow:", "allow.merchants: Input"),
    "nothing for a list": ("allow: {merchants: []", "allow: {merchants: ", "allow:", "allow.merchants: Input"),
    "a list in a list": ("allow: {merchants: []", "allow: {merchants: [5, [6]]", "allow:", "merchants.1: Input"),
    "a mapping in a list": ("allow: {merchants: []", "allow: {merchants: [{a: 5}]", "allow:", "merchants.0: Input"),
    "an empty name": ("allow: {merchants: []", "allow: {merchants: ['']", "allow:", "allow.merchants.0: String should"),
    "a word for a category": ("mccs: []", "mccs: [food]", "block: {", "block.mccs.0: Input should be a valid integer"),
    "true for a category": ("mccs: []", "mccs: [true]", "block: {", "block.mccs.0: Input should be a valid integer"),
    "a category below 0": ("mccs: []", "mccs: [-1]", "block: {", "block.mccs.0: Input should be greater"),
    "a category of five digits": ("mccs: []", "mccs: [5411, 10000]", "block: {", "block.mccs.1: Input should be less"),
    "an empty version": ('version: "1"', 'version: ""', "version:", "version: String should have at least 1"),
    "a long version": ('version: "1"', f"version: {'x' * 101}", "version:", "version: String should have at most 100"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line(mistake: str) -> None:
    old, new, on_line, said = MISTAKES[mistake]
    text = edited(old, new)
    message = refusal(text)
    assert message.startswith(f"mine/rules.yaml, line {line_of(text, on_line)}: ")
    assert said in message


def test_an_open_quote_is_missed_at_the_end() -> None:
    text = edited('version: "1"', 'version: "1')
    assert refusal(text).startswith(
        f"mine/rules.yaml, line {text.count(chr(10)) + 1}: this isn't YAML: found unexpected"
    )


def test_an_item_in_a_line_of_its_own_is_named() -> None:
    text = edited("allow: {merchants: []", "allow:\n  merchants:\n    - 59935\n    - [7]\n  clients: []\nx: {a: []")
    assert refusal(text).startswith(f"mine/rules.yaml, line {line_of(text, '- [7]')}: allow.merchants.1: ")


def test_further_mistakes_are_counted() -> None:
    text = edited("hours: 8", "hours: 0").replace("pairs: 3", "pairs: 0").replace("sigmas: 3.5", "sigmas: 0")
    assert refusal(text).endswith("greater than 0 (and 2 more)")


@pytest.mark.parametrize("content", ["", "# nothing\n", "- 1\n- 2\n", "5\n", "rules\n", "~\n"])
def test_a_file_that_holds_no_rules_is_refused(content: str) -> None:
    assert refusal(content).startswith("mine/rules.yaml, line 1: the file: Input should be a valid dictionary")


def test_broken_utf_8_is_named_with_its_line() -> None:
    content = edited("hours: 8", "hours: ?").encode().replace(b"hours: ?", b"hours: \xff")
    assert refusal(content).startswith(f"mine/rules.yaml, line {line_of(GOOD, 'hours: 8')}: this isn't YAML: 'utf-8'")
    assert refusal(GOOD.encode("utf-16")).startswith("mine/rules.yaml, line 1: ")


@pytest.mark.parametrize("content", ["a: &a [*a]\n", "&a {a: *a}\n", "[" * 5000, "[" * 5000 + "]" * 5000])
def test_endless_nesting_is_refused(content: str) -> None:
    assert refusal(content).startswith("mine/rules.yaml")


def test_a_file_can_make_nothing_but_figures(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    refusal(f"!!python/object/apply:os.mkdir [{folder}]\n")
    refusal(edited("hours: 8", f"hours: !!python/object/apply:os.mkdir [{folder}]"))
    assert not folder.exists()


@pytest.mark.parametrize("there", [False, True], ids=["missing", "a folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "rules.yaml"
    if there:
        path.mkdir()
    with pytest.raises(InputError, match=rf"the rules file {path} can't be read: "):
        config.load(path)


def test_a_copy_is_read_as_the_default_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert config.load(path) == config.load(config.DEFAULT)
