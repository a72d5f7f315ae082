"""What Prometheus reads; with several workers each counts in files of PROMETHEUS_MULTIPROC_DIR, and all are summed."""

import math
import os
from collections.abc import Mapping
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.002, 0.003, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Counter("fraudstack_requests_total", "Requests answered", ["method", "route", "status"])
LATENCY = Histogram("fraudstack_request_seconds", "Time from first byte to last", ["route"], buckets=_SECONDS)
DECISIONS = Counter("fraudstack_decisions_total", "Decisions stored", ["decision"])
REASONS = Counter("fraudstack_reasons_total", "Reasons given", ["code"])
MODEL = Histogram("fraudstack_model_seconds", "Time of a model's opinion", buckets=_SECONDS)
MODEL_FAILURES = Counter("fraudstack_model_failures_total", "Decisions without the opinion that a model owed")
CHALLENGER_FAILURES = Counter(
    "fraudstack_challenger_failures_total", "Decisions without the opinion that a challenger owed, and tries to load it"
)
MODEL_PROBLEM = Gauge(
    "fraudstack_model_problem",
    "1 while the champion can't be used, or had no opinion lately",
    multiprocess_mode="livemax",
)
WATCHED = Gauge(
    "fraudstack_model_watched",
    "What is watched of the model in force: expected, observed, alerts, precision, recall, psi:FEATURE, outside:FIGURE",
    ["measure"],
    multiprocess_mode="mostrecent",
)
INGESTED = Gauge(
    "fraudstack_ingest_timestamp_seconds",
    "When the latest ingest began that read its file to the end, 0 before the first",
    multiprocess_mode="mostrecent",
)
LLM = Counter("fraudstack_llm_total", "How calls of the language model went", ["status"])
WAITING = Gauge("fraudstack_waiting_decisions", "Decisions that wait to be written", multiprocess_mode="livesum")


# Looking a label up takes longer than counting.
_requests = lru_cache(maxsize=1000)(REQUESTS.labels)
_latency = lru_cache(maxsize=1000)(LATENCY.labels)
decisions = lru_cache(maxsize=10)(DECISIONS.labels)
reasons = lru_cache(maxsize=1000)(REASONS.labels)
_watched: set[str] = set()


def seen(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request."""
    _requests(method, route, str(status)).inc()
    _latency(route).observe(seconds)


def watched(measures: Mapping[str, float]) -> None:
    """Tell what is watched of the model in force; what was of another and isn't of this one is no number any more."""
    _watched.update(measures)
    for measure in _watched:
        WATCHED.labels(measure).set(measures.get(measure, math.nan))


def text() -> bytes:
    """Everything, in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
