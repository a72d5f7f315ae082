"""What the job watch would have left of a model."""

from datetime import date, timedelta
from typing import Any

LAST = date(2019, 10, 31)


def indices(version: str, **latest: float) -> list[dict[str, Any]]:
    """Stability indices of ten weeks that ended so, and were small before."""
    return [
        {
            "day": str(LAST - timedelta(days=7 * ago)),
            "model_version": version,
            "measure": f"psi:{name}",
            "value": value if ago == 0 else 0.01 * (ago % 3),
            "sample": 3000,
        }
        for name, value in latest.items()
        for ago in range(10)
    ]


def weeks(version: str, online: int, spoke: str | None = None, count: int = 40) -> list[dict[str, Any]]:
    """As many weeks, in which 20 frauds were expected of each channel; `online` came there in the last six of them."""
    found = []
    for ago in range(count):
        last = LAST - timedelta(days=7 * ago)
        for kind, value in (("all", ""), ("channel", "Online"), ("channel", "Chip"), ("amount", "below 10")):
            frauds = online if value == "Online" and ago < 6 else 18 + ago % 5
            found.append(
                {
                    "model_version": version,
                    "first": str(last - timedelta(days=6)),
                    "last": str(last),
                    "kind": kind,
                    "value": value,
                    "spoke": spoke or version,
                    "transactions": 1000,
                    "alerts": 21,
                    "labelled": 700,
                    "frauds": frauds,
                    "expected": 20.0,
                    "alerts_labelled": 20,
                    "alerts_frauds": min(frauds, 12),
                }
            )
    return found
