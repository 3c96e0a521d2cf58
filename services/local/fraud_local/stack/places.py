"""Where the stack keeps what it downloads, and what it stores."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "FRAUD_CACHE_DIR"
DATA_VARIABLE = "FRAUD_DATA_DIR"


@dataclass(frozen=True)
class ServerPlaces:
    """Where one server finds its jars and its start-up cache, and keeps its data and its log."""

    jars: Path
    aot: Path
    home: Path
    log: Path


def cache_dir() -> Path:
    """Directory of downloads and of what is computed from them; safe to delete when nothing runs."""
    chosen = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("fraudstream")
    return Path(chosen).expanduser().resolve() / "stack"


def default_data_dir() -> Path:
    """Directory of topics and schemas where none is named."""
    chosen = os.environ.get(DATA_VARIABLE) or platformdirs.user_data_dir("fraudstream")
    return Path(chosen).expanduser().resolve() / "stack"
