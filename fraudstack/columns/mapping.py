"""A file of columns: what each of the contract's columns is made of; read and checked before a row is.

    columns:
      client_id: Kunde
      date: {from: [Tag, Uhrzeit], format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}

Which of a column's options there are is in docs/columns.md.
"""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from fraudstack import yaml_file
from fraudstack.columns import formats
from fraudstack.columns.tokens import TokenKey, key_of, without_numbers
from fraudstack.errors import InputError
from fraudstack.fields import dates, ids, truth
from fraudstack.settings import Settings, in_cents
from fraudstack.texts import shown
from fraudstack.yaml_file import Document

PRESETS = {path.stem: path for path in sorted(Path(__file__).with_name("presets").glob("*.yaml"))}
_SEPARATORS = {"tab": "\t", "\\t": "\t"}
# Java knows the zones of these; the others are files of a system.
_NO_ZONES = ("posix", "right", "Factory", "localtime")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _named(name: str) -> str:
    name = name.strip()
    if not name:
        raise ValueError("the name of a column of the file is missing")
    return name


def _encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        found.decode(b"")
    except (LookupError, UnicodeError) as error:
        raise ValueError(f"there is no encoding {name[:60]!r}") from error
    if not found._is_text_encoding:
        raise ValueError(f"{name[:60]!r} isn't an encoding of text")
    return found.name


def _separator(text: str) -> str:
    text = _SEPARATORS.get(text, text)
    if len(text) != 1 or text.isalnum() or text in "\"'\r\n.-":
        raise ValueError('a separator is one sign, for example ";" or "\\t"')
    return text


def _zone(name: str) -> str:
    try:
        if name.startswith(_NO_ZONES):
            raise ValueError(name)
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no zone {name[:60]!r}: it is written like Europe/Berlin") from error
    return name


def _label(text: str) -> str:
    if text and truth.is_fraud(text) is None:
        raise ValueError(f"{text[:60]!r} is neither true nor false, and not empty")
    return text


def _form(text: str) -> str:
    formats.steps(text)
    return text


