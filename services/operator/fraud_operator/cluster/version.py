"""Whether the cluster's CRD is as new as this operator: Helm never upgrades what a chart has in crds/."""

from collections.abc import Iterator, Mapping
from typing import Any

from fraud_core.errors import ConfigError
from fraud_operator.api.crd import schema
from fraud_operator.cluster import paths
from fraud_operator.cluster.api import Api, MissingError
from fraud_operator.names import API_VERSION, GROUP, KIND, PLURAL

Document = dict[str, Any]
APPLY = f"kubectl apply --server-side --force-conflicts -f helm/fraudstream/crds/{PLURAL}.{GROUP}.yaml"
"""By force: the fields of a definition that Helm has installed are Helm's."""
SHOWN = 5


async def check_crd(api: Api) -> None:
    """Refuse a cluster whose CRD is older than this operator, or that has none.

    Raises:
        ConfigError: so it is; the message has the line that mends it.
        UnavailableError: the API server can't be reached.
    """
    try:
        served = await api.get(paths.SCHEMA)
    except MissingError:
        raise ConfigError(f"The cluster knows no {KIND}. Apply the definition:\n  {APPLY}") from None
    if missing := sorted(lacking(served)):
        names = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        raise ConfigError(
            f"The cluster's definition of {KIND} is older than this operator: it lacks {names}. Apply the "
            f"release's:\n  {APPLY}"
        )


def lacking(served: Mapping[str, Any]) -> set[str]:
    """Paths of fields that the operator knows and the served OpenAPI document does not."""
    theirs: Mapping[str, Any] = next(
        (found for found in served["components"]["schemas"].values() if _is_ours(found)), {}
    )
    return set(_fields(schema())) - set(_fields(theirs)) - {"apiVersion", "kind", "metadata"}


def _is_ours(found: Mapping[str, Any]) -> bool:
    kinds = found.get("x-kubernetes-group-version-kind", ())
    return {"group": GROUP, "version": API_VERSION.partition("/")[2], "kind": KIND} in list(kinds)


def _fields(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        place = f"{path}.{name}".lstrip(".")
        yield place
        if not (name == "metadata" and not path):
            yield from _fields(child, place)
            yield from _fields(child.get("items", {}), f"{place}[]")
