"""What is thought of a transaction before any tree is asked: how much fraud was known lately where it took place.

Of one online that is its channel, of others their category or their state or country.

Trees can't tell beyond what they have seen: to one that learned when nobody stole in a country, that country is
harmless for ever. So they learn only what speaks for and against fraud beside the known rate, which is the offset of
their log odds (McCullagh, Nelder 1989, Generalized Linear Models, 4.3), and goes where the labels go.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Features: of a transaction online its channel's rate, of others the highest.
ONLINE, SOURCES = "channel_fraud_rate_30d", ("mcc_fraud_rate_30d", "state_fraud_rate_30d")
# A score begins with them, and no tree asks them again: a rate that moves with the years would tell it the time.
BEGINS = (ONLINE, *SOURCES)
# Of a known rate online and elsewhere, and of what nobody knows.
_LEAST_ONLINE, _LEAST, _UNKNOWN = 1e-4, 1e-3, 1e-3
# So that no rate silences the trees.
_MOST = 0.95
# Trees hold only beside the prior that they were fitted to: a model says which one, as JSON has it.
FACTS = {
    "online": {"source": ONLINE, "least": _LEAST_ONLINE},
    "sources": list(SOURCES),
    "least": _LEAST,
    "unknown": _UNKNOWN,
    "most": _MOST,
}


def log_odds(figures: NDArray[np.floating], features: Sequence[str]) -> NDArray[np.float64]:
    """The prior log odds (n,) of rows of figures (n, features)."""
    online = _is_online(figures, features)
    elsewhere = np.fmax.reduce([figures[:, features.index(name)] for name in SOURCES])
    known = np.where(online, figures[:, features.index(ONLINE)], elsewhere).astype(np.float64)
    rate = np.clip(np.nan_to_num(known, nan=_UNKNOWN), np.where(online, _LEAST_ONLINE, _LEAST), _MOST)
    return np.asarray(np.log(rate / (1 - rate)), dtype=np.float64)


def contribution(figures: NDArray[np.floating], features: Sequence[str]) -> tuple[int, float]:
    """The place of the feature that makes the prior of one row (1, features), and what it adds to what nobody knows.

    A channel in which little fraud is known takes away.
    """
    names = [ONLINE] if _is_online(figures, features)[0] else SOURCES
    places = [features.index(name) for name in names]
    place = max(places, key=lambda one: float(np.nan_to_num(figures[0, one])))
    return place, float(log_odds(figures, features)[0] - np.log(_UNKNOWN / (1 - _UNKNOWN)))


def _is_online(figures: NDArray[np.floating], features: Sequence[str]) -> NDArray[np.bool_]:
    return np.asarray(figures[:, features.index("online")] == 1)
