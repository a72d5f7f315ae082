"""What is thought of a transaction before any tree is asked: how much fraud was known lately where it took place.

Trees can't tell beyond what they have seen: to one that learned when nobody stole in a country, that country is
harmless for ever. So they learn only what speaks for and against fraud beside the known rate, which is the offset of
their log odds (McCullagh, Nelder 1989, Generalized Linear Models, 4.3), and goes where the labels go.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Features; the highest counts.
SOURCES = ("mcc_fraud_rate_30d", "state_fraud_rate_30d")
# Of what nobody knows, and so that no rate silences the trees.
_LEAST, _MOST = 1e-3, 0.95
# Trees hold only beside the prior that they were fitted to: a model says which one, as JSON has it.
FACTS = {"sources": list(SOURCES), "least": _LEAST, "most": _MOST}


def log_odds(figures: NDArray[np.floating], features: Sequence[str]) -> NDArray[np.float64]:
    """The prior log odds (n,) of rows of figures (n, features)."""
    known = np.stack([figures[:, features.index(name)] for name in SOURCES]).astype(np.float64)
    rate = np.clip(np.nan_to_num(np.fmax.reduce(known)), _LEAST, _MOST)
    return np.asarray(np.log(rate / (1 - rate)), dtype=np.float64)


def contribution(figures: NDArray[np.floating], features: Sequence[str]) -> tuple[int, float]:
    """The place of the feature that makes the prior of one row (1, features), and what it adds to the least prior."""
    places = [features.index(name) for name in SOURCES]
    place = max(places, key=lambda one: float(np.nan_to_num(figures[0, one])))
    return place, float(log_odds(figures, features)[0] - np.log(_LEAST / (1 - _LEAST)))
