"""One Airflow lives through the tests of a scheduler: they keep the order in which they are written."""

from pathlib import Path

import pytest

_IN_ORDER = {Path(__file__).with_name(name) for name in ("test_scheduler.py", "test_deferral.py")}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [place for place, item in enumerate(items) if item.path in _IN_ORDER]
    in_order = sorted((items[place] for place in places), key=lambda item: (item.path, item.location[1] or 0))
    for place, item in zip(places, in_order, strict=True):
        items[place] = item
