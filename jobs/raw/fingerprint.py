"""Tells whether two inputs hold the same records."""

import hashlib
from collections.abc import Iterable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

# Two sums of half a hash each: neither overflows below 2**31 records.
_HIGH, _LOW = "hash_high", "hash_low"


def hashed(record: Column) -> list[Column]:
    """What to observe of every record, NULL for what is none; unlike an XOR, a sum sees a record that comes twice."""
    hash = F.when(record.isNotNull(), F.xxhash64(record))
    return [
        F.sum(F.shiftrightunsigned(hash, 32)).alias(_HIGH),
        F.sum(hash.bitwiseAND(F.lit((1 << 32) - 1))).alias(_LOW),
    ]


def fingerprint(rows: int, seen: Mapping[str, int | None], header: Iterable[str] = ()) -> str:
    """Rows and a digest of them: the same for the same records in whatever order, files and compression."""
    total = ((seen[_HIGH] or 0) << 32) + (seen[_LOW] or 0)
    digest = hashlib.sha256(f"{','.join(header)}\n{total}".encode())
    return f"{rows}:{digest.hexdigest()[:16]}"
