"""Card numbers in columns of ids, told by Spark as fraudstack.card_numbers tells them."""

import sys
import unicodedata

from pyspark.sql import Column
from pyspark.sql import functions as F

from fraudstack.card_numbers import ISSUED, SHORTEST

REASON = "card number: name its column with token: true (--columns)"
_OTHER_DIGITS = "".join(sign for sign in map(chr, range(128, sys.maxunicode)) if sign.isdecimal())
_AS_ASCII = "".join(str(unicodedata.digit(sign)) for sign in _OTHER_DIGITS)


def is_card_number(id: Column) -> Column:
    """Whether an id is a card number, in whatever groups and digits; short ones cost no more than their length."""
    digits = F.regexp_replace(F.translate(id, _OTHER_DIGITS, _AS_ASCII), "[^0-9]", "")
    # A token has letters, and is none whatever its digits are.
    return (
        (F.length(id) >= SHORTEST)
        & ~id.rlike(r"\p{L}")
        & digits.rlike(f"^{ISSUED}$")
        & F.call_function("luhn_check", digits)
    )
