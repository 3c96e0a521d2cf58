"""kopf, thin: it watches FraudModels and Jobs, and wakes the loop; it keeps nothing in the objects."""

import asyncio
from typing import Any

import kopf

from fraud_operator.cluster.api import credentials
from fraud_operator.names import GROUP, MODEL_LABEL, PLURAL, VERSION

SERVER_TIMEOUT_S = 300
CLIENT_TIMEOUT_S = 360


async def watch(namespace: str, woken: asyncio.Event, stop: asyncio.Event) -> None:
    """Wake the loop at every change, until `stop` is set, or a signal ends kopf."""
    await kopf.operator(
        registry=handlers(woken),
        settings=configuration(),
        namespaces=[namespace],
        standalone=True,
        stop_flag=stop,
    )


def handlers(woken: asyncio.Event) -> kopf.OperatorRegistry:
    """What kopf does: it logs in and it wakes. Event handlers write no annotation and no finalizer."""
    registry, known = kopf.OperatorRegistry(), dict[str, object]()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:  # noqa: ANN401 - kopf's own signature
        return credentials()

    @kopf.on.event("batch", "v1", "jobs", labels={MODEL_LABEL: kopf.PRESENT}, registry=registry)
    async def wake(**_: Any) -> None:  # noqa: ANN401 - as above
        woken.set()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def wake_for_another_spec(uid: str, meta: kopf.Meta, **event: Any) -> None:  # noqa: ANN401 - as above
        """What the operator writes itself into a status wakes nobody."""
        if event["type"] == "DELETED" or known.get(uid) != meta.get("generation"):
            woken.set()
        known[uid] = meta.get("generation")

    return registry


def configuration() -> kopf.OperatorSettings:
    """Keep kopf within one namespace: it scans and posts nothing, and writes at most annotations."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.watching.server_timeout = SERVER_TIMEOUT_S  # a watch that hangs ends, and begins anew
    settings.watching.client_timeout = CLIENT_TIMEOUT_S
    return settings
