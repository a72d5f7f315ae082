"""Damage done to rows, by chance but the same each time."""
# ruff: noqa: RUF001 - digits and signs that only look like ours are what is tested

import random
import re

from tests.jobs.raw_files import COLUMNS, row

# What fields are replaced by: each once in every field it is listed for.
VALUES = {
    "id": (
        "", " ", "0", "00", "-1", "+7", "1.0", "1e3", "0x10", "12345678901234567890", "999999999999999999",
        "9999999999999999999", "0000000000000000042", "000000000000000043", "١٢٣", "７", "1 2", "abc", "null",
        "NaN", "1\u2028", "1\r", "\t1", '"77000001"', '"1""2"', "'5'", "−5", "1_000", "1,000", "8" * 300,
    ),
    "date": (
        "", "2010-02-30 10:00:00", "2010-02-29 10:00", "2012-02-29 10:00", "2010-01-01 24:00:00", "2010-01-01 23:59:60",
        "2010-01-01 10:60", "2010-13-01 10:00:00", "2010-00-10 10:00:00", "2010-01-00 10:00", "2010-01-01",
        "2010-01-01T10:00:00", "2010-01-01 10:00:00Z", "2010-01-01 10:00:00+02:00", "2010-01-01 10:00:00.5",
        "2010-1-1 10:00", "10:00 2010-01-01", "01/02/2010 10:00", "0000-01-01 00:00:00", "0001-01-01 00:00:00",
        "9999-12-31 23:59:59", "10000-01-01 00:00:00", "-2010-01-01 00:00", "1969-12-31 23:59:59",
        "1582-10-10 00:00:00", "1000-03-01 12:00", "2010-03-28 02:30:00", "٢٠١٠-01-01 10:00:00", "2010-01-01 10:00 UTC",
        "2010-01-01  10:00", "2010-01-01 10:00\r", "2010-01-01 10:00:00\u2029", "1262304000", "now", "epoch", "inf",
        " 2010-01-01 10:00 ", '"2010-01-01 10:00:00"', "2010-01-01 1O:00",
    ),
    "amount": (
        "", "$", "-", "$-", "$$1", "$1,23.4", "$,100", "$1,,000", "$1,234.50", '"$1,234.50"', '"$1,234,567,890.99"',
        '"$9,123,456,789.01"', '"$123,456,789,012.00"', '"$12,345,678,901.00"', '"1,23.4"', '"$1,2345"', ".5", "5.",
        "$.50", "1e3", "1E-2", "1e999", "nan", "NaN", "inf", "-Infinity", "$1.234", "$1.230", "$1.2300000", "$-0.00",
        "-0", "$0", "0.01", "$-0.01", "--5", "$--5", "-$5.25", "$-5.25", "$ 5", "- 5", "+5", "$+5", "(5.00)", "5-",
        "€5", "5 USD", "−5.00", "$−5.00", "٥", "$５.00", "9999999999.99", "-9999999999.99", "10000000000", "1" * 40,
        "0000000012.50", "00000000012.50", "0x1F", "1_000", "5.00\u0085", "5.00\r", "\t5.00", " 5.00 ", '" $5.00 "',
        "1f", "1d", "5.00L", "true", "2147483648.05", "0.1", "1.15", "4503599627.37", "1.005",
    ),
    "zip": (
        "", "0", "0.0", "501", "501.0", "58523", "00501.0", "58523.00", "58523.5", "123456", "123456.0", "K1A 0B1",
        "1e4", "-1", "58523.0\r", "58\r", "٥٨٥٢٣", "58523-1234", ".0", "5.0.0", '"7"',
    ),
    "mcc": ("", "0", "5499.0", "742", "0742", "54990", "abc", "-1", "5499.5", "5e2", "５４９９", "5499\r", "+5",
            '"5812"'),
    "client_id": ("", " ", "1556.0", "0", "-1", "٤", "\t", "x" * 1000, "NULL", "\\N", "'; DROP TABLE transactions; --"),
    "errors": (
        '"Bad PIN,Insufficient Balance"', '"a ""quoted"" word"', '""', '""""', '" "', '"Bad PIN', 'Bad PIN"', 'a"b',
        '"a"b', 'a,"b', '"a,b"c', "\\", '\\"', "\x01\x02\x1f\x7f", "\u200b\ufeff", "日本語", "e\u0301", "🜚" * 50, "\0",
        "a\0b", "x" * 4000, "x" * 5000, '"' + '""' * 1900 + '"', '"' + "," * 3900 + '"', '"' * 3900, '"' * 3901, "\t",
        "\v", "\f", "\u2028", "\u0085", "\r", "a\rb", "\u00a0", "$1", "\\1", "{}", "%s %d", "'", "`", ";", "--", "/*",
        "\\x00", "\\u0000",
    ),
    "merchant_city": (
        "", "ONLINE", " Beulah ", "Côte d'Ivoire", '"Washington, D.C."', "\ud7ff\ue000\uffff", "\U0010ffff",
    ),
    "use_chip": ("", "swipe", "Swipe Transaction ", '"Online Transaction"', "0"),
}  # fmt: skip

