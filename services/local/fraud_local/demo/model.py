"""The baseline model of the demo: trained once on a machine, then kept beside the downloads.

What trains it is imported only for that, as a warm start should not wait for scikit-learn.
"""

import hashlib
import json
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fraud_local.stack.places import cache_dir

POINTER = "bundle.json"
SOURCES = (
    "fraud_core.features",
    "fraud_core.models",
    "fraud_core.rules",
    "fraud_producer.simulator",
    "fraud_trainer",
    "fraud_local.baseline",
)
LIBRARIES = ("numpy", "scikit-learn", "joblib")

OnDay = Callable[[int], None]


@dataclass(frozen=True)
class Model:
    """Which bundle the detector gets.

    Attributes:
        url: address of the bundle.
        sha256: its digest.
        version: its identity.
    """

    url: str
    sha256: str
    version: str


def cached_baseline(on_day: OnDay = lambda _: None) -> Model:
    """The bundle for exactly this code and these libraries; trains it where there is none yet.

    Raises:
        UnavailableError: it can't be written.
    """
    return known_baseline() or _trained(_folder(), on_day)


def known_baseline() -> Model | None:
    """The bundle if it was trained before."""
    with suppress(OSError, ValueError, TypeError):
        found = Model(**json.loads((_folder() / POINTER).read_text(encoding="utf-8")))
        if Path(unquote(urlsplit(found.url).path)).is_dir():
            return found
    return None


def _trained(folder: Path, on_day: OnDay) -> Model:
    from fraud_core.rules import load_rules  # noqa: PLC0415 - see above
    from fraud_local.baseline import Baseline, train_baseline  # noqa: PLC0415 - see above

    published, _ = train_baseline(folder, Baseline(rules=load_rules()), on_day)
    model = Model(published.url, published.sha256, published.version)
    new = folder / f"{POINTER}.new"
    new.write_text(json.dumps(asdict(model)), encoding="utf-8")
    new.replace(folder / POINTER)
    return model


def _folder() -> Path:
    return cache_dir().parent / "models" / _identity()


def _identity() -> str:
    """A digest of all that the model depends on, so that an upgrade trains it anew."""
    digest = hashlib.sha256(platform.python_version().encode())
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for source in SOURCES:
        spec = find_spec(source)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            for part in sorted(Path(folder).rglob("*.py")):
                digest.update(part.read_bytes())
        if spec and spec.origin:
            digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:16]
