"""Where machine code is kept, and that there is some where it can't be."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from fraud_core import kernels

HASH_SOMETHING = """
import polars as pl
from fraud_core.features.strings import hashes, text_of
print(len(set(hashes(text_of(pl.Series(["a", "b", "a"])), 0).tolist())))
"""


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same() -> None:
    nowhere = os.environ | {"NUMBA_CACHE_DIR": os.devnull + "/none"}

    done = subprocess.run(
        [sys.executable, "-c", HASH_SOMETHING], env=nowhere, check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


def test_a_cache_that_may_only_be_read_is_copied_to_where_numba_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, installed = tmp_path / "built", tmp_path / "installed"
    for package in (built, installed):
        package.mkdir()
        (package / "module.py").write_text("the same in both")
    monkeypatch.setattr(kernels, "_ROOT", tmp_path / "image")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = kernels.cache_folder(built)
    assert kept is not None
    assert kept.parent == tmp_path / "image"
    (kept / "code.nbc").write_bytes(b"machine code")
    monkeypatch.setattr("os.access", lambda *_: False)

    copy = kernels.cache_folder(installed)

    assert copy is not None
    assert copy.parent == tmp_path
    assert (copy / "code.nbc").read_bytes() == b"machine code"


def test_a_kernel_that_makes_an_array_is_refused_as_it_counts_no_references() -> None:
    def zeros(count: int) -> np.ndarray[Any, Any]:
        return np.zeros(count)

    with pytest.raises(numba.TypingError):
        kernels.kernel(zeros)(3)


def test_an_array_kernel_may_make_arrays() -> None:
    def ones(count: int) -> np.ndarray[Any, Any]:
        return np.ones(count)

    assert kernels.array_kernel(ones)(3).tolist() == [1.0, 1.0, 1.0]
