"""A file of columns proposed from a header and a sample of rows: what is sure, and what a person has to look at."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations

from fraudstack.columns import formats
from fraudstack.columns.mapping import PRESETS, preset
from fraudstack.columns.rows import UNIX
from fraudstack.fields import amounts, dates, ids, nothing, truth

# What others call the contract's columns, in small letters without signs; the first that a file has is taken.
NAMES = {
    "id": (
        "id transactionid txid txnid transid transnum transactionno transactionnumber reference "
        "umsatznummer buchungsnummer transaktionsnummer numero idtransaccion idtransaction"
    ),
    "date": (
        "date datetime timestamp transactiondate transdatetranstime txdatetime transactiondatetime "
        "transactiontime time unixtime buchungstag buchungsdatum datum valuta wertstellung fecha "
        "data dateoperation bookingdate posteddate created createdat"
    ),
    "client_id": (
        "clientid client customerid customer user userid accountid account accountnumber kunde "
        "kundennummer konto kontonummer cliente compte iban nameorig cardholder uid"
    ),
    "card_id": "cardid card cardnumber ccnum pan cardno karte kartennummer tarjeta carte",
    "amount": (
        "amount amt txamount transactionamount transactionamt betrag betragincent umsatz summe "
        "value importe montant monto valor importo price total amountcents"
    ),
    "currency": "currency currencycode wahrung waehrung moneda devise valuta",
    "use_chip": "usechip channel entrymode posentrymode weg kanal canal transactiontype type",
    "merchant_id": (
        "merchantid merchant merchantname terminalid handler haendler shop payee counterparty "
        "namedest empfanger comercio commercant store vendor"
    ),
    "merchant_city": "merchantcity city ort stadt ciudad ville",
    "merchant_state": "merchantstate state country merchantcountry bundesstaat land pais pays region",
    "zip": "zip zipcode postalcode postcode plz merchantzip codigopostal codepostal",
    "mcc": "mcc merchantcategorycode categorycode mcccode branche",
    "description": "description memo purpose verwendungszweck zweck buchungstext concepto libelle details",
    "errors": "errors error declinereason responsecode storung fehler",
    "is_fraud": ("isfraud fraud txfraud class label fraudflag isfraudulent fraudulent betrug target fraudbool fraude"),
}
_TIMES = ("time", "uhrzeit", "hora", "heure", "transactiontime")
_FORMATS = (
    "%d.%m.%Y", "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d", "%d.%m.%y",
    "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%d%b%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_PAN = re.compile(r"[0-9](?:[ -]?[0-9]){12,18}(?:\.0)?")


_SIGNS: tuple[set[str], ...] = (
    {"s", "h"},
    {"d", "c"},
    {"dr", "cr"},
    {"debit", "credit"},
    {"soll", "haben"},
    {"debe", "haber"},
    {"+", "-"},
)
_MINUS = {"h", "c", "cr", "credit", "haben", "haber", "-"}
_CHANNELS = (
    (r"online|net|web|e-?com|internet|cnp|remote", "Online Transaction"),
    (r"chip|emv|contactless|nfc", "Chip Transaction"),
    (r"swipe|mag|stripe|pos", "Swipe Transaction"),
)
# What else may be meant.
_FRAUD, _LEGITIMATE = "t|fraud.*", "f|legit.*|normal|ok"
_MOST_VALUES = 20

# By a column's name, in small letters, what the sample's rows say there.
Sample = Mapping[str, Sequence[str]]


def preset_of(header: Sequence[str]) -> str | None:
    """The preset whose columns a header (in small letters) has, the one with most of them."""
    wanted = {name: {column.lower() for column in preset(name).wanted().values()} for name in PRESETS}
    fits = [name for name in PRESETS if wanted[name] <= set(header)]
    return max(fits, key=lambda name: len(wanted[name]), default=None)


def proposed(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A file of columns as YAML, for a header (in small letters) and some rows; comments say what is unsure."""
    says = {
        name: [row[at].strip(" ") for row in rows if nothing.is_value(row[at])]
        for at, name in enumerate(header)
        if name
    }
    used: set[str] = set()
    lines = ["columns:"]
    for column in NAMES:
        name = next(
            (name for alias in NAMES[column].split() for name in says if _bare(name) == alias and name not in used),
            None,
        )
        if column == "date":
            name = name or next((name for name in says if says[name] and _date(name, says[name], {})), None)
        found = _PROPOSALS.get(column, _text)(name, says, used) if name else None
        if column == "date" and found is None:
            found = _parts(says, used)
        if found is not None:
            lines += [f"  # {remark}" for remark in found[1]] + [f"  {column}: {found[0]}"]
        elif column in ("date", "client_id", "amount"):
            lines.append(f"  # No column was found for {column}, without which there is no transaction: name one.")
        elif column == "id":
            lines.append("  # Without an id of its own, a row gets one that is made of what it says.")
    if unused := [name for name in says if name not in used]:
        lines.append(f"# Not used: {', '.join(unused)}")
    return "\n".join(lines) + "\n"


