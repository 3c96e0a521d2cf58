"""Puts the demo together: cluster, set-up, model, detector and producer, then one session of them."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from fraud_core import log
from fraud_core.settings import LogSettings
from fraud_core.setup import setup
from fraud_core.topics import topics
from fraud_local.demo.cluster import Cluster, Say, cluster, place
from fraud_local.demo.detector import Detector, running_detector
from fraud_local.demo.feed import Feed
from fraud_local.demo.lines import lines
from fraud_local.demo.model import Model, cached_baseline, known_baseline
from fraud_local.demo.options import DemoOptions, scheduled
from fraud_local.demo.result import Result
from fraud_local.demo.session import Session
from fraud_local.demo.view import Look, live_view, save_picture
from fraud_local.demo.watch import Watcher
from fraud_producer.replay import History
from fraud_producer.run import Plan
from fraud_producer.sources import plan

MODELS = "models"
REPORTS = "reports"
LOG = "demo.log"


def run_demo(options: DemoOptions, say: Say) -> Result:
    """Run the whole pipeline until the stream, the duration or the user ends it.

    Raises:
        FraudstreamError: a part of it failed, or the counts do not add up.
    """
    began = time.monotonic()
    with ExitStack() as held:
        _log_to_file(held, place(options))
        producer, live_from = scheduled(options)
        planned = plan(producer)  # a file that can't be read is told before anything starts
        training = _training(held, planned, place(options) / MODELS, say)
        here = held.enter_context(cluster(options, say))
        say("Setting up topics and schemas.")
        setup(here.settings)
        model = training.result()
        detector = held.enter_context(running_detector(here, model))
        watcher = Watcher(here.settings, topics(here.settings.topics))
        held.callback(watcher.close)
        feed = Feed(here.settings, planned, live_from)
        session = Session(feed, watcher, detector, here.check, options.duration)
        detector.await_ready()
        startup = time.monotonic() - began
        look = _look(here, detector)
        with _shown(options, look) as show:
            balance = session.run(show)
        if options.picture:
            save_picture(session, look, options.picture)
        return Result(session, balance, model, _report(session, here, model), startup)


def _log_to_file(held: ExitStack, directory: Path) -> None:
    """What the producer and the clients log would else tear the screen apart."""
    file = held.enter_context((directory / LOG).open("w", encoding="utf-8"))
    log.configure(LogSettings(format="json"), file)
    held.callback(log.configure, LogSettings())


def _training(held: ExitStack, planned: Plan, folder: Path, say: Say) -> "Future[Model]":
    """The model, trained beside the start of the servers where it is not known yet."""
    pool = held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="train"))
    if isinstance(planned.slices, History):
        say("Fitting a model to the first third of the history, without its labels.")
        return pool.submit(_fitted, planned.slices, folder, say)
    if known_baseline() is None:
        say("Training a baseline model on simulated customers, once on this machine.")
    return pool.submit(cached_baseline)


def _fitted(history: History, folder: Path, say: Say) -> Model:
    # Imported late: a warm start of the simulation needs no scikit-learn in this process.
    from fraud_local.demo.own_model import own_model  # noqa: PLC0415

    found = own_model(history, folder)
    if found is None:
        say("That is too little to learn from: the model of the simulated customers decides instead.")
    return found or cached_baseline()


def _shown(options: DemoOptions, look: Look) -> AbstractContextManager[Callable[[Session], None]]:
    if options.headless or not sys.stderr.isatty():
        return nullcontext(lines())
    return live_view(look)


def _look(here: Cluster, detector: Detector) -> Look:
    return {
        "broker": here.settings.kafka.bootstrap_servers,
        "registry": here.settings.schema_registry.url,
        "metrics": f"{detector.address}/metrics",
        "logs": _from_home(here.logs),
    }


def _from_home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _report(session: Session, here: Cluster, model: Model) -> Path | None:
    # Imported late: matplotlib takes a second, and by now nobody waits.
    from fraud_local.demo.report import write_report  # noqa: PLC0415

    if not session.figures.arrived:
        return None
    name = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}.html"
    return write_report(session, model, here.directory / REPORTS / name)
