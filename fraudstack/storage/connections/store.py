"""Where a store is: a SQLite file or a PostgreSQL database."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from fraudstack.errors import StoreError


@dataclass(frozen=True)
class Store:
    """A database; `path` is its file, or None on PostgreSQL, whose address is `url`."""

    url: str
    path: Path | None

    @property
    def shown(self) -> str:
        """The store's name for people and logs, without a password."""
        return str(self.path) if self.path else make_url(self.url).render_as_string(hide_password=True)

    def options(self, own: str) -> str:
        """What a session on a server is set to: as the URL says (`?options=-c%20search_path%3Dfraud`), then `own`."""
        given = make_url(self.url).query.get("options", ())
        return " ".join([given, own] if isinstance(given, str) else [*given, own])

    def __repr__(self) -> str:
        return f"Store({self.shown})"


def parse(url: str) -> Store:
    """The store that `url` names: `sqlite:///file`, `postgresql://…`, or a bare path of a SQLite file.

    Raises StoreError for any other kind of database.
    """
    if "://" not in url:
        return Store(url=f"sqlite:///{url}", path=Path(url).absolute())
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the database URL can't be read: use sqlite:///FILE or postgresql://USER@HOST/NAME") from error
    kind = parsed.get_backend_name()
    if kind == "sqlite" and parsed.database and parsed.database != ":memory:":
        return Store(url=url, path=Path(parsed.database).absolute())
    if kind in {"postgresql", "postgres"}:
        rendered = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        address, asked, query = rendered.partition("?")
        # A blank in a query is written as +, which libpq takes for itself.
        return Store(url=address + asked + query.replace("+", "%20"), path=None)
    raise StoreError(f"{kind} databases aren't supported: use sqlite:///FILE or postgresql://USER@HOST/NAME")
