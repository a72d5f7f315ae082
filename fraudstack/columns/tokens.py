"""Tokens: a keyed digest in the place of a card number, so that nobody without the key finds the number again.

HMAC with SHA-256 (RFC 2104) over the text without blanks and dashes; a token names the version of its key, `k2-…`.
"""

import csv
import hashlib
import hmac
import io
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from pydantic import SecretStr

DIGITS = 32
# What parts a number's groups is no part of it.
PARTED = "[ \u00a0\u2009\u202f\u2010-\u2015-]"
_BLOCK = 64
_SHORTEST = 16
_ENTRY = re.compile(r"([A-Za-z0-9]{1,16}):(.+)", re.DOTALL)
# A spreadsheet's rounding: the number's last digits are lost.
ROUNDED = r"[0-9][.,][0-9]+[eE]\+?[0-9]{1,2}|[0-9][eE]\+[0-9]{1,2}"
_HIDDEN = "[hidden]"
_LONG, _SHORT = (re.compile(rf"[0-9](?:{PARTED}*[0-9]){{{most},}}") for most in (11, 5))


@dataclass(frozen=True)
class TokenKey:
    """The key that is used, and the version by which its tokens are told."""

    version: str
    secret: bytes = field(repr=False)

    def token(self, text: str) -> str:
        """The token that stands for a number."""
        number = re.sub(PARTED, "", text)
        return f"k{self.version}-{hmac.digest(self.secret, number.encode(), 'sha256').hex()[:DIGITS]}"

    def blocks(self) -> tuple[bytes, bytes]:
        """Of the inner and the outer digest the first block, by which an engine without HMAC makes it of SHA-256."""
        secret = self.secret if len(self.secret) <= _BLOCK else hashlib.sha256(self.secret).digest()
        padded = secret.ljust(_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def key_of(said: SecretStr | None) -> TokenKey:
    """The first key of TX_TOKEN_KEY, VERSION:SECRET[,VERSION:SECRET…]; raises ValueError where there is none."""
    if said is None:
        raise ValueError(
            "a column asks for a token, and there is no key for it: set TX_TOKEN_KEY to VERSION:SECRET, "
            "for example 1:$(openssl rand -hex 32)"
        )
    found: list[TokenKey] = []
    for number, entry in enumerate(said.get_secret_value().split(","), 1):
        parts = _ENTRY.fullmatch(entry.strip())
        if parts is None:
            raise ValueError(f"TX_TOKEN_KEY: entry {number} isn't VERSION:SECRET")
        if len(parts[2]) < _SHORTEST:
            raise ValueError(f"TX_TOKEN_KEY: the secret of version {parts[1]} has fewer than {_SHORTEST} characters")
        found.append(TokenKey(parts[1], parts[2].encode()))
    if len({key.version for key in found}) < len(found):
        raise ValueError("TX_TOKEN_KEY: a version stands there twice")
    return found[0]


def without_numbers(text: str) -> str:
    """A text without runs of twelve digits or more: what stands for a header may be a row."""
    return _LONG.sub(_HIDDEN, text)


def masked(line: str, separator: str, header: Sequence[str], hidden: Set[str]) -> str:
    """A line of a file, to be kept as it was refused, without what stands in its hidden columns.

    Twelve digits or more are hidden wherever they stand, and where the columns can't be told apart, six or more.
    """
    try:
        fields = next(csv.reader([line], delimiter=separator, strict=True))
    except (csv.Error, StopIteration):
        fields = []
    if len(fields) != len(header):
        return _SHORT.sub(_HIDDEN, line)
    shown = (
        _HIDDEN if name in hidden and field else _LONG.sub(_HIDDEN, field)
        for name, field in zip(header, fields, strict=True)
    )
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="").writerow(shown)
    return written.getvalue()
