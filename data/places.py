"""Places: American cities with their state and zips, cities abroad, and ONLINE."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from itertools import product

import numpy as np

from data.categories import TABLES
from data.sampling import Bools, Floats, Ints, choose, cumulative, pick

TOWNS = 9_000
TOWN_WEIGHT = 0.6  # of a state's people live in its towns, about
CITY_ZIPS = 12
ONLINE = 0


@dataclass(frozen=True)
class Places:
    """Cities (c) and the places in them, a city with one zip; city 0 is ONLINE, then America, then abroad.

    `text` is `city,state,zip` of each place as the file has it; city i owns places first[i] … first[i] +
    zips[i] - 1. `people` and `travellers` (c) weigh American and foreign cities; `home` is cumulative people
    of the American ones, those of state s shifted by s. `italy` are city indices; `state_weight` (s) and
    `centre` (s, 2: latitude, longitude) describe the states.
    """

    text: list[str]
    first: Ints
    zips: Ints
    people: Floats
    travellers: Floats
    home: Floats
    italy: Ints
    state_weight: Floats
    centre: Floats


@dataclass(frozen=True)
class City:
    """A city, the texts of its places, its state's index (or country's), and its people or travellers."""

    texts: list[str]
    state: int
    weight: float


def survey(rng: np.random.Generator) -> Places:
    """All places, from tables/states.csv, countries.csv and towns.json."""
    states, countries = _table("states.csv"), _table("countries.csv")
    america, abroad = _america(states, rng), _abroad(countries)
    cities = [City(["ONLINE,,"], -1, 0.0), *america, *abroad]
    zips = np.array([len(city.texts) for city in cities])
    state_weight = np.array([float(state["weight"]) for state in states])
    state = np.array([city.state for city in america])
    weight = np.array([city.weight for city in america])
    share = weight / np.bincount(state, weight)[state]
    people, travellers = np.zeros((2, len(cities)))
    people[1 : len(america) + 1] = share * state_weight[state]
    travellers[len(america) + 1 :] = [city.weight for city in abroad]
    return Places(
        text=[text for city in cities for text in city.texts],
        first=np.cumsum(zips) - zips,
        zips=zips,
        people=people,
        travellers=travellers,
        home=np.cumsum(share),
        italy=np.array([i for i, city in enumerate(cities) if city.texts[0].endswith(",Italy,")]),
        state_weight=state_weight,
        centre=np.array([[float(state["latitude"]), float(state["longitude"])] for state in states]),
    )


def _america(states: list[dict[str, str]], rng: np.random.Generator) -> list[City]:
    """The real cities of the table, and towns whose names are made up; grouped by state."""
    named = [[city.split(":") for city in state["cities"].split("|")] for state in states]
    parts = json.loads((TABLES / "towns.json").read_text(encoding="utf-8"))
    made_up = {"".join(name) for name in product(parts["lead"], parts["first"], parts["second"])}
    names = sorted(made_up - {city for cities in named for city, _ in cities})
    total = sum(float(state["weight"]) for state in states)
    found = []
    for index, (state, cities) in enumerate(zip(states, named, strict=True)):
        code, low, high = state["state"], int(state["zip_low"]), int(state["zip_high"])
        for rank, (city, zip_code) in enumerate(cities):
            texts = [f"{city},{code},{int(zip_code) + offset}.0" for offset in range(CITY_ZIPS)]
            found.append(City(texts, index, (1 - TOWN_WEIGHT) / (rank + 1.5)))
        count = max(20, int(float(state["weight"]) / total * TOWNS))
        towns = rng.choice(names, count, replace=False).tolist()
        sizes = (TOWN_WEIGHT * rng.gamma(0.7, size=count) / count).tolist()
        zip_codes = rng.integers(low, high + 1, count).tolist()
        for town, size, zip_code in zip(towns, sizes, zip_codes, strict=True):
            found.append(City([f"{town},{code},{zip_code}.0"], index, size))
    return found


def _abroad(countries: list[dict[str, str]]) -> list[City]:
    """The cities of the table, each visited half as often as the one before it."""
    found = []
    for index, country in enumerate(countries):
        cities = country["cities"].split("|")
        halves = 0.5 ** np.arange(len(cities))
        weights = (float(country["weight"]) * halves / halves.sum()).tolist()
        found += [
            City([f"{city},{country['country']},"], index, weight) for city, weight in zip(cities, weights, strict=True)
        ]
    return found


def _table(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def homes(places: Places, state: Ints, rng: np.random.Generator) -> Ints:
    """A city's index for each state index, by people."""
    found = np.searchsorted(places.home, state + rng.random(state.shape), side="right")
    return 1 + np.where(found < len(places.home), found, len(places.home) - 1)


def destinations(places: Places, abroad: Bools, rng: np.random.Generator) -> Ints:
    """A city's index for each traveller, abroad or somewhere in America."""
    weights = cumulative(np.stack([places.people, places.travellers]))
    return pick(weights, len(places.zips), abroad.astype(np.int64), rng)


def italian(places: Places, size: int, rng: np.random.Generator) -> Ints:
    """`size` cities in Italy, mostly the first of the table."""
    share = 0.5 ** np.arange(len(places.italy), dtype=np.float64)
    return places.italy[choose(share, size, rng)]


def shops(places: Places, city: Ints, merchant_id: Ints) -> Ints:
    """The place of each merchant in each city: always the same zip for the same merchant and city."""
    mixed = (merchant_id * 2_654_435_761 + city * 40_503) >> 7
    return places.first[city] + mixed % places.zips[city]
