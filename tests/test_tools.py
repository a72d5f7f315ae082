"""What `make test` brings before the first test, on machines that have this and lack that."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What any machine has.
PLAIN = ("bash", "cat", "cmp", "cp", "dirname", "env", "grep", "head", "install", "ln", "mkdir", "rm", "sed", "touch")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout in `here` whose uv reaches nothing, on a machine with the programs of `bin` alone."""
    for folder in ("scripts", "locks"):
        shutil.copytree(ROOT / folder, tmp_path / "here" / folder)
    for name in PLAIN:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    for name in ("uv", "python"):
        program(tmp_path / "here" / ".venv" / "bin" / name, "exit 1")
    return tmp_path


def program(path: Path, does: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{does}\n")
    path.chmod(0o755)


def tools(machine: Path, kind: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(machine / "bin"), "HOME": str(machine)}
    command = [str(machine / "here" / "scripts" / "tools"), kind]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_all_that_is_missing_is_said_in_one_sentence(machine: Path) -> None:
    done = tools(machine, "test")
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    for missing in ("Java 17 or 21", "helm 3", "helm 4", "kubeconform", "kube-score", "checkov", "toxiproxy", "Chrom"):
        assert missing in sentence
    [sentence] = tools(machine, "lint").stderr.splitlines()
    assert "shellcheck" in sentence
    assert "Java" not in sentence


def test_what_the_machine_has_is_taken_if_it_is_fit(machine: Path) -> None:
    program(machine / "bin" / "helm", "echo v4.1.0")
    program(machine / "bin" / "java", "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2")
    # Ubuntu's package of that name only tells where to get it.
    program(machine / "bin" / "chromium-browser", "exit 1")
    program(machine / "bin" / "google-chrome", "echo Google Chrome 150")
    sentence = tools(machine, "test").stderr
    assert "helm 3" in sentence
    for found in ("helm 4", "Java", "Chrome"):
        assert found not in sentence.partition(": ")[2]
    bin = machine / "here" / ".tools" / "bin"
    assert (bin / "helm4").readlink() == machine / "bin" / "helm"
    assert (bin / "chromium").readlink() == machine / "bin" / "google-chrome"


def test_without_a_browser_playwright_brings_its_own(machine: Path) -> None:
    browser = machine / "ms-playwright" / "chrome"
    program(browser, "echo Google Chrome for Testing 159")
    program(
        machine / "here" / ".venv" / "bin" / "python",
        f'[[ $* == "-m playwright install chromium" ]] || echo {browser}',
    )
    assert "Chrom" not in tools(machine, "test").stderr
    assert (machine / "here" / ".tools" / "bin" / "chromium").readlink() == browser


def test_go_builds_what_the_machine_lacks_and_a_module_has_its_digest(machine: Path) -> None:
    crd = "config/crd/bases/sparkoperator.k8s.io_sparkapplications.yaml"
    (machine / "module" / crd).parent.mkdir(parents=True)
    (machine / "module" / crd).write_text("the definition")
    [digest] = re.findall(r"spark-operator/v2@\S+ (h1:\S+=)", (ROOT / "scripts" / "tools").read_text())
    answer = '\t"Dir": "{}",\n\t"Sum": "{}",'
    go = """case "$*" in
        *"list -m") echo the module of the lock ;;
        *build*) args=$*; out=${args#*-o }; echo built >"${out%% *}"; /bin/chmod +x "${out%% *}" ;;
        *) echo '"""
    program(machine / "bin" / "go", go + answer.format(machine / "module", "h1:another=") + "' ;;\nesac")
    sentence = tools(machine, "test").stderr
    assert "Spark operator" in sentence
    assert "helm" not in sentence
    program(machine / "bin" / "go", go + answer.format(machine / "module", digest) + "' ;;\nesac")
    assert "Spark operator" not in tools(machine, "test").stderr
    assert (machine / "here" / ".tools" / "sparkapplications.yaml").read_text() == "the definition"


def test_a_java_that_spark_does_not_run_on_is_named(machine: Path) -> None:
    program(machine / "bin" / "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    assert "Java 17 or 21 (found: 11" in tools(machine, "test").stderr


def test_what_a_machine_lacks_for_the_rest_is_said_together(machine: Path) -> None:
    program(machine / "bin" / "python3", "exit 1")
    command = [str(machine / "here" / "scripts" / "check-machine")]
    env = {"PATH": str(machine / "bin")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    [sentence] = done.stderr.splitlines()
    assert "Python 3.12 or later" in sentence
    assert "Java 17 or 21" in sentence
    assert not done.stdout
