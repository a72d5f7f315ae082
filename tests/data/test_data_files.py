"""The five files' form, their bytes for a seed, odd sizes and refusals."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from data.generate import Generated, generate

HEADERS = {
    "transactions_data.csv": "id,date,client_id,card_id,amount,use_chip,merchant_id,merchant_city,"
    "merchant_state,zip,mcc,errors",
    "cards_data.csv": "id,client_id,card_brand,card_type,card_number,expires,cvv,has_chip,num_cards_issued,"
    "credit_limit,acct_open_date,year_pin_last_changed,card_on_dark_web",
    "users_data.csv": "id,current_age,retirement_age,birth_year,birth_month,gender,address,latitude,"
    "longitude,per_capita_income,yearly_income,total_debt,credit_score,num_credit_cards",
}
FILES = {*HEADERS, "train_fraud_labels.json", "mcc_codes.json"}
SAMPLE = Path(__file__).parents[2] / "data" / "sample"
# id, date, client, card, amount, channel, merchant, city, state, zip, code, errors
LINE = re.compile(
    r"\d+,20\d\d-\d\d-\d\d \d\d:\d\d:00,\d+,\d+,\$-?\d+\.\d\d,(?:Swipe|Chip|Online) Transaction,\d+,"
    r"(?:ONLINE,,|[A-Z][A-Za-z' -]+,(?:[A-Z]{2},\d{4,5}\.0|[A-Z][A-Za-z' -]+,)),\d{4},"
    r'(?:|[A-Z][A-Za-z ]+|"[A-Z][A-Za-z ]+(?:,[A-Z][A-Za-z ]+)+")'
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generated]:
    folder = tmp_path_factory.mktemp("small")
    return folder, generate(20_000, 5, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_exactly_the_five_files_are_written(small: tuple[Path, Generated]) -> None:
    assert {path.name for path in small[0].iterdir()} == FILES


@pytest.mark.parametrize("name", HEADERS)
def test_a_csv_file_begins_with_its_header_and_ends_with_a_line(small: tuple[Path, Generated], name: str) -> None:
    text = (small[0] / name).read_text()
    assert text.split("\n", 1)[0] == HEADERS[name]
    assert text.endswith("\n")


def test_every_transaction_line_has_the_form_of_the_public_set(small: tuple[Path, Generated]) -> None:
    lines = (small[0] / "transactions_data.csv").read_text().splitlines()[1:]
    assert len(lines) == 20_000
    assert [line for line in lines if not LINE.fullmatch(line)] == []


def test_the_file_is_in_order_of_time_and_ids_rise_from_the_first(small: tuple[Path, Generated]) -> None:
    rows = pl.read_csv(small[0] / "transactions_data.csv", columns=["id", "date"])
    assert rows["date"].is_sorted()
    assert rows["id"][0] == 7_475_327
    assert rows["id"].diff().drop_nulls().min() == 1
    assert rows["date"][0] < "2010-02"
    assert rows["date"][-1] > "2019-10"


def test_labels_are_one_line_unordered_and_of_known_transactions(small: tuple[Path, Generated]) -> None:
    text = (small[0] / "train_fraud_labels.json").read_text()
    assert re.match(r'\{"target":\{"\d+":"(Yes|No)","\d+":"(Yes|No)",', text)
    assert text.count("\n") == 1
    target = json.loads(text)["target"]
    ids = [int(id) for id in target]
    assert set(target.values()) == {"Yes", "No"}
    assert ids != sorted(ids)
    assert set(ids) <= set(pl.read_csv(small[0] / "transactions_data.csv", columns=["id"])["id"])


def test_the_counts_returned_are_those_of_the_files(small: tuple[Path, Generated]) -> None:
    folder, generated = small
    target = json.loads((folder / "train_fraud_labels.json").read_text())["target"]
    assert generated.transactions == 20_000
    assert generated.labels == len(target)
    assert generated.frauds == sum(answer == "Yes" for answer in target.values())
    assert generated.cards == pl.read_csv(folder / "cards_data.csv").height
    assert generated.users == pl.read_csv(folder / "users_data.csv").height
    assert generated.seconds > 0


def test_transactions_name_known_clients_their_own_open_cards_and_known_codes(
    small: tuple[Path, Generated],
) -> None:
    folder, _ = small
    rows = pl.read_csv(folder / "transactions_data.csv", columns=["date", "client_id", "card_id", "mcc"])
    cards = pl.read_csv(folder / "cards_data.csv")
    users = pl.read_csv(folder / "users_data.csv")
    codes = json.loads((folder / "mcc_codes.json").read_text())
    held = rows.join(cards, left_on=["client_id", "card_id"], right_on=["client_id", "id"])
    opened = held["acct_open_date"].str.slice(3) + "-" + held["acct_open_date"].str.slice(0, 2)
    assert held.height == rows.height
    assert (opened <= held["date"].str.slice(0, 7)).all()
    assert set(rows["client_id"]) <= set(users["id"])
    assert set(map(str, rows["mcc"].unique())) <= set(codes)
    assert len(codes) == 109
    assert codes["3722"] == codes["4112"] == "Passenger Railways"


def test_card_numbers_cannot_be_issued(small: tuple[Path, Generated]) -> None:
    cards = pl.read_csv(small[0] / "cards_data.csv", schema_overrides={"card_number": pl.String})
    for number, brand in cards.select("card_number", "card_brand").iter_rows():
        digits = [int(digit) for digit in reversed(number)]
        doubled = [2 * digit for digit in digits[1::2]]
        check = sum(digits[::2]) + sum(value // 10 + value % 10 for value in doubled)
        assert number.startswith("9999")
        assert len(number) == (15 if brand == "Amex" else 16)
        assert check % 10 != 0


def test_cards_and_users_have_the_form_of_the_public_set(small: tuple[Path, Generated]) -> None:
    cards = pl.read_csv(small[0] / "cards_data.csv")
    users = pl.read_csv(small[0] / "users_data.csv")
    held = cards["client_id"].value_counts().sort("client_id")
    assert cards["expires"].str.contains(r"^(0[1-9]|1[0-2])/20\d\d$").all()
    assert cards["acct_open_date"].str.contains(r"^(0[1-9]|1[0-2])/\d{4}$").all()
    assert cards["credit_limit"].str.contains(r"^\$\d+$").all()
    assert set(cards["has_chip"]) == {"YES", "NO"}
    assert cards["id"].n_unique() == cards.height
    assert users["id"].to_list() == list(range(users.height))
    assert users["num_credit_cards"].to_list() == held["count"].to_list()
    for column in ("per_capita_income", "yearly_income", "total_debt"):
        assert users[column].str.contains(r"^\$\d+$").all()
    assert users["current_age"].is_between(18, 101).all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        generate(3_000, seed, tmp_path / name)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert all(one[name] != three[name] for name in FILES - {"mcc_codes.json"})


def test_the_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generate(5_000, 1, tmp_path)
    assert contents(tmp_path) == contents(SAMPLE)


@pytest.mark.parametrize("rows", [1, 2, 10, 119, 1_000])
def test_any_number_of_rows_is_written(tmp_path: Path, rows: int) -> None:
    done: list[int] = []
    generate(rows, 1, tmp_path, done.append)
    assert len((tmp_path / "transactions_data.csv").read_text().splitlines()) == rows + 1
    assert isinstance(json.loads((tmp_path / "train_fraud_labels.json").read_text())["target"], dict)
    assert done == sorted(done)
    assert done[-1] == rows


def test_progress_is_told_every_month(tmp_path: Path) -> None:
    done: list[int] = []
    generate(5_000, 2, tmp_path, done.append)
    assert len(done) == 118


def test_clients_and_their_time_grow_with_the_rows(tmp_path: Path) -> None:
    counts = {}
    for rows in (1_000, 100_000):
        generate(rows, 1, tmp_path)
        table = pl.read_csv(tmp_path / "transactions_data.csv", columns=["client_id"])
        counts[rows] = table["client_id"].n_unique()
    assert counts[1_000] == pytest.approx(51, abs=5)
    assert counts[100_000] == pytest.approx(239, abs=5)


@pytest.mark.parametrize("rows", [0, -5])
def test_fewer_than_one_row_is_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=rf"^rows must be at least 1, not {rows}\.$"):
        generate(rows, 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^seed must be at least 0, not -1\.$"):
        generate(1, -1, tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_text("")
    with pytest.raises(ValueError, match=r"^out must be a folder, and .*file is a file\.$"):
        generate(1, 1, out)


def test_a_broken_off_run_leaves_what_was_there(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int) -> None:
        raise StopError

    generate(100, 1, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(StopError):
        generate(1_000, 2, tmp_path, stop)
    assert contents(tmp_path) == before
