"""The one place that knows numba: how a function over arrays becomes machine code, and where that is kept.

Three decorators, all for functions over numpy arrays and numbers. `kernel` is for those that Python calls:
compiled at the first call, then kept on disk. `part` is for those that only kernels call. Neither may make an
array: then nothing in them needs to count references, which numba does with an atomic instruction wherever
an array is taken out of a tuple, and which took three quarters of the time of a loop over a batch.
`array_kernel` is for the few that do make one.

numba looks at the age of a kernel's own file alone and would keep using code whose parts have changed since,
after an upgrade for instance. So the cache's folder is named after a digest of the whole package of the
kernel, and of this file. `NUMBA_CACHE_DIR` says where these folders are made, the user's cache directory
else. What an image brings there and nobody may write (a read-only root) is copied to where numba may: it asks
to write even where it will only read. Where nothing can be written, kernels are compiled anew in every
process.
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import platformdirs

Function = TypeVar("Function", bound=Callable[..., object])

_OPTIONS = {"nogil": True, "error_model": "numpy"}
_NO_ARRAYS = {"_nrt": False}  # without numba's runtime, which counts references
_config: Any = numba.config  # its published types lack these settings and options
_njit: Any = numba.njit
_ROOT = Path(_config.CACHE_DIR or platformdirs.user_cache_path("fraudstream") / "kernels")


def kernel(function: Function) -> Function:
    """Compile a function that Python calls and that makes no arrays; its code is kept on disk."""
    return _kept(function, _NO_ARRAYS)


def array_kernel(function: Function) -> Function:
    """Compile a function that Python calls and that makes arrays; its code is kept on disk."""
    return _kept(function, {})


def part(function: Function) -> Function:
    """Compile a function that only kernels call; it becomes part of their code."""
    options = _OPTIONS | _NO_ARRAYS | {"forceinline": True}
    return cast("Function", _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function))


def _kept(function: Function, options: dict[str, bool]) -> Function:
    folder = cache_folder(Path(sys.modules[function.__module__].__file__ or "").parent)
    if folder is None:
        return cast("Function", _njit(**_OPTIONS, **options)(function))
    _config.CACHE_DIR = str(folder)
    return cast("Function", _njit(cache=True, **_OPTIONS, **options)(function))


@cache
def cache_folder(package: Path) -> Path | None:
    """Where the code of a package's kernels is kept, for numba to read and write; None where it can't be."""
    digest = hashlib.sha256()
    for source in [Path(__file__), *sorted(package.glob("*.py"))]:
        digest.update(source.read_bytes())
    folder = _ROOT / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) else _copied(folder)
    except OSError:
        return None


def _copied(folder: Path) -> Path:
    """A copy for this process alone, gone with it."""
    copy = Path(tempfile.mkdtemp(prefix="fraudstream-kernels-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    return Path(shutil.copytree(folder, copy, dirs_exist_ok=True))
