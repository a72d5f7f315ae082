"""What runs in an image finds there whatever it imports."""

import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]
# Of modules whose packages all lie outside a lock nothing is found.
_IMPORT = """
import importlib, re, sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
lock, *modules = sys.argv[1:]
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
locked = {plain(found) for found in re.findall(r"^([A-Za-z0-9._-]+)==", open(lock).read(), re.M)}
lacking = {module for module, of in packages_distributions().items() if not locked & set(map(plain, of))}
lacking -= {"fraudstack", "api", "cli", "jobs", "dashboard", "data", "dags", "tests"} | set(sys.stdlib_module_names)
class Nothing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in lacking:
            raise ModuleNotFoundError(f"{name} isn't in {lock}", name=name)
sys.meta_path.insert(0, Nothing())
for module in modules:
    importlib.import_module(module)
"""
_RUN = {
    # With the commands that docs/ runs in the scorer's pod.
    "api": ["api.main", "cli.main"]
    + [f"fraudstack.storage.{name}" for name in ("backup", "removal.forget", "upgrade", "verify.store")],
    "jobs": [f"jobs.{name}" for name in ("clean", "follow", "decide", "watch", "verify", "train", "promote")],
    "dashboard": [f"dashboard.{name}" for name in ("queries_overview", "queries_review", "case", "queries_model")],
}


@pytest.mark.slow
@pytest.mark.parametrize("image", _RUN)
def test_it_has_what_its_programs_import(image: str) -> None:
    command = [sys.executable, "-c", _IMPORT, f"locks/{image}.txt", *_RUN[image]]
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
