"""Machine code that every detector needs, made once before the first of them starts.

After a change, or in a new clone, each detector would compile the same, in every worker of pytest-xdist at
once, which takes longer than tests have patience.
"""

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path

from tests.support import forked

LOCK = Path(tempfile.gettempdir()) / "fraudstream-tests-compile.lock"
PATIENCE_S = 280.0


@cache
def compiled() -> None:
    """Compile what is not compiled yet, or wait for the worker that does."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = forked.ended("fraud_detector.precompile", environment=os.environ, timeout_s=PATIENCE_S)
    assert done.returncode == 0, done.stderr
