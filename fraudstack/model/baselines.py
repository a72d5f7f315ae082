"""What a model has to beat: a forest that knows no labels, and a constant."""

import numpy as np
from numpy.typing import NDArray

from fraudstack.model.fit import Examples
from fraudstack.model.protocol import Fold

# Plenty for a forest of small trees.
_MOST = 200_000


def scores(examples: Examples, judged: Examples, fold: Fold) -> dict[str, NDArray[np.float64]]:
    """Scores (n,) of the judged by name: Isolation Forest (Liu, Ting, Zhou 2008) on the training week, a constant."""
    # Only whoever evaluates has it installed, and waits for it.
    from sklearn.ensemble import IsolationForest

    learned = (examples.days >= fold.train_from) & (examples.days <= fold.until)
    forest = IsolationForest(random_state=1).fit(np.nan_to_num(examples.where(learned).figures[:_MOST], nan=-1.0))
    return {
        "isolation forest": -forest.score_samples(np.nan_to_num(judged.figures, nan=-1.0)),
        "constant": np.zeros(len(judged.days)),
    }
