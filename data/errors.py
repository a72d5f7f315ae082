"""The errors column: 22 values, most rows have none."""

from __future__ import annotations

import numpy as np

from data.sampling import Bools, Floats, Ints

_BALANCE, _GLITCH, _PIN = "Insufficient Balance", "Technical Glitch", "Bad PIN"
_NUMBER, _EXPIRATION, _CVV, _ZIP = "Bad Card Number", "Bad Expiration", "Bad CVV", "Bad Zipcode"
# (text, rows with the card present, rows online) in 13,305,915 rows. A PIN is typed at a terminal, the
# number, date, code and zip of a card on a web page; balance and glitches happen to both alike. Rows that
# reverse each other have no error, so the rows with the card present are fewer here.
PRESENT_ROWS, ONLINE_ROWS = 10_640_000, 1_545_000
COUNTS: list[tuple[str, int, int]] = [
    ("", 0, 0),
    (_BALANCE, 115_575, 15_327),
    (_GLITCH, 23_195, 3_076),
    (_PIN, 32_119, 0),
    (_NUMBER, 0, 7_767),
    (_EXPIRATION, 0, 6_161),
    (_CVV, 0, 6_106),
    (_ZIP, 0, 1_126),
    (f"{_PIN},{_BALANCE}", 293, 0),
    (f"{_BALANCE},{_GLITCH}", 215, 28),
    (f"{_PIN},{_GLITCH}", 62, 0),
    (f"{_NUMBER},{_BALANCE}", 0, 68),
    (f"{_CVV},{_BALANCE}", 0, 52),
    (f"{_EXPIRATION},{_BALANCE}", 0, 42),
    (f"{_NUMBER},{_CVV}", 0, 36),
    (f"{_NUMBER},{_EXPIRATION}", 0, 32),
    (f"{_EXPIRATION},{_CVV}", 0, 30),
    (f"{_NUMBER},{_GLITCH}", 0, 24),
    (f"{_EXPIRATION},{_GLITCH}", 0, 20),
    (f"{_CVV},{_GLITCH}", 0, 20),
    (f"{_ZIP},{_BALANCE}", 0, 12),
    (f"{_ZIP},{_GLITCH}", 0, 6),
    (f"{_NUMBER},{_EXPIRATION},{_BALANCE}", 0, 1),
]
TEXT = [text for text, _, _ in COUNTS]
# What a fraud meets: a thief knows the code, the date and the number less well. Shares by text.
FRAUD_PRESENT = {_BALANCE: 0.0125, _GLITCH: 0.002, _PIN: 0.0245}
FRAUD_ONLINE = {
    _BALANCE: 0.0125,
    _GLITCH: 0.002,
    _CVV: 0.0158,
    _EXPIRATION: 0.006,
    _NUMBER: 0.0066,
    _ZIP: 0.001,
}


def ordinary(online: Bools, care: Floats, rng: np.random.Generator) -> Ints:
    """An index into TEXT for each row; `care` is how much oftener than others the client errs."""
    present = np.array([count for _, count, _ in COUNTS]) / PRESENT_ROWS
    absent = np.array([count for _, _, count in COUNTS]) / ONLINE_ROWS
    return _draw(np.stack([present, absent]), online, care, rng)


def fraudulent(online: Bools, rng: np.random.Generator) -> Ints:
    """The same for frauds."""
    shares = np.array([[by.get(text, 0.0) for text in TEXT] for by in (FRAUD_PRESENT, FRAUD_ONLINE)])
    return _draw(shares, online, np.ones(len(online)), rng)


def _draw(shares: Floats, online: Bools, care: Floats, rng: np.random.Generator) -> Ints:
    uniform = rng.random(len(online)) / care
    present, absent = (np.append(np.cumsum(row)[1:], np.inf) for row in shares)
    found = np.where(
        online,
        np.searchsorted(absent, uniform, side="right"),
        np.searchsorted(present, uniform, side="right"),
    )
    return (found + 1) % len(TEXT)
