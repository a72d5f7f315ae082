"""A job in a cluster, an HTTP server here, followed to its end: what its driver says, once, and its last word."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from fraudstack.errors import InputError
from jobs import submit

_APPLICATIONS = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/ns/sparkapplications"
_PODS = "/api/v1/namespaces/ns/pods"
_SUMMARY = {"step": "clean", "rows_in": 5, "idle": False}
_MANIFEST: dict[str, Any] = {
    "metadata": {"name": "fraudstack", "namespace": "ns"},
    "spec": {"driver": {"template": {"spec": {"containers": [{"name": "spark-kubernetes-driver"}]}}}},
}


@dataclass
class Cluster:
    """What the server answers, and what it was asked."""

    state: str = "RUNNING"
    # Lines of the driver's log, of which a request gets so many before its connection ends.
    lines: list[str] = field(default_factory=list)
    a_request: int = 1_000
    code: int = 0
    word: str = json.dumps(_SUMMARY)
    asked: list[str] = field(default_factory=list)
    deleted: bool = False

    def driver(self) -> dict[str, Any]:
        ended = {
            "terminated": {"exitCode": self.code, "reason": "Error" if self.code else "Completed", "message": self.word}
        }
        return {
            "metadata": {"name": "driver", "labels": {"spark-role": "driver"}},
            "status": {
                "containerStatuses": [
                    {"name": "main", "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": ended}
                ]
            },
        }

    def answer(self, method: str, path: str) -> dict[str, Any]:
        place = path.partition("?")[0]
        if place == _APPLICATIONS:
            return {"items": []} if method == "GET" else {}
        if place == _PODS:
            return {"items": [self.driver()]}
        if place.startswith(_PODS):
            return self.driver()
        return {"status": {"applicationState": {"state": self.state}, "driverInfo": {"podName": "driver"}}}


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            cluster.asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "/log?" in self.path:
                # Whoever was stopped hears no more.
                with suppress(BrokenPipeError):
                    self._log()
                return
            body = json.dumps(cluster.answer(self.command, self.path)).encode()
            self.send_response(404 if cluster.deleted else 200)
            cluster.deleted |= self.command == "DELETE"
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _log(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            told = sum("/log?" in one for one in cluster.asked) - 1
            # The last second is told again, as by a cluster that counts whole seconds.
            for number in range(
                max(0, told * cluster.a_request - 1), min(len(cluster.lines), (told + 1) * cluster.a_request)
            ):
                line = f"2026-11-28T10:00:{number:02}.000000001Z {cluster.lines[number]}\n".encode()
                # In two pieces, as it comes over a network.
                for piece in (line[:9], line[9:]):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                time.sleep(0.1)
            if (told + 1) * cluster.a_request >= len(cluster.lines):
                cluster.state = "FAILED" if cluster.code else "COMPLETED"
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - as the library calls them

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    found = Cluster(lines=[f"clean: {number} of 12" for number in range(12)])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    monkeypatch.setattr(submit, "_POLL_SECONDS", 0.05)
    yield found
    server.shutdown()
    server.server_close()


def run(said: list[str]) -> dict[str, object]:
    return submit.run(_MANIFEST, "clean", "run", 1, {}, said.append)


def test_a_driver_that_talks_is_heard_however_long_and_its_last_word_is_the_result(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It talks for longer than an operator may be silent.
    monkeypatch.setattr(submit, "_SILENCE_SECONDS", 0.4)
    said: list[str] = []
    assert run(said) == _SUMMARY
    assert said[1:] == cluster.lines
    assert not any(asked.startswith("DELETE") for asked in cluster.asked)


def test_each_line_is_told_once_over_connections_that_break(cluster: Cluster) -> None:
    cluster.a_request = 5
    said: list[str] = []
    assert run(said) == _SUMMARY
    assert said[1:] == cluster.lines
    assert sum("/log?" in asked for asked in cluster.asked) >= 3


def test_what_a_job_refuses_is_its_last_word(cluster: Cluster) -> None:
    cluster.code, cluster.word = 3, "clean: there is no file"
    with pytest.raises(InputError, match="clean: there is no file"):
        run([])


def test_a_driver_without_a_last_word_is_no_success(cluster: Cluster) -> None:
    cluster.word = ""
    with pytest.raises(submit.JobFailedError, match="completed, but its driver is gone"):
        run([])


@pytest.mark.parametrize(("stopped", "stays"), [(RuntimeError, True), (KeyboardInterrupt, False)])
def test_a_worker_that_goes_leaves_the_application_and_ctrl_c_ends_it(
    cluster: Cluster, stopped: type[BaseException], stays: bool
) -> None:
    def say(line: str) -> None:
        if line == "clean: 3 of 12":
            cluster.asked.append("stopped")
            raise stopped

    with pytest.raises(stopped):
        submit.run(_MANIFEST, "clean", "run", 1, {}, say)
    after = cluster.asked[cluster.asked.index("stopped") :]
    assert any(asked.startswith("DELETE") for asked in after) is not stays
