"""Fetches, verifies and loads what the latest rollout names, beside the work, for the engine to take."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from pydantic import SecretStr

from fraud_core.errors import BundleError, FraudstreamError, UnavailableError
from fraud_core.log import logger
from fraud_core.models import LoadedModel, fetch_bundle
from fraud_core.rollouts import BundleRef, Rollout
from fraud_core.settings import KafkaSettings
from fraud_core.signals import Signal
from fraud_detector.serving import Models

log = logger(__name__)
RETRY_S = 2.0
WAIT_S = 0.5
LINE_EACH_S = 10.0
PROBES = 3


@dataclass
class Rollouts:
    """The latest rollout of a pipeline; may be used by several threads.

    A rollout whose champion is refused is not applied: what runs goes on. One whose challenger is refused is
    applied without it.

    Attributes:
        kafka: how to reach the brokers that keep bundles.
        key: what these must be signed with, if with anything.
        signals: rules that models will be told of; a bundle that reads others is refused.
        on_change: is called when there is a new problem; must return at once.
        problem: why the latest rollout is not applied; None if it is, or will be.
    """

    kafka: KafkaSettings
    key: SecretStr | None = None
    signals: tuple[Signal, ...] = ()
    on_change: Callable[[], None] = lambda: None
    problem: str | None = None
    _latest: Rollout | None = None
    _ready: Models | None = None
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _stop: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to load what is told."""
        self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Load nothing more; what is being loaded is left to end with the process."""
        with self._moved:
            self._stop = True
            self._moved.notify_all()

    def told(self, rollout: Rollout) -> None:
        """This is what the pipeline shall run."""
        with self._moved:
            if self._latest and rollout.generation < self._latest.generation:
                log.warning(
                    "rollout_ignored", generation=rollout.generation, latest=self._latest.generation,
                    why="generations rise",
                )  # fmt: skip
                return
            self._latest = rollout
            self._moved.notify_all()

    def take(self) -> Models | None:
        """What has become ready since it was last asked for."""
        if self._ready is None:
            return None
        with self._moved:
            taken, self._ready = self._ready, None
        return taken

    def await_ready(self, wait_s: float) -> Models | None:
        """The same, after waiting so long for it at most."""
        with self._moved:
            self._moved.wait_for(lambda: self._ready is not None, wait_s)
        return self.take()

    def _run(self) -> None:
        handled: Rollout | None = None
        while rollout := self._next(handled):
            handled = rollout
            try:
                models = self._models(rollout)
            except UnavailableError as error:
                handled = None
                self._report(rollout, error)
                self._pause(rollout)
            except Exception as error:  # noqa: BLE001 - a bundle is foreign; what runs goes on
                self._report(rollout, error)
            else:
                self._put(models)

    def _next(self, handled: Rollout | None) -> Rollout | None:
        with self._moved:
            self._moved.wait_for(lambda: self._stop or self._latest not in {None, handled})
            return None if self._stop else self._latest

    def _pause(self, rollout: Rollout) -> None:
        """Wait before it is tried again, unless another comes."""
        with self._moved:
            self._moved.wait_for(lambda: self._stop or self._latest is not rollout, RETRY_S)

    def _put(self, models: Models) -> None:
        with self._moved:
            self._ready, self.problem = models, None
            self._moved.notify_all()

    def _report(self, rollout: Rollout, error: Exception) -> None:
        problem = f"Rollout {rollout.generation} is not applied: {_reason(error)}"
        if problem != self.problem:
            log.error("rollout_refused", generation=rollout.generation, reason=_reason(error))
            self.problem = problem
            self.on_change()

    def _models(self, rollout: Rollout) -> Models:
        champion = self._model(rollout.champion) if rollout.champion else None
        challenger, refused = None, ""
        if rollout.challenger:
            try:
                challenger = self._model(rollout.challenger)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - a bundle is foreign; the champion needs no other
                refused = _refused(rollout.challenger, error)
        kept = (champion, challenger)
        self._loaded = {model.sha256: model for model in kept if model}
        return Models(rollout, champion, challenger, refused)

    def _model(self, ref: BundleRef) -> LoadedModel:
        if ref.sha256 in self._loaded:
            return self._loaded[ref.sha256]
        model = fetch_bundle(ref.url, ref.sha256, self.kafka, self.key, self.signals)
        if model.version != ref.version:
            raise BundleError(
                f"{ref.url} holds {model.version}, and the rollout calls it {ref.version}. Roll it out by "
                "its own name."
            )
        _probe(model)
        self._loaded[ref.sha256] = model
        return model


@contextmanager
def loading(rollouts: Rollouts | None, on_change: Callable[[], None]) -> Iterator[None]:
    """Load what is rolled out while the block runs; nothing where settings fix the model."""
    if rollouts is None:
        yield
        return
    rollouts.on_change = on_change
    rollouts.start()
    try:
        yield
    finally:
        rollouts.close()


def await_first(
    rollouts: Rollouts, pipeline: str, alive: Callable[[], None], stop: threading.Event
) -> Models | None:
    """Wait until the pipeline has a rollout that can be run; None if `stop` is set before.

    `alive` is called again and again meanwhile.
    """
    told_at = -LINE_EACH_S
    while not stop.is_set():
        alive()
        if models := rollouts.await_ready(WAIT_S):
            return models
        if time.monotonic() - told_at > LINE_EACH_S:
            told_at = time.monotonic()
            reason = rollouts.problem or (
                f"{pipeline} has no rollout. `fraudstream setup` writes the first one, "
                "`fraudstream models promote` another"
            )
            log.warning("waiting", reason=reason)
    return None


def _probe(model: LoadedModel) -> None:
    """Score made-up transactions: a fault shows before the model decides, and machine code is there."""
    values = np.zeros((len(model.inputs), PROBES))
    values[:, 0] = np.nan
    try:
        scores = model.score(values)
        if model.bins:
            model.bins.count(values)
    except Exception as error:
        raise BundleError(f"The model {model.version} can't score: {error!r}. Train it again.") from error
    if scores.shape != (PROBES,) or not np.isfinite(scores).all():
        raise BundleError(f"The model {model.version} gives no scores: {scores!r}. Train it again.")


def _refused(challenger: BundleRef, error: Exception) -> str:
    log.error("challenger_refused", version=challenger.version, reason=_reason(error))
    return _reason(error)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, FraudstreamError) else f"{type(error).__name__}: {error}"