Proposal = tuple[str, list[str]]


def _text(name: str, says: Sample, used: set[str]) -> Proposal:
    used.add(name)
    return _quoted(name), []


def _id(name: str, says: Sample, used: set[str]) -> Proposal | None:
    texts = says[name]
    if len(set(texts)) < len(texts):
        return None
    used.add(name)
    if all(ids.number(text, ids.NUMBER) is not None for text in texts):
        return _quoted(name), []
    return f"{{from: {_quoted(name)}, digest: true}}", ["Its keys are no numbers: a number is made of each."]


def _key(name: str, says: Sample, used: set[str]) -> Proposal:
    used.add(name)
    if any(_PAN.fullmatch(text) for text in says[name]):
        return f"{{from: {_quoted(name)}, token: true}}", ["These may be card numbers: a token is kept (TX_TOKEN_KEY)."]
    return _quoted(name), []


def _mcc(name: str, says: Sample, used: set[str]) -> Proposal | None:
    if not all(ids.number(text, ids.MCC) is not None for text in says[name]):
        return None
    return _text(name, says, used)


def _currency(name: str, says: Sample, used: set[str]) -> Proposal | None:
    codes = all(re.fullmatch("[A-Z]{3}", text) for text in says[name])
    return _text(name, says, used) if codes and name not in used else None


def _channel(name: str, says: Sample, used: set[str]) -> Proposal | None:
    def meant(text: str) -> str:
        return next((channel for pattern, channel in _CHANNELS if re.search(pattern, text.lower())), "")

    values = sorted(set(says[name]))
    used.add(name)
    if all(value in {channel for _, channel in _CHANNELS} for value in values) or len(values) > _MOST_VALUES:
        return _quoted(name), []
    return _values(name, values, meant), ["Look at what each of these means; empty: not known."]


def _label(name: str, says: Sample, used: set[str]) -> Proposal | None:
    values = sorted(set(says[name]))
    if len(values) > _MOST_VALUES:
        return None

    def meant(text: str) -> str:
        known, text = truth.is_fraud(text), text.lower()
        if known is None:
            known = True if re.fullmatch(_FRAUD, text) else False if re.fullmatch(_LEGITIMATE, text) else None
        return "" if known is None else str(known).lower()

    used.add(name)
    if all(truth.is_fraud(value) is not None for value in values):
        return _quoted(name), []
    return _values(name, values, meant), ["Look at what each of these means: true, false, or empty for not known."]


def _values(name: str, values: Sequence[str], meant: Callable[[str], str]) -> str:
    pairs = ", ".join(f"{_quoted(value)}: {_quoted(meant(value))}" for value in values)
    return f"{{from: {_quoted(name)}, values: {{{pairs}}}}}"


def _when(name: str, says: Sample, used: set[str]) -> Proposal | None:
    clocks = [
        other for other in says if _bare(other) in _TIMES and other != name and len(says[other]) == len(says[name])
    ]
    found = _date(name, says[name], {clock: says[clock] for clock in clocks})
    if found:
        used.update(clock for clock in (name, *clocks) if _quoted(clock) in found[0])
    return found


