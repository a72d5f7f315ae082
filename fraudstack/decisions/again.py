"""A score made again, by the model that made it and what it looked at then."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.features import kept
from fraudstack.model import artefact, champion
from fraudstack.model.artefact import Model
from fraudstack.storage import models, transactions
from fraudstack.storage.connections.online import Connection

# A sum's last digits are those of its order, which another machine may choose otherwise.
_SAME = 1e-9


class Again(NamedTuple):
    """A probability (0 to 1) that was made again, and what the decision had said."""

    probability: float
    before: float
    version: str
    # UTC, YYYY-MM-DD HH:MM:SS.
    decided_at: str

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return math.isclose(self.probability, self.before, rel_tol=_SAME, abs_tol=_SAME)


def score_again(connection: Connection, id: int, folder: Path) -> Again:
    """The probability of a decision made again; raises InputError, which says what is missing for it.

    The model is the store's, or from before there was a registry that of a folder of models.
    """
    found = transactions.find(connection, id)
    if found is None:
        raise InputError(f"the store {connection.store.shown} has no transaction {id}")
    said = found.decision
    if said is None:
        raise InputError(f"nobody has decided transaction {id}")
    if said["probability"] is None:
        raise InputError(f"no model was asked about transaction {id}: its reasons and their weights make the score")
    if said["figures"] is None:
        raise InputError(
            f"transaction {id} was normal and not of the sample (TX_FIGURES_SHARE): its figures aren't kept"
        )
    model = _model(connection, said["model_version"], folder)
    figures = np.array([kept.read(said["figures"], model.features)], dtype=np.float32)
    return Again(float(model.scores(figures)[0]), said["probability"], model.version, said["decided_at"])


def _model(connection: Connection, version: str, folder: Path) -> Model:
    if models.files(connection, version):
        return champions.kept(connection, version, features=None)
    return artefact.load(champion.of_version(folder, version), None, version)
