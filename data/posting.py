"""A scorer as a caller reaches it: what it can't take now is sent again."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from fraudstack.errors import InputError, StoreError

_TRIES, _PAUSE_SECONDS = 5, 1.0
# Others say that the caller, and not what is sent, is refused.
_OF_WHAT_IS_SENT = (400, 409, 413, 422)


class Refused(Exception):  # noqa: N818 - what the scorer says of one thing
    """Why the scorer doesn't take what was sent."""


@dataclass(frozen=True)
class Scorer:
    """Where a scorer is, and the key for it."""

    url: str
    key: str | None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer; raises Refused, InputError where the caller is refused, StoreError where no scorer answers."""
        return self._sent("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a PUT; raises as `post` does."""
        return self._sent("PUT", path, body)

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.url.rstrip('/')}{path}"
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": self.key} if self.key else {})
        # The user's own address.
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)  # noqa: S310
        for _ in range(_TRIES):
            try:
                with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                    answer: dict[str, Any] = json.loads(response.read() or b"{}")
                    return answer
            except urllib.error.HTTPError as error:
                if error.code in (429, 503):
                    # Nothing was written: the same again is safe.
                    time.sleep(float(error.headers.get("Retry-After", _PAUSE_SECONDS)))
                    continue
                said = json.loads(error.read() or b"{}").get("detail", error.reason)
                if error.code in _OF_WHAT_IS_SENT:
                    raise Refused(said) from error
                raise InputError(f"the scorer at {url} takes nothing of this caller: {said}") from error
            except OSError as error:
                raise StoreError(f"there is no scorer at {url}: {error}") from error
        raise StoreError(f"the scorer at {url} is overloaded")
