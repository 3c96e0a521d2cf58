"""FraudModels as the API server has them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from fraud_operator.api import FraudModelSpec, FraudModelStatus
from fraud_operator.api.base import Part
from fraud_operator.names import API_VERSION, KIND
from fraud_operator.planning import Model
from fraud_operator.planning.world import Event

Document = dict[str, Any]
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


@dataclass(frozen=True)
class Misread:
    """A FraudModel that this operator does not understand, as a value is not one that it knows."""

    document: Document
    fault: str

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["metadata"]["name"])


def read(document: Document) -> Found | Misread:
    """What a document says."""
    try:
        spec, ignored = _understood(FraudModelSpec, document.get("spec", {}))
        status, _ = _understood(FraudModelStatus, document.get("status", {}))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)
        )
        return Misread(document, faults)
    metadata = document["metadata"]
    model = Model(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=spec,
        status=status,
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


def older(found: Found, all_: list[Found]) -> str | None:
    """The oldest other one of the same pipeline, if it is older; names decide between those of one second."""
    ours = found.model
    rivals = [
        (other.model.created, other.model.name)
        for other in all_
        if other.model.spec.pipeline == ours.spec.pipeline and other.model.uid != ours.uid
    ]
    first = min(rivals, default=None)
    return first[1] if first and first < (ours.created, ours.name) else None


def with_status(found: Found, status: FraudModelStatus) -> Document:
    """The document with a status, for the server; its resourceVersion says what was read."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": found.document["metadata"],
        "spec": found.document.get("spec", {}),
        "status": status.to_manifest(),
    }


def event_of(found: Found, event: Event, now: datetime) -> Document:
    """An Event about the FraudModel, as `kubectl describe` shows it."""
    model, moment = found.model, now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{model.name[:200]}.", "namespace": model.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": model.namespace,
            "name": model.name,
            "uid": model.uid,
        },
        "type": "Warning" if event.warning else "Normal",
        "reason": event.reason,
        "message": event.message[:1_000],
        "source": {"component": "fraudstream-operator"},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
