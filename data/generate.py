"""Write a set of card transactions of the form and the statistics of the public set in data/README.md."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.categories import Categories, read_categories
from data.clients import enrol
from data.fraud import LABELLED, plan_frauds
from data.habits import form_habits
from data.merchants import open_merchants
from data.month import World, month_rows
from data.people import card_lines, issue_cards, user_lines
from data.places import survey
from data.sampling import Bools, Ints
from data.timeline import rows_by_month
from data.writing import HEADER, text_tables, write_labels, write_rows

TRANSACTIONS, LABELS = "transactions_data.csv", "train_fraud_labels.json"
CARDS, USERS, CODES = "cards_data.csv", "users_data.csv", "mcc_codes.json"
FIRST_ID = 7_475_327


@dataclass(frozen=True)
class Generated:
    """What was written: rows, labels, labelled frauds, all cards and users, and the seconds it took."""

    transactions: int
    labels: int
    frauds: int
    cards: int
    users: int
    seconds: float


def generate(rows: int, seed: int, out: Path, on_progress: Callable[[int], None] | None = None) -> Generated:
    """Write the five files of a set of `rows` transactions into the folder `out`, made if absent.

    The same `rows` and `seed` give the same bytes. `on_progress` is called with the rows done so far after
    each of the 118 months that has any. The files get their names when all five are complete.

    Raises ValueError if `rows` < 1, `seed` < 0 or `out` is not a folder.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, not {rows}.")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}.")
    if out.exists() and not out.is_dir():
        raise ValueError(f"out must be a folder, and {out} is a file.")
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".generating-", dir=out) as name:
        draft = Path(name)
        world, labels, frauds, cards = _write(rows, seed, draft, on_progress)
        for file in (CODES, USERS, CARDS, LABELS, TRANSACTIONS):
            (draft / file).replace(out / file)
    return Generated(rows, labels, frauds, cards, world.clients.users, time.perf_counter() - started)


def _write(rows: int, seed: int, out: Path, on_progress: Callable[[int], None] | None) -> tuple[World, int, int, int]:
    rng = np.random.default_rng([seed, 0])
    categories, places = read_categories(), survey(rng)
    merchants = open_merchants(categories, rng)
    clients = enrol(rows, rng)
    cards = issue_cards(clients, rng)
    habits = form_habits(clients, categories, merchants, places, rng)
    used = slice(len(clients.card))
    world = World(categories, merchants, places, clients, habits, cards.chip[used])
    frauds = plan_frauds(rows, clients, cards.kind[used], cards.chip[used], categories, merchants, places, rng)
    (out / CODES).write_text(_codes(categories), encoding="utf-8")
    (out / CARDS).write_text("".join(card_lines(cards, rng)), encoding="utf-8")
    (out / USERS).write_text("".join(user_lines(clients, cards, habits.home, places, rng)), encoding="utf-8")

    tables = text_tables(world)
    labelled: list[Ints] = []
    stolen: list[Bools] = []
    last, done = FIRST_ID, 0
    with (out / TRANSACTIONS).open("wb") as file:
        file.write(HEADER)
        for month, size in enumerate(rows_by_month(rows).tolist()):
            if not size:
                continue
            # A stream of its own for each month, so that none depends on how much another drew.
            draw = np.random.default_rng([seed, 1 + month])
            batch = month_rows(world, frauds, month, size, draw)
            id = last + np.cumsum(_gaps(size, draw))
            if not done:
                id -= id[0] - FIRST_ID
            last = int(id[-1])
            write_rows(file, tables, month, id, batch)
            known = draw.random(size) < LABELLED
            labelled.append(id[known])
            stolen.append(batch.fraud[known])
            done += size
            if on_progress:
                on_progress(done)
    answers = np.concatenate(stolen)
    with (out / LABELS).open("wb") as file:
        write_labels(file, np.concatenate(labelled), answers, rng)
    return world, len(answers), int(answers.sum()), len(cards.id)


def _gaps(size: int, rng: np.random.Generator) -> Ints:
    """Steps from id to id: 83 % are 1, 14 % are 2, the others 3 and more."""
    lot = rng.random(size)
    return np.select([lot < 0.83, lot < 0.97], [1, 2], 2 + rng.geometric(0.55, size))


def _codes(categories: Categories) -> str:
    return json.dumps(dict(zip(map(str, categories.code.tolist()), categories.name, strict=True))) + "\n"
