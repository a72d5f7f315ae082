"""The scorer beside that of another checkout, in one run: the machine's noise is the same for both."""

import argparse
import os
import statistics
import subprocess
from collections.abc import Mapping

from rich.console import Console

from tests.bench.load import Stream, load, scorer, served, settings
from tests.bench.stores import empty, given, ingest


def compare(arguments: argparse.Namespace, stores: Mapping[int, str], streams: Mapping[int, Stream]) -> None:
    """Both scorers in turn at full load, on stores of as many rows; prints the rounds' ratios and their median."""
    other = _Other(arguments, list(stores))
    ratios: dict[int, list[float]] = {rows: [] for rows in stores}
    console = Console(width=100)
    for number in range(arguments.rounds):
        for rows, url in stores.items():
            rates = {}
            for who in ("this", "other") if number % 2 else ("other", "this"):
                if who == "other":
                    rates[who] = other.load(rows, arguments.seconds)["rate"]
                    continue
                with scorer(url, arguments.folder) as address:
                    rates[who] = load(address, streams[rows], arguments.seconds)["rate"]
            ratios[rows].append(rates["this"] / rates["other"])
            console.print(f"{rows:,} rows: {rates['this']:,.0f} beside {rates['other']:,.0f} requests/s")
    for rows, found in ratios.items():
        every = ", ".join(f"{ratio:.2f}" for ratio in found)
        console.print(f"this / other, {rows:,} rows of history: {statistics.median(found):.2f} ({every})")


class _Other:
    """The scorer of another checkout, with stores of its own."""

    def __init__(self, arguments: argparse.Namespace, lengths: list[int]) -> None:
        # It is run where it lies.
        self._folder, self._checkout = arguments.folder.absolute(), arguments.beside.absolute()
        installed = self._checkout / ".venv" / "bin"
        self._python = str(installed / "python")
        self._stores: dict[int, str] = {}
        for rows in lengths:
            url, made = empty(self._folder, f"beside_{rows}", arguments.postgresql, anew=rows == arguments.short)
            if made:
                # Both remember what a model asks for, whether their ingest makes that or a job of its own.
                remember = [self._python, "-m", "jobs", "memories"]
                environment = os.environ | given(url, self._folder)
                for command in ([str(installed / "fraudstack"), *ingest(self._folder, rows, url)[1:]], remember):
                    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._checkout, env=environment)
            self._stores[rows] = url
        self._streams = {rows: Stream(self._folder, rows, url) for rows, url in self._stores.items()}

    def load(self, rows: int, seconds: int) -> dict[str, float]:
        """What it does at full load on a history of so many rows."""
        environment = os.environ | given(self._stores[rows], self._folder) | settings(self._folder)
        command = ["--config", "python:api.gunicorn", "api.main:app"]
        with served(command, environment, "/readyz", self._python, self._checkout) as url:
            return load(url, self._streams[rows], seconds)
