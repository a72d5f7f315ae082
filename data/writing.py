"""Text: the rows of a month as the bytes of transactions_data.csv, and the labels as one line of JSON."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data import amounts, errors
from data.month import Rows, World
from data.sampling import Bools, Ints
from data.timeline import DAY, STARTS

HEADER = b"id,date,client_id,card_id,amount,use_chip,merchant_id,merchant_city,merchant_state,zip,mcc,errors\n"
CHANNELS = ("Swipe Transaction", "Chip Transaction", "Online Transaction")


def text_tables(world: World) -> dict[str, pa.StringArray]:
    """What each index of `Rows` reads in the file, commas and the end of line included."""
    clients, codes = world.clients, world.categories.code.tolist()
    holders = zip(clients.user[clients.owner].tolist(), clients.card.tolist(), strict=True)
    return {
        "time": pa.array([f"{minute // 60:02d}:{minute % 60:02d}:00" for minute in range(DAY)]),
        "card": pa.array([f",{user},{card}," for user, card in holders]),
        "cents": pa.array(amounts.texts()),
        "channel": pa.array([f",{channel}," for channel in CHANNELS]),
        "merchant": pa.array([f"{merchant}," for merchant in world.merchants.id.tolist()]),
        "place": pa.array([f"{place}," for place in world.places.text]),
        "end": pa.array([f"{code},{_quoted(error)}\n" for code in codes for error in errors.TEXT]),
    }


def write_rows(file: BinaryIO, tables: dict[str, pa.StringArray], month: int, id: Ints, rows: Rows) -> None:
    """Append the rows, one line each."""
    days = pa.array([f",{day} " for day in np.arange(STARTS[month], STARTS[month + 1])])
    columns = [
        pa.array(id).cast(pa.string()),
        days.take(pa.array(rows.minute // DAY)),
        tables["time"].take(pa.array(rows.minute % DAY)),
        tables["card"].take(pa.array(rows.card)),
        tables["cents"].take(pa.array(rows.cents - amounts.MINUS_ZERO)),
        tables["channel"].take(pa.array(rows.channel)),
        tables["merchant"].take(pa.array(rows.merchant)),
        tables["place"].take(pa.array(rows.place)),
        tables["end"].take(pa.array(rows.category * len(errors.TEXT) + rows.error)),
    ]
    file.write(_joined(columns))


def write_labels(file: BinaryIO, id: Ints, fraud: Bools, rng: np.random.Generator) -> None:
    """One line with all labels, in random order."""
    file.write(b'{"target":{')
    answers = pa.array(['":"No"', '":"Yes"'])
    order = rng.permutation(len(id))
    for start in range(0, len(order), 500_000):
        part = order[start : start + 500_000]
        opening = np.where(part == order[0], 0, 1)
        columns = [
            pa.array(['"', ',"']).take(pa.array(opening)),
            pa.array(id[part]).cast(pa.string()),
            answers.take(pa.array(fraud[part].astype(np.int64))),
        ]
        file.write(_joined(columns))
    file.write(b"}}\n")


def _joined(columns: list[pa.StringArray]) -> memoryview:
    """The characters of all rows: strings lie one after another in their buffer, which is the file's text."""
    lines = pc.binary_join_element_wise(*columns, "")
    return memoryview(lines.buffers()[2])[: lines.offset + pc.sum(pc.binary_length(lines)).as_py()]


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text
