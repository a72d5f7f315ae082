"""API keys: random and long, of which the settings hold only digests."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from fraudstack.errors import InputError

Scope = Literal["score", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


# Stands among an entry's scopes where the key's name is a person's: whose reviews it makes can't be chosen then.
PERSON = "person"


@dataclass(frozen=True)
class Key:
    """A key's name, the SHA-256 digest of it, what it may do, and whether the name is a person's."""

    name: str
    digest: bytes
    scopes: frozenset[str]
    person: bool = False


def digest(key: str) -> str:
    """What the settings hold of a key; it is random, so that no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def entry(name: str, scopes: Iterable[str], digest: str) -> str:
    """A key as TX_API_KEYS has it."""
    return f"{name}:{'+'.join(scopes)}:{digest}"


def parse(entries: str) -> list[Key]:
    """Keys from entries NAME:SCOPE+SCOPE:DIGEST, separated by blanks or commas.

    Raises InputError, naming the entry's place and never the entry.
    """
    keys: list[Key] = []
    for number, text in enumerate(entries.replace(",", " ").split(), 1):
        name, _, rest = text.partition(":")
        scopes, _, hexadecimal = rest.partition(":")
        asked = frozenset(scopes.split("+")) - {PERSON}
        if (
            not name
            or not asked
            or not asked <= set(SCOPES)
            or len(hexadecimal) != 64
            or set(hexadecimal) - set("0123456789abcdef")
        ):
            raise InputError(
                f"TX_API_KEYS, entry {number}: it must be NAME:SCOPES:DIGEST, scopes of {', '.join(SCOPES)} joined "
                f"by + (and {PERSON} where the name is a person's), and the digest as `fraudstack key` prints it"
            )
        if any(key.name == name for key in keys):
            raise InputError(f"TX_API_KEYS, entry {number}: the name {name} stands there twice")
        keys.append(Key(name, bytes.fromhex(hexadecimal), asked, PERSON in scopes.split("+")))
    return keys


def find(keys: list[Key], given: str) -> Key | None:
    """The key that was given, in a time that doesn't depend on which it is."""
    sent = bytes.fromhex(digest(given))
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, sent):
            found = key
    return found
