"""Puts a run of chaos together: stack, load, detectors, acts, and the proof."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl

from fraud_core.avro import Encoder
from fraud_core.errors import FraudstreamError
from fraud_core.kafka import admin_client
from fraud_core.models import publish_bundle
from fraud_core.registry import Registry
from fraud_core.setup import setup
from fraud_core.shutdown import Shutdown
from fraud_core.topics import topics
from fraud_local.bench.workload import Workload, forest
from fraud_local.chaos.acts import Ground
from fraud_local.chaos.aim import LITTLE, MOST, Aim
from fraud_local.chaos.crew import Crew
from fraud_local.chaos.load import Load
from fraud_local.chaos.outcome import Outcome, await_end, caught_up, open_transactions, outcome, written
from fraud_local.chaos.place import Place, disturbed, undisturbed
from fraud_local.chaos.plan import DETECTORS, plan
from fraud_local.chaos.poison import Poison
from fraud_local.chaos.proof import prove
from fraud_local.chaos.result import Result, aborted, stalls
from fraud_local.chaos.timeline import Timeline
from fraud_local.stack import running

Say = Callable[[str], None]

USERS = 2_000
FIRST = 1_000
TICK_S = 0.1
PATIENCE_S = 120.0
OPEN_S = 30.0
LOGS = "The logs of all processes"
STALL_S = 30.0
"""A longer one is no part of any act: whoever looks for its reason needs the logs."""


@dataclass(frozen=True)
class Options:
    """What is asked for: seconds of load and acts, the plan's seed, and transactions a second."""

    seconds: float
    seed: int
    rate: int


def chaos(options: Options, asked: Shutdown, say: Say) -> Result:
    """Run load and acts, then let things settle and prove; a first signal shortens it, a second ends it.

    Raises:
        StackError: the stack did not start, or broker or registry did not come back.
        DeliveryError: the broker did not take the load.
    """
    # More than it takes: bursts come on top, and the time of the events spreads over all of it.
    acts = plan(options.seed, options.seconds)
    most = int(options.rate * options.seconds * 5) + len(acts) * MOST + 200_000
    workload = Workload(most, USERS, options.seed)
    with running(
        ephemeral=True, broker_port=0, registry_port=0, command="fraudstream chaos", say=say
    ) as stack:
        say("Training a model for this traffic.")
        bundle = publish_bundle(stack.data_dir / "models", forest(workload))
        place, calm = disturbed(stack, bundle), undisturbed(stack, bundle)
        with _logs_kept_on_failure(stack.logs, say):
            known, produced, found = _disturbed(options, place, workload, asked, say)
        if found is None or asked.at_once.is_set():
            return known
        say("The same input once more, undisturbed.")
        with _crew(calm, "calm") as crew:
            _settle(calm, crew, asked, say)
        if asked.at_once.is_set():
            return known
        known = replace(known, differences=prove(produced, found, outcome(calm.settings)))
        if not known.proven:
            _keep(stack.data_dir, "The topics and the logs of all processes", say)
        elif known.longest_stall_s > STALL_S:
            _keep(stack.logs, LOGS, say)
        return known


def _keep(directory: Path, what: str, say: Say) -> None:
    """The stack's directory goes with the run; this stays where somebody may look for a reason."""
    kept = Path(tempfile.mkdtemp(prefix="fraudstream-chaos-"))
    try:
        shutil.copytree(directory, kept, dirs_exist_ok=True)
    except OSError as error:  # the disk is full, or the broker took a file away meanwhile
        say(f"Not all could be kept: {error!s:.200}")
    say(f"{what} are in {kept}.")


@contextmanager
def _logs_kept_on_failure(logs: Path, say: Say) -> Iterator[None]:
    try:
        yield
    except FraudstreamError:
        _keep(logs, LOGS, say)
        raise


def _disturbed(
    options: Options, place: Place, workload: Workload, asked: Shutdown, say: Say
) -> tuple[Result, pl.DataFrame, Outcome | None]:
    """What is known of the run, what was produced, and what came of it unless there was no time for that."""
    with _crew(place, *DETECTORS) as crew:
        timeline, load = _prepared(options, place, crew, workload)
        say("Waiting for the detectors.")
        load.burst(FIRST)
        _settle(place, crew, asked, say)
        seconds = _acted(options, timeline, load, crew, asked, say)
        produced = load.end()
        say("Letting it settle.")
        _settle(place, crew, asked, say)
    known = Result(
        seed=options.seed,
        seconds=round(seconds, 1),
        interrupted=seconds < options.seconds,
        acts=dict(timeline.done),
        skipped=timeline.skipped,
        ended_by_themselves=dict(crew.ended),
        produced=produced.height,
    )
    if asked.at_once.is_set():
        return known, produced, None
    _await_closed(place)
    found = outcome(place.settings)
    even = stalls(found.decisions)
    known = replace(
        known,
        decided=found.decisions.height,
        dead_letters=found.letters.height,
        aborted_outputs=aborted(written(place.settings), found),
        longest_stall_s=even.longest_s,
        longest_stall_began=even.began,
        longest_wait_s=even.wait_s,
    )
    return known, produced, found


@contextmanager
def _crew(place: Place, *names: str) -> Iterator[Crew]:
    setup(place.settings)
    crew = place.crew()
    try:
        for name in names:
            crew.start(name)
        yield crew
    finally:
        crew.end()


def _prepared(options: Options, place: Place, crew: Crew, workload: Workload) -> tuple[Timeline, Load]:
    settings = place.settings
    names = topics(settings.topics)
    encoder = Encoder("Transaction", Registry(settings.schema_registry).id_of(names.transactions))
    load = Load(settings, encoder, workload, options.rate)
    poison = Poison(encoder, next(workload.chunks()).head(1), options.seed)
    working = partial(open_transactions, admin_client(settings.kafka), settings)
    idle = partial(caught_up, settings, place.pipeline, LITTLE)
    acts = plan(options.seed, options.seconds)
    return Timeline(Ground(place.stack, crew, load, poison), acts, Aim(load.burst, working, idle)), load


def _acted(options: Options, timeline: Timeline, load: Load, crew: Crew, asked: Shutdown, say: Say) -> float:
    """Load and acts for as long as asked for; gives the seconds that it really took."""
    load.start()
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    while not asked.stop.wait(TICK_S):
        for line in (*timeline.due(clock), *crew.tend()):
            say(line)
        if timeline.planned_are_done and clock() >= options.seconds:
            break
    for line in timeline.finish(clock):
        say(line)
    return clock()


def _settle(place: Place, crew: Crew, asked: Shutdown, say: Say) -> None:
    """Wait until all input is committed; if that does not come, the proof will say what is missing."""

    def tend() -> bool:
        for line in crew.tend():
            say(line)
        return not asked.at_once.is_set()

    if not await_end(place.settings, place.pipeline, tend, PATIENCE_S) and not asked.at_once.is_set():
        say(f"Nothing was committed for {PATIENCE_S:.0f} s, and not all of the input is.")


def _await_closed(place: Place) -> None:
    """What a killed detector left open hides what comes after it until the broker times it out."""
    admin, deadline = admin_client(place.settings.kafka), time.monotonic() + OPEN_S
    while open_transactions(admin, place.settings) and time.monotonic() < deadline:
        time.sleep(TICK_S)
