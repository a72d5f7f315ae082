"""One name for each place, however it is written, and for each way to pay.

A merchant's state is the code of a US state or the name of a country. Two letters are a US state's code and never a
country's: CA is California, and IT stays what it is.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache, lru_cache, partial

import iso3166

from fraudstack.profiles.event import HOME, HOME_STATES, ONLINE
from fraudstack.texts import compared, kept, normalised

LONGEST = 100

_CHANNELS = frozenset({"Swipe Transaction", "Chip Transaction", ONLINE})

_US_CODE, _CODE = re.compile("[A-Za-z]{2}"), re.compile("[A-Za-z]{3}")
# Where the name in use isn't that of ISO 3166; then what else people write, and how a country calls itself.
_IN_USE = {
    "BN": "Brunei", "BO": "Bolivia", "BS": "The Bahamas", "CD": "Democratic Republic of the Congo", "CI": "Ivory Coast",
    "CW": "Curacao", "CZ": "Czech Republic", "FK": "Falkland Islands", "FM": "Micronesia", "GB": "United Kingdom",
    "IR": "Iran", "KP": "North Korea", "KR": "South Korea", "LA": "Laos", "MD": "Moldova", "MK": "Macedonia",
    "MO": "Macau", "PS": "Palestine", "RU": "Russia", "SX": "Sint Maarten", "SY": "Syria", "TR": "Turkey",
    "TW": "Taiwan", "TZ": "Tanzania", "US": HOME, "VA": "Vatican City", "VC": "Saint Vincent", "VE": "Venezuela",
    "VG": "British Virgin Islands", "VN": "Vietnam",
}  # fmt: skip
_ALSO = {
    "AT": "Österreich", "BE": "België|Belgique|Belgien", "BR": "Brasil", "CH": "Schweiz|Suisse|Svizzera|Helvetia",
    "CI": "Cote d'Ivoire", "CN": "PRC|Mainland China|中国", "CV": "Cape Verde", "CZ": "Czechia|Cesko",
    "DE": "Deutschland", "DK": "Danmark", "DO": "Republica Dominicana|Dom Rep", "DZ": "Algerie", "EE": "Eesti",
    "ES": "España", "FI": "Suomi", "GB": "Great Britain|England|Scotland|Wales|Northern Ireland|U.K.|Britain",
    "GR": "Hellas|Ελλάδα", "HR": "Hrvatska", "HU": "Magyarorszag", "IE": "Eire|Republic of Ireland", "IS": "Island",
    "IT": "Italia|Italie|Italien", "JP": "Nippon|日本", "KR": "Korea|대한민국", "LT": "Lietuva", "LV": "Latvija",
    "MA": "Maroc", "MM": "Burma", "MX": "Méjico",
    "MK": "North Macedonia|Former Yugoslav Republic of Macedonia|Macedonia Former Yugoslav Republic of",
    "NL": "Holland|Nederland", "NO": "Norge",
    "PE": "Perú", "PL": "Polska", "RO": "Romania|România", "RU": "Россия", "SE": "Sverige", "SI": "Slovenija",
    "SK": "Slovensko", "SZ": "Swaziland", "TL": "East Timor", "TN": "Tunisie", "TR": "Türkiye",
    "UA": "Україна", "AE": "UAE|Emirates", "US": "United States|U.S.|America|Estados Unidos",
    "VA": "Vatican|Holy See", "VN": "Viet Nam", "FR": "Frankreich|Francia", "TT": "Trinidad",
    "KN": "St Kitts and Nevis|Saint Kitts|St Kitts", "LC": "St Lucia", "VC": "St Vincent and the Grenadines|St Vincent",
    "BA": "Bosnia|Bosna i Hercegovina", "HK": "Hong Kong SAR|Hong Kong China",
    "CD": "DR Congo|DRC|Congo Kinshasa", "MO": "Macao", "TW": "Taiwan ROC",
}  # fmt: skip


@lru_cache(1 << 16)
def state_of(text: str) -> str:
    """A merchant's state in its one form: a US state's code, a country's name in use; what is neither, compared."""
    plain = normalised(text)
    if _US_CODE.fullmatch(plain):
        return plain.upper()
    return _countries().get(_letters(compared(text))) or (plain.upper() if _CODE.fullmatch(plain) else compared(text))


@lru_cache(1 << 16)
def city_of(text: str) -> str:
    """A merchant's city in its one form."""
    plain = compared(text)
    # As terminals write it.
    return "ONLINE" if plain == "Online" else plain


@lru_cache(1 << 10)
def channel_of(text: str) -> str:
    """A way to pay in its one form."""
    return compared(text)


def kept_place(text: str) -> str | None:
    """A text that names a place as it is stored."""
    found = kept(text, LONGEST)
    return found and state_of(found)


def kept_channel(text: str) -> str | None:
    """A way to pay as it is stored: one of the three that there are, else as somebody wrote it."""
    found = kept(text, LONGEST)
    return channel_of(found) if found and channel_of(found) in _CHANNELS else found


def doubt(named: str) -> str | None:
    """Why a name in a list of countries can hardly be met with, and what was meant instead; None where it can."""
    place = state_of(named)
    if place in _countries().values():
        return None
    code = iso3166.countries_by_alpha2.get(place)
    meant = code and _name(code)
    if place in HOME_STATES:
        said = f"two letters are a US state's code, whose country is {HOME}"
    elif meant:
        said = "two letters are never a country's code"
    else:
        said = "no country is called so"
        close = get_close_matches(_letters(place), _countries(), n=1, cutoff=0.7)
        meant = _countries()[close[0]] if close else None
    return f"{said}; {meant} is probably meant" if meant else said


# How the texts of a transaction are stored, whichever way they came.
STORED: Mapping[str, Callable[[str], str | None]] = {
    "use_chip": kept_channel,
    "merchant_city": partial(kept, most=LONGEST),
    "merchant_state": kept_place,
    "zip": partial(kept, most=LONGEST),
    "errors": partial(kept, most=LONGEST),
}


@cache
def _countries() -> dict[str, str]:
    """The name in use of each country by the letters of every name and code that it has."""
    found: dict[str, str] = {}
    for one in iso3166.countries:
        used = _name(one)
        first, _, rest = one.name.partition(", ")
        also = _ALSO.get(one.alpha2, "").split("|")
        for name in (one.alpha3, one.numeric, one.name, one.apolitical_name, f"{rest} {first}", used, *also):
            found.setdefault(_letters(name), used)
    found.pop("", None)
    return found


def _name(one: iso3166.Country) -> str:
    return _IN_USE.get(one.alpha2) or re.sub(r" \(.*\)", "", one.apolitical_name)


def _letters(name: str) -> str:
    """A name's letters and digits alone: without case, accents, signs, "the" and "and"."""
    apart = unicodedata.normalize("NFD", name.casefold().replace("&", " and "))
    words = re.findall(r"[^\W_]+", "".join(sign for sign in apart if not unicodedata.combining(sign)))
    return "".join(word for word in words if word not in ("the", "and"))
