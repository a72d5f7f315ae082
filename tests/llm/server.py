"""A real server on 127.0.0.1 that speaks enough of OpenAI's protocol, well or badly."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = {"Content-Type": "application/json"}
_PATIENCE = 5.0


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def messages(self) -> dict[str, str]:
        """What was said, by role."""
        return {message["role"]: message["content"] for message in json.loads(self.body)["messages"]}


@dataclass
class Server:
    """What it was asked, and how it is to behave; it answers an everyday purchase until told otherwise."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    reply: "Reply" = field(default_factory=lambda: sends(answer(0.1, "an everyday purchase")))
    # Set as soon as a request arrived; whoever waits for `release` answers then.
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    told: Server

    def do_POST(self) -> None:
        """Take a question down, and reply as told."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told.seen.append(Seen(self.path, headers, body))
        self.told.arrived.set()
        # Whoever asked may have gone away.
        with suppress(OSError):
            self.told.reply(self)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests say what they see."""


Reply = Callable[[Handler], None]


def completion(
    content: str | None, *, tokens: int | None = 100, finish: str = "stop", refusal: str | None = None
) -> bytes:
    """A chat completion with this content."""
    said: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
    }
    if tokens is not None:
        said["usage"] = {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}
    return json.dumps(said).encode()


def answer(suspicion: float, reason: str, *, tokens: int | None = 100) -> bytes:
    """A chat completion that answers as asked."""
    return completion(json.dumps({"suspicion": suspicion, "reason": reason}), tokens=tokens)


def sends(body: bytes, status: int = 200, headers: Mapping[str, str] = JSON, length: int | None = None) -> Reply:
    """A reply with this body; `length` is what it says of the body's length."""

    def reply(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        if length is not None:
            handler.close_connection = True

    return reply


def sends_bytes(reply: bytes) -> Reply:
    """Exactly these bytes, then the end of the connection."""

    def send(handler: Handler) -> None:
        handler.wfile.write(reply)
        handler.close_connection = True

    return send


def fails(status: int, code: str | None = None) -> Reply:
    """An error as OpenAI words it, which tells the key and repeats the text."""
    said = "Incorrect API key provided: sk-secret. Your text was: WIRE TO ANNA"
    return sends(json.dumps({"error": {"message": said, "type": "x", "param": None, "code": code}}).encode(), status)


def held(then: Reply) -> Reply:
    """The reply, once the test releases it or its patience ends."""

    def reply(handler: Handler) -> None:
        handler.told.release.wait(_PATIENCE)
        then(handler)

    return reply


def trickles(handler: Handler) -> None:
    """One byte of a body after the other, so that no single read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        if handler.told.release.wait(0.025):
            return


def drops(handler: Handler) -> None:
    """No reply: the connection ends."""
    handler.close_connection = True


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as it is needed."""
    told = Server()
    handler = type("Told", (Handler,), {"told": told})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        told.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            told.release.set()
            http.shutdown()
            thread.join()
