"""What people and terminals write in a file is stored as if it had been posted; card numbers are stored nowhere."""

from pathlib import Path

from pyspark.sql import SparkSession

from fraudstack.decisions.submission import Submission
from jobs import clean
from jobs.raw import cards
from tests.jobs.databases import everything, quarantined, query, quiet, settings
from tests.jobs.raw_files import row, write

WRITTEN = [
    {"merchant_state": " ITALY ", "merchant_city": "Ro\u00adme 🎁"},
    {"merchant_state": "ITA", "use_chip": "CHIP TRANSACTION"},
    {"merchant_state": "ca", "errors": "Bad\u00a0PIN\x1b[2J"},
    {"merchant_id": "\uff15\uff16", "client_id": "15\u200b56", "card_id": "\ufeff2972"},
    {"merchant_city": "for 4111 1111 1111 1111", "zip": "5555555555554444"},
    {"merchant_city": "\u200b", "errors": "\u2060"},
    {"merchant_id": "1234567890123456", "card_id": "4111111111111112"},
]
TEXTS = ("client_id", "card_id", "use_chip", "merchant_id", "merchant_city", "merchant_state", "zip", "errors")
_USUAL = ("1556", "2972", "Swipe Transaction", "59935", "Beulah", "ND", "58523", None)
CARDS = [
    {"card_id": "4111111111111111"},
    {"card_id": "5555 5555 5555 4444"},
    {"client_id": "3782-822463-10005"},
    {"merchant_id": "\uff14" + "\uff11" * 15},
    {"card_id": "6304\u00ad000000000000000"},
]


def test_a_file_says_what_a_post_would(spark: SparkSession, database: str, tmp_path: Path) -> None:
    given = settings(tmp_path, database, max_reject_share=0.9)
    lines = [row(id, **written) for id, written in enumerate([*WRITTEN, *CARDS], 1)]
    write(Path(given.csv_path), lines)
    clean.run(spark, given, "run", quiet())
    stored = query(database, f"SELECT {', '.join(TEXTS)} FROM transactions ORDER BY id")
    usual = dict(zip(TEXTS, _USUAL, strict=True))
    posted = [Submission.model_validate({"amount": 1, **usual, **written}) for written in WRITTEN]
    assert stored == [tuple(getattr(one, name) for name in TEXTS) for one in posted]
    refused = quarantined(database)
    assert [reason for _, _, reason in refused] == [cards.REASON] * len(CARDS)
    assert all("[card]" in str(text) for _, text, _ in refused)
    whole = str(everything(database)) + str(refused)
    assert not any(number in whole for number in ("1111 1111", "5555", "822463", "000000000", "\uff11"))
