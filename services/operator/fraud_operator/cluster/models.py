"""FraudModels as the API server has them."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from fraud_operator.api import FraudModelSpec, FraudModelStatus
from fraud_operator.api.base import Part, moment
from fraud_operator.names import API_VERSION, KIND
from fraud_operator.planning import Model
from fraud_operator.planning.versions import MOST_TEXT
from fraud_operator.planning.world import Event

Document = dict[str, Any]
INVALID = "InvalidSpec"
PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True)
class Found:
    """A FraudModel as it was read.

    Attributes:
        document: as the server has it.
        model: what it says.
        ignored: paths of fields that only a newer operator knows; what they ask for is not done.
    """

    document: Document
    model: Model
    ignored: tuple[str, ...] = ()

    @property
    def pipeline(self) -> str:
        """Whose rollout it manages."""
        return self.model.spec.pipeline


@dataclass(frozen=True)
class Misread:
    """A FraudModel whose status, or pipeline, is none that this operator knows: it can't go on from there."""

    document: Document
    fault: str

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["metadata"]["name"])

    @property
    def pipeline(self) -> str:
        """Whose rollout it manages."""
        return str(self.document.get("spec", {}).get("pipeline", FraudModelSpec().pipeline))


def read(document: Document) -> Found | Misread:
    """What a document says."""
    given, fault = document.get("spec", {}), None
    try:
        status, _ = _understood(FraudModelStatus, document.get("status", {}))
    except ValidationError as error:
        return Misread(document, _faults("status", error))
    try:
        spec, ignored = _understood(FraudModelSpec, given)
    except ValidationError as error:
        fault = _faults("spec", error)
        salvaged = _salvaged(given)
        if salvaged is None:
            return Misread(document, fault)
        spec, ignored = salvaged, ()
    metadata = document["metadata"]
    model = Model(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=spec,
        status=status,
        fault=fault,
    )
    return Found(document, model, ignored)


def _understood(part: type[PartT], given: Document) -> tuple[PartT, tuple[str, ...]]:
    """What is known of it here, and the paths of what is not: a newer definition has more fields.

    Raises:
        ValidationError: a field that is known has a value that is not.
    """
    try:
        return part.model_validate(given), ()
    except ValidationError as error:
        unknown = [
            each["loc"] for each in error.errors(include_url=False) if each["type"] == "extra_forbidden"
        ]
        return part.model_validate(given, extra="ignore"), tuple(".".join(map(str, path)) for path in unknown)


def _faults(part: str, error: ValidationError) -> str:
    """What is not understood, in words."""
    known = [each for each in error.errors(include_url=False) if each["type"] != "extra_forbidden"]
    texts = (
        f"{'.'.join(map(str, (part, *each['loc'])))}: {each['msg'].removeprefix('Value error, ')}"
        for each in known
    )
    return "; ".join(texts) + "."


def _salvaged(given: Document) -> FraudModelSpec | None:
    """The spec without what is not understood of it; None if not even its pipeline is."""
    left = copy.deepcopy(given)
    while True:
        try:
            return FraudModelSpec.model_validate(left, extra="ignore")
        except ValidationError as error:
            path = error.errors(include_url=False)[0]["loc"]
            if path[:1] == ("pipeline",) or not _dropped(left, path):
                return None


def _dropped(document: Document, path: tuple[int | str, ...]) -> bool:
    """Take away the innermost field on the path, lists as a whole; whether there was one."""
    places = list[tuple[Document, str]]()
    node: object = document
    for part in path:
        if not isinstance(node, dict) or part not in node:
            break
        places.append((node, str(part)))
        node = node[part]
    for parent, name in places[-1:]:
        if path[:2] == ("rollout", "analysis") and name.startswith("max") and parent[name] is not None:
            parent[name] = None  # no limit at all rather than one that nobody has set
        else:
            del parent[name]
    return bool(places)


def older(found: Found, all_: Sequence[Found | Misread]) -> str | None:
    """The oldest other one of the same pipeline, if it is older; names decide between those of one second."""
    uid = found.document["metadata"]["uid"]
    rivals = [
        _seniority(other)
        for other in all_
        if other.pipeline == found.pipeline and other.document["metadata"]["uid"] != uid
    ]
    first = min(rivals, default=None)
    return first[1] if first and first < _seniority(found) else None


def _seniority(one: Found | Misread) -> tuple[datetime, str]:
    metadata = one.document["metadata"]
    return datetime.fromisoformat(metadata["creationTimestamp"]), str(metadata["name"])


def with_status(found: Found, status: FraudModelStatus) -> Document:
    """The document with a status, for the server; its resourceVersion says what was read."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": found.document["metadata"],
        "spec": found.document.get("spec", {}),
        "status": status.to_manifest(),
    }


def with_fault(misread: Misread, now: datetime) -> Document | None:
    """The document with a status that says what is not understood; None if it says so. All else stays."""
    document = misread.document
    status = document.get("status", {})
    before = [one for one in _list(status.get("conditions")) if isinstance(one, dict)]
    known = {str(one.get("type")): one for one in before}
    last = known.get("Progressing", {})
    said = {
        "type": "Progressing",
        "status": "False",
        "reason": INVALID,
        "message": f"{misread.fault} Until then nothing is done."[:MOST_TEXT],
        "observedGeneration": document["metadata"].get("generation", 1),
        "lastTransitionTime": moment(now),
    }
    if last.get("status") == "False" and "lastTransitionTime" in last:
        said["lastTransitionTime"] = last["lastTransitionTime"]
    if said == last:
        return None
    conditions = list({**known, "Progressing": said}.values())
    return {
        **document,
        "apiVersion": API_VERSION,
        "kind": KIND,
        "status": {**status, "conditions": conditions},
    }


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def event_of(found: Found | Misread, event: Event, now: datetime) -> Document:
    """An Event about the FraudModel, as `kubectl describe` shows it."""
    metadata, at = found.document["metadata"], moment(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name'][:200]}.", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": event.reason,
        "message": event.message[:1_000],
        "source": {"component": "fraudstream-operator"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