def _date(name: str, texts: Sequence[str], clocks: Sample) -> Proposal | None:
    if all(dates.read(text) for text in texts):
        return _quoted(name), ["Times without a zone are taken for UTC; zone: Europe/Berlin says another."]
    for unit, first in (("s", 10**8), ("ms", 10**11)):
        found = [re.fullmatch(UNIX[unit], text) for text in texts]
        if all(match and first <= int(match[1]) < first * 100 for match in found):
            return f"{{from: {_quoted(name)}, unix: {unit}}}", []
    for clock in (*clocks, None):
        both = texts if clock is None else [" ".join(pair) for pair in zip(texts, clocks[clock], strict=True)]
        fitting = [form for form in _forms() if all(formats.read(text, form) for text in both)]
        if fitting:
            names = _quoted(name) if clock is None else f"[{_quoted(name)}, {_quoted(clock)}]"
            remarks = ["Times are taken for UTC; zone: Europe/Berlin says another."]
            if others := [form for form in fitting[1:] if not _same(fitting[0], form, both)]:
                remarks.append(f"{others[0]} fits as well: look which is meant.")
            return f"{{from: {names}, format: {json.dumps(fitting[0])}}}", remarks
    return None


def _forms() -> Iterator[str]:
    return (day + clock for day in _FORMATS for clock in _CLOCKS)


def _same(form: str, other: str, texts: Sequence[str]) -> bool:
    return all(formats.read(text, form) == formats.read(text, other) for text in texts)


def _parts(says: Sample, used: set[str]) -> Proposal | None:
    """A date in columns of its own for year, month and day."""
    names = [next((name for name in says if _bare(name) == part), None) for part in ("year", "month", "day", "time")]
    found = [name for name in names if name]
    if len(found) < 3 or names[2] is None:
        return None
    used.update(found)
    clock = " %H:%M" if names[3] else ""
    return f'{{from: [{", ".join(map(_quoted, found))}], format: "%Y %m %d{clock}"}}', []


def _amount(name: str, says: Sample, used: set[str]) -> Proposal:
    used.add(name)
    texts, options, remarks = says[name], [f"from: {_quoted(name)}"], []
    whole = all(re.fullmatch("-?[0-9]+", text) for text in texts)
    if whole and "cent" in name:
        options.append("unit: cents")
    elif whole:
        remarks.append("All are whole numbers: if they are cents, add unit: cents.")
    else:
        readings: list[amounts.Decimal | None] = [None, ",", "."]
        fitting = [by for by in readings if all(amounts.cents(text, "", by) is not None for text in texts)]
        if not fitting:
            remarks.append("Some of these can't be read as amounts.")
        elif fitting[0]:
            options.append(f'decimal: "{fitting[0]}"')
    for other in says:
        if other not in used and (minus := _minus(other, set(says[other]))):
            options.append(f"sign: {{from: {_quoted(other)}, minus: [{', '.join(map(_quoted, minus))}]}}")
            remarks.append("What is spent is above 0, what is given back below: look whether the sign says so.")
            used.add(other)
            break
    if any(text.startswith("-") for text in texts) and sum(text.startswith("-") for text in texts) * 2 > len(texts):
        remarks.append("Most are below 0, which here is what is given back.")
    return (_quoted(name) if len(options) == 1 else f"{{{', '.join(options)}}}"), remarks


def _minus(name: str, values: set[str]) -> list[str]:
    """What of a column's values says that an amount is below 0."""
    small = {value.lower() for value in values}
    pair = next((pair for pair in _SIGNS if values and small <= pair), set())
    if len(small) < 2 and _bare(name) not in {"".join(order) for order in permutations(pair)}:
        return []
    minus = (pair & _MINUS).pop()
    return sorted(value for value in values if value.lower() == minus) or [
        minus.upper() if max(values).isupper() else minus
    ]


def _bare(name: str) -> str:
    """A name's letters and digits, without accents."""
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKD", name.lower()))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_][\w/-]*(?: [\w/-]+)*", text) else json.dumps(text, ensure_ascii=False)


_PROPOSALS: dict[str, Callable[[str, Sample, set[str]], Proposal | None]] = {
    "id": _id, "date": _when, "client_id": _key, "card_id": _key, "merchant_id": _key, "amount": _amount,
    "currency": _currency, "use_chip": _channel, "mcc": _mcc, "is_fraud": _label,
}  # fmt: skip
