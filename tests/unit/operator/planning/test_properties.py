"""What holds whatever happens: kills at any act, silence, edits, bad versions."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_core.rollouts import Mode
from fraud_operator.planning.world import RunState
from tests.support.fraud_models import QUICK, Universe, spec, weights

EXAMPLES = 60
KILLS = st.lists(st.integers(0, 3), max_size=40)
"""For each tick, how many acts are lost because the operator is killed before them."""


def universe(**parts: Any) -> Universe:
    return Universe(spec(**QUICK | parts))


def run(found: Universe, kills: list[int]) -> Universe:
    for lost in kills:
        found.lost = lost
        found.tick()
    found.lost = 0
    found.until("Complete" if not found.fails else "RolledBack")
    found.tick(3)
    return found


@settings(max_examples=EXAMPLES)
@given(KILLS, st.booleans())
def test_killed_at_any_act_it_ends_where_it_would_have_ended(kills: list[int], bad: bool) -> None:  # noqa: FBT001
    fails = frozenset({"one"}) if bad else frozenset()
    undisturbed, killed = universe(), universe()
    undisturbed.fails = killed.fails = fails

    run(undisturbed, [])
    run(killed, kills)

    assert weights(killed.written) == weights(undisturbed.written)
    assert list(killed.jobs) == list(undisturbed.jobs)
    for name in ("stable_version", "previous_version", "candidate_version", "rejected_versions"):
        assert getattr(killed.status, name) == getattr(undisturbed.status, name)
    generations = [rollout.generation for rollout in killed.written]
    assert generations == sorted(set(generations))


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30))
def test_killed_at_any_act_no_job_runs_on_that_an_edit_has_replaced(looks: list[tuple[int, bool]]) -> None:
    found = universe()
    found.slow_jobs = True
    for number, (lost, edited) in enumerate(looks):
        if edited:
            found.change(retrainNonce=str(number))
        found.lost = lost
        found.tick()
    found.lost = 0
    found.tick(2)

    assert found.status.training is not None
    running = {run_id for run_id, run in found.runs.items() if run.state is RunState.ACTIVE}
    assert running == {found.status.training.run_id}


@settings(max_examples=EXAMPLES)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_plan_that_is_made_twice_is_the_same_and_one_not_followed_is_made_again(ticks: list[bool]) -> None:
    found = universe()
    for followed in ticks:
        assert found.plan() == found.plan()
        if followed:
            found.tick()
        else:
            found.pass_time()


WEIGHTS = st.lists(st.integers(1, 100), min_size=0, max_size=5, unique=True).map(sorted)


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.tuples(WEIGHTS, st.sampled_from(["0s", "20s"]), st.integers(1, 12)), min_size=1, max_size=6)
)
def test_a_weight_never_falls_while_one_version_is_tried_however_its_steps_are_edited(
    edits: list[tuple[list[int], str, int]],
) -> None:
    found = universe()
    for ascending, shadow, ticks in edits:
        pauses = [{"weight": weight, "pause": {"duration": "10s"}} for weight in ascending]
        found.change(rollout={"shadow": shadow, "canary": {"steps": pauses}})
        found.tick(ticks)

    tried = [rollout.canary_weight for rollout in found.written if rollout.mode is not Mode.NONE]
    assert tried == sorted(tried)


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(WEIGHTS.filter(bool), st.integers(1, 12)), min_size=1, max_size=6))
def test_without_approval_it_is_promoted_from_the_last_weight_alone_however_its_steps_are_edited(
    edits: list[tuple[list[int], int]],
) -> None:
    found = universe()
    for ascending, ticks in edits:
        pauses = [{"weight": weight, "pause": {"duration": "10s"}} for weight in ascending]
        found.change(rollout={"shadow": "10s", "canary": {"steps": pauses}})
        for _ in range(ticks):
            weight = found.status.canary_weight
            found.tick()
            if found.status.stable_version == "one":
                assert weight == ascending[-1]
                return


@settings(max_examples=EXAMPLES)
@given(st.lists(st.frozensets(st.sampled_from(["w-0", "w-1"])), min_size=1, max_size=80))
def test_while_a_worker_that_holds_partitions_is_silent_no_step_is_taken(
    silences: list[frozenset[str]],
) -> None:
    found = universe()
    for mute in silences:
        found.mute = mute
        before, step = found.status, found.status.current_step
        found.tick()
        if mute and step is not None:
            assert found.status.current_step == step
            assert found.status.stable_version == before.stable_version
            assert found.condition("Progressing").reason == "WorkersNotReporting"


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6),
    st.frozensets(st.sampled_from(["a", "b", "c"])),
)
def test_a_rejected_version_never_comes_back(trained: list[str], bad: frozenset[str]) -> None:
    found = universe()
    found.trains, found.fails = list(trained), bad
    seen: set[str] = set()
    for number in range(len(trained)):
        found.change(retrainNonce=str(number))
        for _ in range(60):
            found.tick()
            tried = found.rollout.challenger if found.rollout else None
            assert tried is None or tried.version not in seen
            seen |= set(found.status.rejected_versions)

    assert seen <= bad
    assert found.rollout is not None
    assert found.rollout.champion is not None
    assert found.rollout.champion.version not in bad
