"""How ingests went, and what they refused."""

from typing import NamedTuple

from fraudstack.storage.connections.online import Connection, date_text

_RUNS_SHOWN = 20
# Long texts are cut here, and one alone there, before they go to a browser.
CUT, _LONGEST_TEXT = 300, 100_000

_STEPS = """SELECT run_id, step, started_at, seconds, rows_in, loaded, quarantined, repeated, unmatched, error
    FROM ingest_runs
    WHERE run_id = ? OR run_id IN
    (SELECT run_id FROM ingest_runs GROUP BY run_id ORDER BY max(started_at) DESC, run_id DESC LIMIT ?)
    ORDER BY started_at DESC"""
_REASONS = """SELECT step, reason, count(*) FROM quarantine WHERE run_id = ? GROUP BY step, reason
    ORDER BY count(*) DESC, step, reason"""
_REFUSED = f"""SELECT quarantine_id, step, file, line, substr(text, 1, {CUT}), length(text), reason FROM quarantine
    WHERE run_id = ? {{chosen}} ORDER BY quarantine_id LIMIT ? OFFSET ?"""
_TEXT = f"SELECT substr(text, 1, {_LONGEST_TEXT}) FROM quarantine WHERE quarantine_id = ?"

# In the order in which an ingest takes them.
_ORDER = ("clean", "label", "follow", "profiles", "cluster")


class Step(NamedTuple):
    """A step of a run; `state` says how it ended, or that it didn't."""

    run_id: str
    step: str
    started_at: str
    state: str
    seconds: float | None
    rows_in: int | None
    loaded: int | None
    quarantined: int | None
    repeated: int | None
    unmatched: int | None
    error: str | None


class Reason(NamedTuple):
    """How many rows a step refused for a reason."""

    step: str
    reason: str
    rows: int


class Refused(NamedTuple):
    """A refused row; `text` is cut, `length` is that of the whole."""

    quarantine_id: int
    step: str
    file: str
    line: int | None
    text: str
    length: int
    reason: str


def steps(connection: Connection, wanted: str | None = None) -> list[Step]:
    """The steps of the last runs, and of the one wanted, the newest run first, its steps in their order."""
    rows = connection.rows(_STEPS, (wanted or "", _RUNS_SHOWN))
    newest = max((row[2] for row in rows), default=None)
    began = {run_id: started for run_id, _, started, *_ in rows}
    found = [
        Step(run_id, step, date_text(at), _state(seconds, rest[-1], last=at == newest), seconds, *rest)
        for run_id, step, at, seconds, *rest in rows
    ]
    place = {name: at for at, name in enumerate(_ORDER)}
    in_order = sorted(found, key=lambda step: (step.started_at, place.get(step.step, len(place))))
    return sorted(in_order, key=lambda step: (began[step.run_id], step.run_id), reverse=True)


def reasons(connection: Connection, run_id: str) -> list[Reason]:
    """Why a run refused rows, the most frequent reason first."""
    return [Reason(*row) for row in connection.rows(_REASONS, (run_id,))]


def refused(connection: Connection, run_id: str, reason: Reason | None, limit: int, offset: int) -> list[Refused]:
    """Rows that a run refused, for one reason or for any, in the order of their files."""
    chosen, values = ("AND step = ? AND reason = ?", (reason.step, reason.reason)) if reason else ("", ())
    statement = _REFUSED.format(chosen=chosen)
    return [Refused(*row) for row in connection.rows(statement, (run_id, *values, limit, offset))]


def text(connection: Connection, quarantine_id: int) -> str:
    """A refused row as it stood in its file."""
    return str(connection.rows(_TEXT, (quarantine_id,))[0][0])


def _state(seconds: float | None, error: str | None, *, last: bool) -> str:
    if seconds is not None:
        return "failed" if error else "ended"
    # One step at a time: whatever began after it says that it is over.
    return "under way, or killed" if last else "killed"