_BROKEN_BYTES = (
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x9a",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
    b"\x80",
)
_INSERTED = (
    *(char.encode() for char in '",$-. \t\r\0\x01\x1b\x7f\\\'0٣−–１\u00a0\u200b\u2028\u0085\ufeff🜚'),
    *_BROKEN_BYTES,
    b'""',
    b",,",
    b"\r\r",
)  # fmt: skip


def of_values(first_id: int) -> list[bytes]:
    """Each value of VALUES in a row of its own."""
    given = [(name, value) for name, values in VALUES.items() for value in values]
    lines = [row(**({"id": str(first_id + i)} | {name: value})) for i, (name, value) in enumerate(given)]
    return [line.encode() for line in lines]


def of_columns(first_id: int) -> list[bytes]:
    """Rows with a column too few, too many, or in another's place; two rows in a line, a row in two."""
    fields = [row(first_id + i).split(",") for i in range(4 * len(COLUMNS))]
    found: list[list[str]] = []
    for place in range(len(COLUMNS)):
        dropped, doubled, swapped, cut = fields[4 * place : 4 * place + 4]
        found += [dropped[:place] + dropped[place + 1 :], doubled[:place] + doubled[place:][:1] + doubled[place:]]
        swapped[place], swapped[place - 1] = swapped[place - 1], swapped[place]
        found += [swapped, cut[:place], cut[place:]]
    joined = [row(first_id + 900 + i) + row(first_id + 950 + i) for i in range(5)]
    spaced = [f" {row(first_id + 980)} ", f"\t{row(first_id + 981)}", row(first_id + 982).replace(",", " , ")]
    other = [row(first_id + 983).replace(",", ";"), row(first_id + 984).replace(",", "\t"), f'"{row(first_id + 985)}"']
    alone = [",", '"', "\\", ",".join(COLUMNS), "," * 11, "," * 5000, '"",' * 11 + '""', "\t", "\0", "\ufeff"]
    return [line.encode() for line in [*map(",".join, found), *joined, *spaced, *other, *alone]]


def of_characters(lines: list[bytes], draw: random.Random) -> list[bytes]:
    """Each line with one to three characters inserted, dropped, swapped, doubled or replaced somewhere."""
    return [_damaged(line, draw) for line in lines]


def _damaged(line: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        place = draw.randrange(len(line))
        before, here, after = line[:place], line[place : place + 1], line[place + 1 :]
        line = draw.choice(
            (
                before + draw.choice(_INSERTED) + here + after,
                before + after,
                before + after[:1] + here + after[1:],
                before + here * 2 + after,
                before + draw.choice(_INSERTED) + after,
            )
        )
    return re.sub(rb"\n", b"", line) or b","


def of_files(content: bytes, draw: random.Random) -> list[bytes]:
    """A file's bytes behind its header cut, overwritten, repeated, shuffled or interrupted."""
    header, _, body = content.partition(b"\n")
    lines = body.splitlines(keepends=True)

    def somewhere() -> int:
        return draw.randrange(len(body))

    def block() -> bytes:
        start = somewhere()
        return body[start : start + draw.randrange(1, 400)]

    damaged = [body[: somewhere()] for _ in range(14)]
    for _ in range(6):
        at, noise = somewhere(), draw.randbytes(draw.randrange(1, 300))
        damaged += [body[:at] + noise + body[at + len(noise) :], body[:at] + noise + body[at:]]
    for _ in range(6):
        at, line = somewhere(), draw.randrange(len(lines))
        damaged.append(body[:at] + block() + body[at:])
        damaged.append(b"".join([*lines[:line], header + b"\n", *lines[line:]]))
    at = somewhere()
    damaged += [
        body[:at] + bytes(5_000) + body[at:],
        body[:at] + b"\n" * 50 + body[at:],
        body.replace(b"\n", b"\r\n"),
        body.replace(b"\n", b"\r", 5),
        body.replace(b"\n", b"\n\n"),
        body.rstrip(b"\n"),
        body * 2,
        b"".join(draw.sample(lines, len(lines))),
        body[1:],
        b"",
        b"\n",
        b"\0",
    ]
    return [header + b"\n" + found for found in damaged]
