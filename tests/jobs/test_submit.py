"""A job in a cluster, an HTTP server here, followed to its end: what its driver says, once, and its last word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes_asyncio.config import kube_config

from fraudstack.errors import InputError, MachineError
from jobs.kubernetes import submit
from tests.jobs.kubernetes_server import MANIFESTS, PLAIN, SUMMARY, Cluster, serving


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    found = Cluster(lines=[f"clean: {number} of 12" for number in range(12)])
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    monkeypatch.setattr(submit, "_POLL_SECONDS", 0.05)
    with serving(found, tmp_path / "config"):
        yield found


def run(said: list[str]) -> dict[str, object]:
    return submit.run(MANIFESTS, "clean", "run", 1, {}, said.append)


def test_a_driver_that_talks_is_heard_however_long_and_its_last_word_is_the_result(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It talks for longer than an operator may be silent.
    monkeypatch.setattr(submit, "_SILENCE_SECONDS", 0.4)
    said: list[str] = []
    assert run(said) == SUMMARY
    assert said[1:] == cluster.lines
    assert cluster.deletions() == 0


def test_each_line_is_told_once_over_connections_that_break(cluster: Cluster) -> None:
    cluster.a_request = 5
    said: list[str] = []
    assert run(said) == SUMMARY
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
        submit.run(MANIFESTS, "clean", "run", 1, {}, say)
    after = cluster.asked[cluster.asked.index("stopped") :]
    assert any(asked.startswith("DELETE") for asked in after) is not stays


def test_an_operator_that_says_nothing_is_missing_and_nothing_is_left(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "_SILENCE_SECONDS", 0.4)
    cluster.deserted = True
    with pytest.raises(MachineError, match="clean: no Spark operator answers in this cluster"):
        run([])
    assert not cluster.made


def test_the_next_try_follows_what_an_earlier_one_left_and_one_whose_end_was_seen_is_made_anew(
    cluster: Cluster,
) -> None:
    def leave(line: str) -> None:
        if line == "clean: 3 of 12":
            raise RuntimeError

    with pytest.raises(RuntimeError):
        submit.run(MANIFESTS, "clean", "run", 1, {}, leave)
    left, said = set(cluster.made), list[str]()
    assert submit.run(MANIFESTS, "clean", "run", 2, {}, said.append) == SUMMARY
    assert set(cluster.made) == left
    assert "of an earlier try is still there, following it" in said[0]
    assert said[1:] == cluster.lines
    assert submit.run(MANIFESTS, "clean", "run", 2, {}, said.append) == SUMMARY
    assert len(cluster.made) == 2


def test_what_somebody_deleted_is_said(cluster: Cluster) -> None:
    def deleted(_: str) -> None:
        cluster.made.clear()

    with pytest.raises(submit.JobFailedError, match="clean: somebody deleted the SparkApplication fraudstack-clean-"):
        submit.run(MANIFESTS, "clean", "run", 1, {}, deleted)


def test_what_needs_no_spark_is_a_plain_pods(cluster: Cluster) -> None:
    said: list[str] = []
    assert submit.run(MANIFESTS, "follow", "run", 1, {"TX_X": "2", "TX_Y": None}, said.append) == SUMMARY
    assert said[1:] == cluster.lines
    [made] = cluster.made.values()
    assert made["kind"] == "Job"
    [container] = made["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["follow", "--run-id=run"]
    assert container["env"] == [{"name": "TX_X", "value": "2"}]
    assert any(asked.startswith(f"POST {PLAIN}") for asked in cluster.asked)
    # Its end was seen.
    assert made["metadata"]["labels"]["fraudstack.io/seen"] == "true"


def test_a_plain_pod_that_refuses_or_dies_says_so(cluster: Cluster) -> None:
    cluster.code, cluster.word = 3, "follow: there is no file"
    with pytest.raises(InputError, match="follow: there is no file"):
        submit.run(MANIFESTS, "follow", "refused", 1, {}, lambda _: None)
    cluster.code, cluster.word = 137, ""
    with pytest.raises(submit.JobFailedError, match="follow: it reached its limit; its pod ended: exit code 137"):
        submit.run(MANIFESTS, "follow", "died", 1, {}, lambda _: None)


def test_a_plain_pod_that_never_comes_is_given_up(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "_SILENCE_SECONDS", 0.4)
    cluster.deserted = True
    with pytest.raises(submit.JobFailedError, match=r"follow: no pod of the Job fraudstack-follow-.* came to be"):
        submit.run(MANIFESTS, "follow", "run", 1, {}, lambda _: None)
    assert not cluster.made


def test_a_manifest_that_knows_no_plain_pods_runs_everything_in_spark(cluster: Cluster) -> None:
    submit.run(MANIFESTS[:1], "follow", "run", 1, {}, lambda _: None)
    assert [made["kind"] for made in cluster.made.values()] == ["SparkApplication"]