Name = Annotated[str, AfterValidator(_named)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """What a column is made of: columns of the file, joined by a blank, or one value in every row."""

    names: Annotated[Names | None, Field(alias="from")] = None
    value: Annotated[str, Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, said: object) -> object:
        return {"from": said} if isinstance(said, str | list) else said

    @model_validator(mode="after")
    def _one_of_them(self) -> "Source":
        if (self.names is None) == (self.value is None):
            raise ValueError("say `from` (columns of the file) or `value` (the same in every row)")
        return self


class TextSource(Source):
    """A text; where it says `values`, each text of the file must be one of its keys, or empty."""

    values: Annotated[dict[str, str], Field(min_length=1)] | None = None


class KeySource(TextSource):
    """Who or what it is: with `token` a keyed digest in its place."""

    token: bool = False


class IdSource(Source):
    """A whole number; with `digest` any text, of which a number is made."""

    digest: bool = False

    @model_validator(mode="after")
    def _of_its_own(self) -> "IdSource":
        if self.value is not None:
            raise ValueError("each row has an id of its own")
        return self


class DateSource(Source):
    """A time, as `format` or `unix` say, else as ISO 8601; without a zone in UTC."""

    format: Annotated[str, AfterValidator(_form)] | None = None
    unix: Literal["s", "ms"] | None = None
    zone: Annotated[str, AfterValidator(_zone)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "DateSource":
        if self.unix and (self.format or self.zone):
            raise ValueError("unix counts from 1970 in UTC: it has no format and no zone")
        if self.value is not None and dates.read(self.value) is None:
            raise ValueError("value isn't a date: it is written YYYY-MM-DD HH:MM:SS")
        return self


class Sign(_Part):
    """A column of the file that says which amounts are below 0."""

    name: Annotated[Name, Field(alias="from")]
    minus: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class AmountSource(Source):
    """An amount in units of the currency, or in cents; `decimal` is what stands before the cents."""

    unit: Literal["cents"] | None = None
    decimal: Literal[".", ","] | None = None
    sign: Sign | None = None


class CurrencySource(TextSource):
    """A currency by ISO 4217."""

    @model_validator(mode="after")
    def _codes(self) -> "CurrencySource":
        for code in _texts_given(self):
            in_cents(code)
        return self


class MccSource(TextSource):
    """A merchant category code."""

    @model_validator(mode="after")
    def _codes(self) -> "MccSource":
        for code in _texts_given(self):
            if ids.number(code, ids.MCC) is None:
                raise ValueError(f"{code[:60]!r} isn't a merchant category code: it has at most four digits")
        return self


class LabelSource(Source):
    """Whether a row is a fraud: by the words of `truth`, empty for not known; or as `values` say."""

    value: Annotated[str, AfterValidator(_label)] | None = None
    values: Annotated[dict[str, Annotated[str, AfterValidator(_label)]], Field(min_length=1)] | None = None

    def meanings(self) -> dict[str, bool | None]:
        """By a text of the file, whether it says fraud."""
        if self.values is None:
            return {word: truth.is_fraud(word) for word in (*truth.FRAUD, *truth.LEGITIMATE)}
        return {text: truth.is_fraud(meant) for text, meant in self.values.items()}


class Columns(_Part):
    """By the contract's columns."""

    date: DateSource
    client_id: KeySource
    amount: AmountSource
    id: IdSource | None = None
    card_id: KeySource | None = None
    currency: CurrencySource | None = None
    use_chip: TextSource | None = None
    merchant_id: KeySource | None = None
    merchant_city: TextSource | None = None
    merchant_state: TextSource | None = None
    zip: TextSource | None = None
    mcc: MccSource | None = None
    description: TextSource | None = None
    errors: TextSource | None = None
    is_fraud: LabelSource | None = None

    def wanted(self) -> dict[tuple[str, ...], str]:
        """The columns of the file that are read, by the place at which they are named."""
        found: dict[tuple[str, ...], str] = {}
        for column, source in self.given().items():
            found |= {("columns", column, "from", str(at)): name for at, name in enumerate(source.names or ())}
        if self.amount.sign:
            found["columns", "amount", "sign", "from"] = self.amount.sign.name
        return found

    def given(self) -> dict[str, Source]:
        """The columns that there are, by name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: source for name, source in found.items() if source is not None}


class _File(_Part):
    columns: Columns
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    separator: Annotated[str, AfterValidator(_separator)] | None = None


@dataclass(frozen=True)
class Mapping:
    """A file of columns, checked; `document` tells its lines, `key` makes the tokens that it asks for."""

    document: Document
    columns: Columns
    encoding: str | None = None
    separator: str | None = None
    key: TokenKey | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The columns of which only a keyed digest is kept."""
        return _tokens(self.columns)

    @property
    def hidden(self) -> frozenset[str]:
        """The columns of the file, in small letters, whose texts are shown to nobody."""
        sources = self.columns.given()
        return frozenset(name.lower() for token in self.tokens for name in sources[token].names or ())

    def currency(self, settings: Settings) -> str:
        """The currency of the amounts: what the mapping says for every row, or else the store's.

        Raises InputError where TX_CURRENCY says another.
        """
        said = self.columns.currency and self.columns.currency.value
        if said and "currency" in settings.model_fields_set and said != settings.currency:
            where = self.document.at("columns", "currency")
            raise InputError(f"{where}: the amounts are in {said}, and TX_CURRENCY is {settings.currency}")
        return said or settings.currency

    def check_header(self, header: Sequence[str], file: str) -> None:
        """Raise InputError, naming the line, where a header (in small letters) lacks a column, or has it twice."""
        for place, name in self.columns.wanted().items():
            times = header.count(name.lower())
            if times != 1:
                has = "has no column" if not times else f"has {times} columns"
                raise InputError(
                    f"{self.document.at(*place)}: {file} {has} {name[:60]!r}; its header names "
                    f"{shown(without_numbers(', '.join(header)), 300)}"
                )


def preset(name: str) -> Columns:
    """What a preset says, to look at."""
    return yaml_file.load(PRESETS[name], "file of columns").checked(_File).columns


def asked(settings: Settings) -> Mapping | None:
    """What TX_COLUMNS names, a preset or a file; raises InputError where it can't be meant."""
    return load(settings.columns, settings.token_key) if settings.columns else None


def load(name: str, token_key: SecretStr | None = None) -> Mapping:
    """A preset of this name, or else the file at this path; raises InputError where it can't be meant."""
    if name not in PRESETS and not Path(name).exists():
        raise InputError(f"there is no file of columns {name!r}; the presets are {', '.join(PRESETS)}")
    return checked(yaml_file.load(PRESETS.get(name, Path(name)), "file of columns"), token_key)


def checked(document: Document, token_key: SecretStr | None = None) -> Mapping:
    """What a file of columns says; raises InputError, naming the line, where it can't be meant."""
    file = document.checked(_File)
    key = None
    if asking := _tokens(file.columns):
        try:
            key = key_of(token_key)
        except ValueError as error:
            raise InputError(f"{document.at('columns', asking[0], 'token')}: {error}") from error
    return Mapping(document, file.columns, file.encoding, file.separator, key)


def _tokens(columns: Columns) -> tuple[str, ...]:
    sources = columns.given().items()
    return tuple(name for name, source in sources if isinstance(source, KeySource) and source.token)


def _texts_given(source: TextSource) -> Iterable[str]:
    """What the mapping itself puts into a column."""
    given = (source.value, *(source.values or {}).values())
    return [text.strip(" ") for text in given if text]
