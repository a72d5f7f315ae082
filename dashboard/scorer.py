"""The scorer's API, through which alone something is written."""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import streamlit as st

from dashboard import stores
from fraudstack.errors import Refusal

# Where the session keeps a reader's own key; it goes before that of the settings.
KEY = "api_key"
_SECONDS = 10.0
# A claim lasts 15 minutes; it is made anew well before that.
_CLAIM_SECONDS = 5 * 60


class ScorerError(Refusal):
    """The scorer didn't do what was asked: the sentence says what to do."""


class TakenError(ScorerError):
    """Somebody else looks at the transaction."""


class UnknownError(ScorerError):
    """The scorer doesn't know the transaction."""


class Claim(NamedTuple):
    """A transaction that is kept for a reviewer; `at` tells how old the claim is."""

    id: int
    reviewer: str
    at: float


def claim(id: int, reviewer: str) -> Claim:
    """Keep a transaction for a reviewer; raises TakenError when somebody else has it."""
    _send("POST", f"/transactions/{id}/claim", {"reviewer": reviewer})
    return Claim(id, reviewer, time.monotonic())


def renewed(kept: Claim) -> Claim:
    """The claim, made anew if it is old; raises TakenError when somebody else has the transaction by now."""
    return kept if time.monotonic() - kept.at < _CLAIM_SECONDS else claim(kept.id, kept.reviewer)


def review(kept: Claim, verdict: str, note: str | None) -> None:
    """Add a verdict to a transaction that is kept for its reviewer."""
    kept = renewed(kept)
    body = {"verdict": verdict, "note": note, "reviewer": kept.reviewer}
    _send("POST", f"/transactions/{kept.id}/review", body)


def allow(client: str, merchant: str, until: datetime, reviewer: str, note: str | None) -> None:
    """Find a merchant to be fine for a client until a time, which has a zone."""
    path = f"/clients/{_segment(client)}/exceptions/{_segment(merchant)}"
    _send("PUT", path, {"until": until.isoformat(), "reviewer": reviewer, "note": note})


def disallow(client: str, merchant: str) -> None:
    """Withdraw an exception; raises UnknownError where there is none any more."""
    _send("DELETE", f"/clients/{_segment(client)}/exceptions/{_segment(merchant)}")


def put_on_list(name: str, kind: str, value: str, until: datetime, owner: str, reason: str) -> None:
    """Put a value on a list until a time, which has a zone."""
    body = {"until": until.isoformat(), "owner": owner, "reason": reason}
    _send("PUT", f"/lists/{name}/{kind}/{_segment(value)}", body)


def take_off_list(name: str, kind: str, value: str) -> None:
    """Take a value off a list; raises UnknownError where it isn't on it any more."""
    _send("DELETE", f"/lists/{name}/{kind}/{_segment(value)}")


def _segment(name: str) -> str:
    """A name within a path: its slashes and dots would else be taken for the path's own."""
    return quote(name, safe="").replace(".", "%2E")


def literal(text: str) -> str:
    """Somebody's words within a sentence: no markup, and no picture of a stranger's, is made of them."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


@st.cache_resource(on_release=httpx.Client.close)
def _client() -> httpx.Client:
    """One for all sessions: connections stay open, and making one anew takes longer than a claim."""
    return httpx.Client(timeout=_SECONDS)


def _key() -> str:
    own = str(st.session_state.get(KEY) or "").strip()
    common = stores.settings().api_key
    return own or (common.get_secret_value() if common else "")


def _send(method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    url, key = stores.settings().api_url.rstrip("/"), _key()
    # A header takes no other characters, and no key has them.
    if not key.isascii():
        raise ScorerError(_UNKNOWN_KEY)
    try:
        answer = _client().request(method, url + path, json=body, headers={"X-API-Key": key} if key else {})
    except httpx.TimeoutException as error:
        raise ScorerError(
            f"The scorer at {literal(url)} didn't answer within {_SECONDS:.0f} seconds. Try again."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ScorerError(
            f"There is no scorer at {literal(url)}. Start it (`make api`), or let TX_API_URL of the dashboard "
            "name it; then try again."
        ) from error
    if not answer.is_success:
        raise _refused(answer, url, key)


_UNKNOWN_KEY = (
    "The scorer doesn't know this key. Type yours in the sidebar; `fraudstack key NAME --scopes review` makes one."
)


def _refused(answer: httpx.Response, url: str, key: str) -> ScorerError:
    detail = literal(_detail(answer))
    again = answer.headers.get("Retry-After", "")
    when = f"in {again} second{'' if again == '1' else 's'}" if again.isdigit() else "in a moment"
    match answer.status_code:
        case 401 if key:
            return ScorerError(_UNKNOWN_KEY)
        case 401:
            return ScorerError(
                "The scorer asks for a key. Type yours in the sidebar, or set TX_API_KEY for the dashboard."
            )
        case 403:
            return ScorerError(
                "This key may not review. Type one with the scope review in the sidebar; "
                "`fraudstack key NAME --scopes review` makes one."
            )
        case 404:
            return UnknownError(
                f"The scorer at {literal(url)} doesn't know this transaction. "
                "Check that it serves the store that this dashboard reads."
            )
        case 409:
            return TakenError(f"Taken: {detail}.")
        case 422:
            return ScorerError(f"The scorer can't take this: {detail}. Mend it and try again.")
        case 429:
            return ScorerError(f"This key has asked too often. Nothing was written: try again {when}.")
        case 503:
            return ScorerError(f"The scorer is busy. Nothing was written: try again {when}.")
    return ScorerError(f"The scorer failed with status {answer.status_code}: {detail}. Its log says why; try again.")


def _detail(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = None
    detail = said.get("detail") if isinstance(said, dict) else None
    return detail.rstrip(".") if isinstance(detail, str) else answer.reason_phrase
