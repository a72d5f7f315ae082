"""What is watched of models: measures day by day, and windows of days segment by segment."""

from fraudstack.storage.connections.online import Connection

_LATEST = """SELECT measure, value, sample, day FROM model_days m WHERE model_version = ? AND day = (
    SELECT max(day) FROM model_days n WHERE n.model_version = m.model_version AND n.measure = m.measure)"""


def latest(connection: Connection, model_version: str) -> dict[str, tuple[float, int, str]]:
    """The latest value of each measure of a model, with its sample and its day."""
    return {measure: (value, sample, day) for measure, value, sample, day in connection.rows(_LATEST, (model_version,))}
