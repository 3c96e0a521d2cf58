"""What was counted since an earlier report, however workers start anew, fall silent or begin another step."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud_core.connect.records import Distribution, ModelStatus, Role, State, Task, WorkerStatus
from fraud_core.rollouts.comparison import compared
from fraud_core.rollouts.windows import COUNTS, since, snapshot

START = datetime(2026, 11, 2, tzinfo=UTC)
ALWAYS = START - timedelta(hours=1)
"""When a process began that was there all the time."""
NAMES = ("a", "b", "c")
QUIET = dict.fromkeys(NAMES, (0, 0))


def model(scored: int, alerts: int, **more: object) -> ModelStatus:
    counts = {"scored": scored, "decided": scored, "alerts": alerts, "seconds": scored / 4}
    return ModelStatus("one", Role.CHALLENGER, scores=(scored - alerts, alerts), **counts | more)  # type: ignore[arg-type]


def report(name: str, *models: ModelStatus, incarnation: datetime = ALWAYS) -> WorkerStatus:
    return WorkerStatus(
        name, incarnation, "pipe", "sink", State.RUNNING, START, rollout_generation=7, models=models
    )


@dataclass
class Worker:
    """One that counts; `total` is what its process has counted in this step."""

    name: str
    incarnation: datetime = ALWAYS
    total: tuple[int, int] = (0, 0)
    silent: bool = False

    @property
    def report(self) -> WorkerStatus:
        return report(self.name, model(*self.total), incarnation=self.incarnation)


@dataclass
class Fleet:
    """Workers through time, and what each of them has done between any two moments."""

    workers: dict[str, Worker] = field(default_factory=lambda: {name: Worker(name) for name in NAMES})
    done: list[dict[str, tuple[int, int]]] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return START + timedelta(minutes=len(self.done))

    def live(self, counts: dict[str, tuple[int, int]]) -> None:
        self.done.append(counts)
        for name, (scored, alerts) in counts.items():
            worker = self.workers[name]
            worker.total = (worker.total[0] + scored, worker.total[1] + alerts)

    def restart(self, name: str) -> None:
        self.workers[name] = Worker(name, incarnation=self.now)

    def reports(self) -> tuple[WorkerStatus, ...]:
        return tuple(worker.report for worker in self.workers.values() if not worker.silent)

    def truth(self, name: str, minutes: int) -> tuple[int, int]:
        """What this worker, in whichever process, has done in the last minutes."""
        found = [each[name] for each in self.done[len(self.done) - minutes :]]
        return sum(scored for scored, _ in found), sum(alerts for _, alerts in found)


counts = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (pair[0] + pair[1], pair[1]))
minutes = st.fixed_dictionaries(dict.fromkeys(NAMES, counts))
events = st.sampled_from([*((kind, name) for kind in ("restart", "silence") for name in NAMES), None])


@given(st.lists(minutes, min_size=1, max_size=12))
def test_windows_in_a_row_add_up_to_the_whole_where_nothing_starts_anew(
    lived: list[dict[str, tuple[int, int]]],
) -> None:
    fleet, snapshots, sums = Fleet(), [], dict.fromkeys(COUNTS, 0.0)
    for each in lived:
        snapshots.append(snapshot(fleet.reports(), fleet.now))
        fleet.live(each)
        found = compared(since(fleet.reports(), snapshots[-1]), 7).challenger
        for name in COUNTS:
            sums[name] += getattr(found, name)

    whole = compared(fleet.reports(), 7).challenger

    assert sums == {name: getattr(whole, name) for name in COUNTS}
    assert compared(since(fleet.reports(), snapshots[0]), 7).challenger == whole


@given(st.lists(st.tuples(minutes, events), min_size=1, max_size=15))
def test_what_a_window_has_is_true_and_never_too_much_however_workers_come_and_go(
    lived: list[tuple[dict[str, tuple[int, int]], tuple[str, str] | None]],
) -> None:
    fleet, snapshots = Fleet(), []
    for each, event in lived:
        snapshots.append(snapshot(fleet.reports(), fleet.now))
        if event and event[0] == "restart":
            fleet.restart(event[1])
        elif event:
            fleet.workers[event[1]].silent ^= True
        fleet.live(each)

        for back, then in enumerate(reversed(snapshots), start=1):
            for status in since(fleet.reports(), then):
                [found] = status.models
                scored, alerts = fleet.truth(status.worker, back)
                assert 0 <= found.scored <= scored
                assert 0 <= found.alerts <= alerts
                assert found.scores == (found.scored - found.alerts, found.alerts)
                if fleet.workers[status.worker].incarnation < then.taken_at:
                    assert (found.scored, found.alerts) == (scored, alerts)


def test_a_worker_that_began_since_then_counts_with_all_that_it_has() -> None:
    then = snapshot([report("a", model(100, 1))], START)
    new = report("a", model(7, 2), incarnation=START + timedelta(seconds=1))

    assert since([new], then) == (new,)


@pytest.mark.parametrize(
    "before",
    [
        (),
        (report("a"),),
        (report("a", model(10, 1)),),
        (report("a", model(4, 3)),),
        (report("a", model(3, 1, seconds=9.0)),),
        (report("a", replace(model(1, 0), version="another")),),
        (report("a", replace(model(1, 0), role=Role.CHAMPION)),),
        (report("a", replace(model(1, 0), scores=())),),
        (report("a", model(1, 0), incarnation=ALWAYS - timedelta(hours=1)),),
    ],
    ids=[
        "silent", "told nothing", "fewer now", "fewer alerts now", "less time now", "another version",
        "another role", "no scores", "restarted before it was seen",
    ],
)  # fmt: skip
def test_of_what_is_not_known_nothing_is_taken(before: tuple[WorkerStatus, ...]) -> None:
    now = [report("a", model(5, 2)), report("b", model(9, 3))]
    then = snapshot([*before, report("b", model(4, 1))], START)

    [found] = since(now, then)

    assert found.worker == "b"
    assert [(one.scored, one.alerts, one.scores) for one in found.models] == [(5, 2, (3, 2))]


def test_one_that_is_gone_is_left_out() -> None:
    assert since([], snapshot([report("a", model(5, 2))], START)) == ()


def test_what_is_kept_is_small() -> None:
    full = replace(
        report("a", model(5, 2, distributions=(Distribution("score", (1, 2), (3, 4)),))),
        tasks=(Task(0, State.RUNNING),),
        counters={"decided": 5.0},
    )

    [kept] = snapshot([full], START).workers.values()

    assert (kept.tasks, kept.counters, kept.models[0].distributions) == ((), {}, ())
    assert kept.models[0].scored == 5
