"""Mappings as the tests write them."""

from pydantic import SecretStr

from fraudstack import yaml_file
from fraudstack.columns.mapping import Mapping, checked

KEY = SecretStr("2:a-secret-of-the-tests,1:an-older-secret-of-theirs")
NEEDED = {"date": "When", "client_id": "Who", "amount": "Much"}


def mapping(key: SecretStr | None = KEY, *, head: str = "", **columns: str) -> Mapping:
    """What a file says with these columns, and those that each file needs."""
    lines = [f"  {name}: {said}" for name, said in (NEEDED | columns).items()]
    return checked(yaml_file.parse("\n".join([head, "columns:", *lines]).encode(), "columns.yaml"), key)
