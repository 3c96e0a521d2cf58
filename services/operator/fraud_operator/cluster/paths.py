"""Where objects are, below the API server's address; with `permissions`, all that the operator asks for."""

from fraud_operator.names import API_VERSION, GROUP, PLURAL

Permission = tuple[str, str, frozenset[str]]

PERMISSIONS: tuple[Permission, ...] = (
    (GROUP, PLURAL, frozenset({"list", "watch"})),
    (GROUP, f"{PLURAL}/status", frozenset({"update"})),
    ("batch", "jobs", frozenset({"list", "watch", "create", "delete"})),
    ("", "pods", frozenset({"list"})),
    ("", "events", frozenset({"create"})),
)
"""API group, resource and verbs. FraudModels and Jobs are listed, and watched to be woken; of a FraudModel
nothing but its status is written. Jobs are made, and deleted where a newer training takes their place. Pods
are listed for what a training said at its end. Events tell what happened."""

SCHEMA = f"/openapi/v3/apis/{API_VERSION}"
"""The schema that the server has; whoever is logged in may read it."""


def models(namespace: str) -> str:
    """All FraudModels."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"


def status(namespace: str, name: str) -> str:
    """The status of one."""
    return f"{models(namespace)}/{name}/status"


def jobs(namespace: str) -> str:
    """All Jobs."""
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def job(namespace: str, name: str) -> str:
    """One."""
    return f"{jobs(namespace)}/{name}"


def pods(namespace: str) -> str:
    """All pods."""
    return f"/api/v1/namespaces/{namespace}/pods"


def events(namespace: str) -> str:
    """All events."""
    return f"/api/v1/namespaces/{namespace}/events"
