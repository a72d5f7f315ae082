"""A cluster, as far as a job sees of one: an HTTP server that keeps what is made, and drivers that talk and end."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

APPLICATIONS = "/apis/sparkoperator.k8s.io/v1beta2/namespaces/ns/sparkapplications"
PLAIN = "/apis/batch/v1/namespaces/ns/jobs"
_PODS = "/api/v1/namespaces/ns/pods"
SUMMARY = {"step": "clean", "rows_in": 5, "idle": False}
MANIFESTS: list[dict[str, Any]] = [
    {
        "kind": "SparkApplication",
        "metadata": {"name": "fraudstack", "namespace": "ns"},
        "spec": {"driver": {"template": {"spec": {"containers": [{"name": "spark-kubernetes-driver"}]}}}},
    },
    {
        "kind": "Job",
        "metadata": {"name": "fraudstack", "namespace": "ns"},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "TX_X", "value": "1"}]}]}}},
    },
]


@dataclass
class Cluster:
    """What its drivers say and how they end, and what it was asked."""

    # Lines of each driver's log, of which a request gets so many before its connection ends.
    lines: list[str] = field(default_factory=list)
    a_request: int = 1_000
    code: int = 0
    word: str = json.dumps(SUMMARY)
    # Of some jobs another one.
    words: dict[str, str] = field(default_factory=dict)
    # Jobs whose drivers work on when they have said everything.
    held: set[str] = field(default_factory=set)
    # Nobody takes up what is made.
    deserted: bool = False
    asked: list[str] = field(default_factory=list)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)

    def deletions(self) -> int:
        """How often it was asked to delete something."""
        return sum(asked.startswith("DELETE") for asked in self.asked)

    def settings(self, name: str) -> dict[str, str]:
        """The settings that an application, or a Job, was given."""
        spec = self.made[name]["spec"]
        container = spec.get("driver", spec)["template"]["spec"]["containers"][0]
        return {variable["name"]: variable["value"] for variable in container["env"]}

    def works_on(self, name: str) -> bool:
        """Whether an application is one of those that don't end."""
        found = self.made.get(name)
        return found is not None and _job(found) in self.held

    def of(self, job: str) -> list[str]:
        """The job's applications."""
        return [name for name, one in self.made.items() if _job(one) == job]

    def pod(self, name: str) -> dict[str, Any]:
        """What runs the job: an application's driver, or a Job's pod."""
        reason = "Error" if self.code else "Completed"
        word = self.words.get(_job(self.made[name]), self.word)
        ended = {"terminated": {"exitCode": self.code, "reason": reason, "message": word}}
        state = ended if name in self.ended else {"running": {}}
        status = {"name": "main", "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": state}
        return {
            "metadata": {"name": f"{name}-driver", "labels": {}},
            "status": {"containerStatuses": [status]},
        }

    def application(self, name: str) -> dict[str, Any]:
        """An application or a Job, as its operator says that it is."""
        if self.deserted:
            return self.made[name]
        if self.made[name]["kind"] == "Job":
            kind = "Failed" if self.code else "Complete"
            ended = [{"type": kind, "status": "True", "message": "it reached its limit"}] if name in self.ended else []
            return self.made[name] | {"status": {"conditions": ended}}
        state = "RUNNING" if name not in self.ended else "FAILED" if self.code else "COMPLETED"
        status = {"applicationState": {"state": state}, "driverInfo": {"podName": f"{name}-driver"}}
        return self.made[name] | {"status": status}

    def answer(self, method: str, url: str, body: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        place, selector = urlsplit(url).path, parse_qs(urlsplit(url).query).get("labelSelector", [""])[0]
        name = place.rpartition("/")[2].removesuffix("-driver")
        if place == _PODS:
            of = [] if self.deserted else [name for name in self.made if name == selector.partition("=")[2]]
            return 200, {"items": [self.pod(name) for name in of]}
        if place in (APPLICATIONS, PLAIN) and method == "GET":
            return 200, {"items": [self.application(name) for name in self.made if self._is(name, selector)]}
        if method == "POST":
            created = {"creationTimestamp": f"2026-11-28T10:00:{len(self.asked) % 60:02}Z"}
            self.made[body["metadata"]["name"]] = body | {"metadata": body["metadata"] | created}
            return 201, body
        if name not in self.made:
            return 404, {}
        if method == "DELETE":
            del self.made[name]
            self.ended.discard(name)
            self.told.pop(name, None)
            return 200, {}
        if method == "PATCH":
            self.made[name]["metadata"]["labels"] |= {"fraudstack.io/seen": body[0]["value"]}
        return 200, self.pod(name) if place.startswith(_PODS) else self.application(name)

    def _is(self, name: str, selector: str) -> bool:
        labels = self.made[name]["metadata"]["labels"]
        wanted = [one.split("=") for one in selector.split(",") if "=" in one]
        return "fraudstack.io/seen" not in labels and all(labels.get(key) == value for key, value in wanted)


def _job(made: dict[str, Any]) -> str:
    """The job that something in the cluster runs."""
    job: str = made["metadata"]["labels"]["fraudstack.io/job"]
    return job


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            cluster.asked.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if found := re.search(r"/([^/]+)-driver/log\?.*sinceSeconds=(\d+)", self.path):
                # Whoever was stopped hears no more.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self._log(found[1], int(found[2]))
                return
            status, answer = cluster.answer(self.command, self.path, json.loads(body or "{}"))
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _log(self, name: str, since: int) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            # The last second is told again, as by a cluster that counts whole seconds.
            told = 0 if since > 10**8 else max(0, cluster.told.get(name, 0) - 1)
            for number in range(told, min(len(cluster.lines), told + cluster.a_request)):
                line = f"2026-11-28T10:00:{number:02}.000000001Z {cluster.lines[number]}\n".encode()
                # In two pieces, as it comes over a network.
                for piece in (line[:9], line[9:]):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                cluster.told[name] = number + 1
                time.sleep(0.05)
            if cluster.told.get(name, 0) >= len(cluster.lines):
                while cluster.works_on(name):
                    time.sleep(0.05)
                cluster.ended.add(name)
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - as the library calls them

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving(cluster: Cluster, config: Path) -> Iterator[None]:
    """Let it answer; how it is reached stands in the file `config`, as kubectl has it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    reached = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    config.write_text(json.dumps(reached))
    try:
        yield
    finally:
        cluster.held.clear()
        server.shutdown()
        server.server_close()
