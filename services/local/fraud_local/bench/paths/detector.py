"""The detector itself: default rules, all features, the bundle's forest, exactly once, durable state."""

import threading
import time

from fraud_core import log
from fraud_core.settings import LogSettings, load_settings
from fraud_detector.collector import collect_rarely
from fraud_detector.metrics import Metrics
from fraud_detector.settings import DetectorSettings
from fraud_detector.worker import run
from fraud_local.bench.task import Result, Spent, Task, main
from fraud_local.stack.ports import HOST

LOOK_S = 0.005


def detector(task: Task) -> Result:
    """Run a worker until it has decided every record."""
    log.configure(LogSettings(level="WARNING"))
    collect_rarely()
    settings = _settings(task)
    metrics, stop = Metrics(), threading.Event()
    found: list[Result] = []
    watcher = threading.Thread(target=lambda: found.append(_watched(metrics, task, stop)))
    watcher.start()
    try:
        run(settings, stop, metrics)
    finally:
        stop.set()
        watcher.join()
    return found[0]


def _settings(task: Task) -> DetectorSettings:
    return load_settings(
        DetectorSettings,
        pipeline=f"{task.prefix}detector",
        worker="bench",
        kafka={"bootstrap_servers": task.bootstrap_servers},
        schema_registry={"url": task.schema_registry_url},
        topics={"transactions": task.source, "prefix": task.prefix},
        model={"url": task.model_url, "sha256": task.model_sha256},
        http={"enabled": "port" in task.options, "host": HOST, "port": task.options.get("port", "0")},
        state={"durable": task.options.get("durable", "true")},
    )


def _watched(metrics: Metrics, task: Task, stop: threading.Event) -> Result:
    """The clock runs from the poll that brought the first records until all are committed."""
    while not metrics.ready() and not stop.is_set():
        time.sleep(LOOK_S)
    began, before = Spent.now(task.broker_pid), metrics.stages.totals()
    while metrics.stages.totals()["poll"] == before["poll"] and not stop.is_set():
        began = Spent.now(task.broker_pid)
        time.sleep(LOOK_S)
    while metrics.decided() < task.records and not stop.is_set():
        time.sleep(LOOK_S)
    spent = Spent.now(task.broker_pid).since(began)
    stop.set()
    after = metrics.stages.totals()
    return spent.model_copy(update={"stages": {name: after[name] - before[name] for name in after}})


if __name__ == "__main__":
    main(detector)
