"""A folder for what Spark writes on its way, which doesn't outlive the job: not even one that was killed."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(staging: Path) -> Iterator[Path]:
    """A folder in `staging` for this job alone; what jobs left that are gone is removed first."""
    home = staging.absolute() / "spark"
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob("*.lock"):
        _remove_if_left(left)
    folder = home / uuid.uuid4().hex
    # Held as long as the process lives, and there before the folder is.
    held = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)
        os.close(held)


def _remove_if_left(lock: Path) -> None:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
