"""Runs the operator: Kafka first, then the cluster, and whatever ends first ends all."""

import asyncio

from fraud_core.errors import ConfigError, UnavailableError
from fraud_core.http import probes, served
from fraud_core.log import logger
from fraud_operator.cluster import jobs
from fraud_operator.cluster.api import Api, connected
from fraud_operator.cluster.version import check_crd
from fraud_operator.loop import Loop
from fraud_operator.metrics import Metrics
from fraud_operator.pipeline.kafka import Kafka, opened
from fraud_operator.settings import ACCOUNT, OperatorSettings
from fraud_operator.watching import watch

log = logger(__name__)
RETRY_S = 2.0


def run(settings: OperatorSettings) -> None:
    """Until SIGTERM or Ctrl-C.

    Raises:
        ConfigError: a setting is wrong, the CRD is older than the operator, or its Role lacks something.
        FencedError: another operator has taken over.
        UnavailableError: Kafka, the registry or the API server can't be reached within `startup_timeout_s`.
    """
    namespace, metrics = _namespace(settings), Metrics()
    template = jobs.template(settings.job_template)
    app = probes("fraudstream operator", metrics.registry, metrics.alive, metrics.ready)
    with served(app, settings.http), opened(settings, namespace) as kafka:
        log.info("operating", namespace=namespace, pipeline=settings.pipeline)
        asyncio.run(_operate(namespace, kafka, template, metrics))


def _namespace(settings: OperatorSettings) -> str:
    if settings.namespace:
        return settings.namespace
    try:
        return ACCOUNT.read_text(encoding="utf-8").strip()
    except OSError:
        raise ConfigError(
            "There is no service account here that says which namespace is served. Set FRAUD_NAMESPACE."
        ) from None


async def _operate(namespace: str, kafka: Kafka, template: jobs.Document, metrics: Metrics) -> None:
    async with connected() as api:
        await _patiently(api, kafka.settings.startup_timeout_s, metrics)
        loop, stop = Loop(namespace, api, kafka, template, metrics), asyncio.Event()
        # The loop first: kopf waits in the end for tasks that began after it.
        looking = asyncio.create_task(loop.run(), name="loop")
        watching = asyncio.create_task(watch(namespace, loop.woken, stop), name="kopf")
        done, _ = await asyncio.wait({looking, watching}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        looking.cancel()
        await asyncio.gather(looking, watching, return_exceptions=True)
        for task in done:
            task.result()


async def _patiently(api: Api, patience_s: float, metrics: Metrics) -> None:
    """Check the CRD as soon as the API server answers."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            await check_crd(api)
        except UnavailableError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("waiting", reason=str(error))
            metrics.turned(read=False)
            await asyncio.sleep(RETRY_S)
        else:
            return
