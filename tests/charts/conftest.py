"""Each test of the chart runs with either helm."""

from collections.abc import Iterator

import pytest

from tests.charts.rendered import HELMS, helm


@pytest.fixture(params=HELMS, autouse=True, scope="module")
def _helm(request: pytest.FixtureRequest) -> Iterator[None]:
    token = helm.set(request.param)
    yield
    helm.reset(token)
