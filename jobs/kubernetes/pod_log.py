"""What a pod's container says, told line by line as it comes, each line once."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

from aiohttp import ClientError, ClientResponse
from kubernetes_asyncio import client
from kubernetes_asyncio.client.exceptions import ApiException

Say = Callable[[str], None]

# A container that says nothing for so long is looked at.
_PATIENCE_SECONDS = 30.0


class PodLog:
    """The log of one container after the other, each from the last line of it that was told."""

    def __init__(self, api: client.ApiClient, namespace: str, container: str, say: Say) -> None:
        self._core, self._namespace, self._container, self._say = client.CoreV1Api(api), namespace, container, say
        # The time of the last line that was told, as the cluster writes it.
        self._told = "1970-01-01T00:00:00Z"

    async def follow(self, pod: str) -> None:
        """Tell what is new until the container ends, or says nothing for a while."""
        # A container that is silent or a connection that broke: the pod is looked at, and it is asked again.
        with suppress(ClientError, TimeoutError):
            asked = self._core.read_namespaced_pod_log(
                pod,
                self._namespace,
                container=self._container,
                follow=True,
                timestamps=True,
                # From a second before, for whole seconds are asked for: what is known is left out.
                since_seconds=_since(self._told),
                _preload_content=False,
                _request_timeout=(_PATIENCE_SECONDS, _PATIENCE_SECONDS),
            )
            async with cast("ClientResponse", await asked) as answer:
                # It isn't there yet, not started yet, or gone.
                if answer.status in (400, 404):
                    return
                if answer.status != 200:
                    raise ApiException(status=answer.status, reason=answer.reason)
                pending = b""
                async for chunk in answer.content.iter_any():
                    *lines, pending = (pending + chunk).split(b"\n")
                    for line in lines:
                        self._tell(line.decode(errors="replace"))

    def _tell(self, line: str) -> None:
        moment, _, said = line.partition(" ")
        if moment > self._told:
            self._told = moment
            self._say(said.rstrip())


def _since(moment: str) -> int:
    """Whole seconds from before a moment, as the cluster writes it, until now."""
    passed = datetime.now(UTC) - datetime.fromisoformat(moment)
    return max(1, math.ceil(passed.total_seconds()) + 1)
