"""A FraudModel from its first training to promotion and rollback, as a person sees it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fraud_core.connect.records import WorkerStatus
from fraud_core.rollouts import Limits, Mode, Rollout
from fraud_operator.api import Outcome
from fraud_operator.api.status import TrainingStatus
from fraud_operator.planning import reconcile
from fraud_operator.planning.analysis import judged
from fraud_operator.planning.rollout import released
from fraud_operator.planning.training import FIRST_RETRY, LONGEST_RETRY, retry_time
from fraud_operator.planning.versions import rejected
from fraud_operator.planning.world import Failure, Run, RunState, StopJob, WriteRollout
from tests.support.fraud_models import NOW, QUICK, TICK, Universe, bundle, spec, weights

MANAGER = "ns/cards/uid-1"


def universe(**parts: Any) -> Universe:
    return Universe(spec(**QUICK | parts))


def promoted(**parts: Any) -> Universe:
    found = universe(**parts)
    found.until("Promoted", "Promoted")
    return found


def test_a_new_one_adopts_the_rollout_that_it_finds_and_says_who_manages_it() -> None:
    found = universe()
    found.rollout = replace(found.rollout or Rollout("fraud-detector", 1), previous=bundle("older"))

    found.tick()

    assert found.rollout == replace(
        found.rollout, generation=8, champion=bundle("baseline"), previous=bundle("older"), managed_by=MANAGER
    )
    assert found.status.stable_version == "baseline"
    assert found.status.previous_version == "older"


def test_without_a_rollout_it_waits_for_setup_which_knows_the_baseline() -> None:
    found = universe()
    found.rollout = None
    found.slow_jobs = True

    found.tick(3)

    assert found.written == []
    assert found.condition("Ready").reason == "NoRollout"


def test_it_is_trained_shadowed_canaried_and_promoted() -> None:
    found = promoted()

    assert weights(found.written) == [
        (Mode.NONE, 0), (Mode.SHADOW, 0), (Mode.CANARY, 10), (Mode.CANARY, 50), (Mode.NONE, 0),
    ]  # fmt: skip
    assert [rollout.step for rollout in found.written] == [None, 0, 1, 2, None]
    assert [rollout.generation for rollout in found.written] == [8, 9, 10, 11, 12]
    assert found.written[-1].champion == bundle("one")
    assert found.written[-1].previous == bundle("baseline")
    assert found.status.stable_version == "one"
    assert found.status.candidate_version is None
    assert found.status.previous_version == "baseline"


def test_the_events_tell_the_story() -> None:
    found = promoted()

    told = [event.reason for event in found.events if not event.warning]
    assert [reason for reason in told if reason in {"Training", "StepBegun", "Promoting", "Promoted"}] == [
        "Training", "StepBegun", "StepBegun", "StepBegun", "Promoting", "Promoted",
    ]  # fmt: skip


def test_the_workers_are_told_the_limits_that_they_drop_a_candidate_for_by_themselves() -> None:
    found = universe(
        rollout=QUICK["rollout"] | {"analysis": {"maxAlertRate": 0.05, "maxScoringMicroseconds": 80}}
    )
    found.until("Pausing")

    assert found.written[-1].limits == Limits(1_000, 0.05, 80)


def test_at_rest_nothing_is_done() -> None:
    found = promoted()
    found.tick(2)

    assert found.plan().acts == ()
    assert found.plan().events == ()


def test_a_step_lasts_its_pause_and_until_there_is_evidence() -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": {"minDecisions": 20_000}})

    found.until("AwaitingEvidence")
    assert found.status.current_step == 0
    assert "of 20,000 transactions" in found.condition("Progressing").message

    found.until("Promoted", "Promoted")


def test_evidence_of_one_step_does_not_count_for_the_next_nor_where_detectors_start_anew() -> None:
    found = at(50, steps((40, {"duration": "1h"}), (50, {})) | {"analysis": {"minDecisions": 5_000}})
    assert "1,500 of 5,000 transactions" in found.condition("Progressing").message

    found.scored, found.decided = 0, 0
    found.tick(5)

    assert found.status.canary_weight == 50
    assert "2,000 of 5,000 transactions" in found.condition("Progressing").message


def test_a_canary_that_goes_bad_is_rolled_back_by_its_own_step_however_long_its_shadow_went_well() -> None:
    found = at(50, {"shadow": "1d", "canary": {"steps": [{"weight": 50, "pause": DAY}]}})
    began = found.now
    found.alert_share = 0.9

    found.until("RolledBack")

    assert found.now - began < timedelta(minutes=1)


def test_detectors_that_run_another_step_yet_are_no_evidence_of_this_one() -> None:
    found = at(50, steps((40, {"duration": "1h"}), (50, DAY)))
    first, second = found.world.workers
    behind = replace(second, rollout_generation=(second.rollout_generation or 0) - 1)

    verdict = judged(
        found.wanted.rollout.analysis, "one", replace(found.world, workers=(first, behind)), None
    )

    assert verdict.evidence == first.models[1].decided


def test_a_manual_pause_waits_for_the_approval_of_this_very_version() -> None:
    found = universe(
        rollout={"shadow": "1m", "canary": {"steps": [{"weight": 20, "pause": {"manual": True}}]}}
    )
    found.until("AwaitingApproval")
    found.change(approvedVersion="another")
    found.tick(5)
    assert found.condition("Progressing").reason == "AwaitingApproval"
    assert "spec.approvedVersion: one" in found.condition("Progressing").message

    found.change(approvedVersion="one")
    found.until("Promoted", "Promoted")


def steps(*pauses: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    canary = [{"weight": weight, "pause": pause} for weight, pause in pauses]
    return {"shadow": "1m", "canary": {"steps": canary}}


DAY, PERSON = {"duration": "1d"}, {"manual": True}


def at(weight: int, rollout: dict[str, Any]) -> Universe:
    found = universe(rollout=rollout)
    while found.status.canary_weight != weight:
        found.tick()
    found.tick(3)
    return found


@pytest.mark.parametrize(
    ("before", "weight", "after"),
    [
        (steps((5, {}), (50, PERSON)), 50, steps((5, {}), (40, PERSON))),
        (steps((10, DAY), (50, DAY)), 10, steps((1, DAY), (5, {"duration": "7d"}))),
        (steps((10, DAY)), 10, steps()),
        (steps((10, DAY)), 10, {"shadow": "0s", "canary": {"steps": []}}),
    ],
)
def test_a_weight_that_is_edited_away_with_none_above_it_is_held_until_a_person_says_more(
    before: dict[str, Any], weight: int, after: dict[str, Any]
) -> None:
    found = at(weight, before)

    found.change(rollout=after)
    found.tick(50)

    progressing = found.condition("Progressing")
    assert (progressing.status, progressing.reason) == ("False", "StepEdited")
    assert f"has neither {weight} nor more" in progressing.message
    assert "spec.pinnedVersion: one" in progressing.message
    assert found.status.canary_weight == weight
    assert found.status.stable_version == "baseline"
    assert [event.warning for event in found.events if event.reason == "StepEdited"] == [True]

    found.change(pinnedVersion="one")
    found.tick(5)
    assert found.status.stable_version == "one"


def test_an_approval_of_an_earlier_step_lets_no_edited_step_be_left() -> None:
    found = at(5, steps((5, PERSON), (50, DAY)))
    found.change(approvedVersion="one")
    while found.status.canary_weight != 50:
        found.tick()

    found.change(rollout=steps((5, PERSON)))
    found.tick(50)

    assert found.status.canary_weight == 50
    assert found.status.stable_version == "baseline"
    assert found.condition("Progressing").reason == "StepEdited"


def test_held_for_its_edited_steps_it_is_rolled_back_by_a_broken_limit_even_so() -> None:
    found = at(10, steps((10, DAY)))
    found.change(rollout=steps((5, {})))
    found.until("StepEdited")
    found.alert_share = 0.9

    found.tick(2)

    assert found.condition("Progressing").reason == "RolledBack"


def test_a_weight_that_is_edited_away_goes_on_to_the_next_one_above_it() -> None:
    found = at(10, steps((10, DAY), (50, DAY)))

    found.change(rollout=steps((20, DAY)))
    found.tick(20)

    assert found.status.canary_weight == 20
    assert found.condition("Progressing").reason == "Pausing"


@pytest.mark.parametrize(("pause", "reason"), [(PERSON, "AwaitingApproval"), (DAY, "Pausing")])
def test_a_weight_that_is_edited_away_passes_no_pause_of_the_step_below(
    pause: dict[str, Any], reason: str
) -> None:
    found = at(50, steps((5, {}), (50, PERSON)))

    found.change(rollout=steps((40, pause), (60, {})))
    found.tick(20)

    assert found.status.canary_weight == 50
    assert found.condition("Progressing").reason == reason


def test_a_shadow_that_is_edited_away_goes_on_or_is_promoted_where_there_are_no_steps() -> None:
    for canary, weight in ([{"weight": 30, "pause": DAY}], 30), ([], 0):
        found = universe(rollout={"shadow": "1d"})
        found.until("Pausing")
        found.change(rollout={"shadow": "0s", "canary": {"steps": canary}})
        found.tick(3)
        assert found.status.canary_weight == weight
        assert (found.status.stable_version == "one") == (not canary)


def test_a_broken_limit_rolls_back_at_once_with_the_figures() -> None:
    found = universe()
    found.until("Pausing")
    while found.status.canary_weight != 10:
        found.tick()
    found.alert_share = 0.4

    found.tick(2)

    assert weights(found.written)[-1] == (Mode.NONE, 0)
    assert found.written[-1].champion == bundle("baseline")
    assert found.status.rejected_versions == ("one",)
    degraded = found.condition("Degraded")
    assert degraded.status == "True"
    assert degraded.reason == "RolledBack"
    assert (
        "its alert rate is 40.00% (35.46% to 44.72% from 1,000 transactions), above 25.00%"
        in degraded.message
    )
    assert "canary of one at 10 %" in degraded.message
    assert found.condition("Promoted").status == "False"
    assert [event.warning for event in found.events if event.reason == "RolledBack"] == [True]


def test_a_version_that_fails_is_rolled_back_however_little_it_scored() -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": {"minDecisions": 10_000_000}})
    found.fails = frozenset({"one"})

    found.until("RolledBack")

    assert "w-0 dropped it: it failed on a batch" in found.condition("Progressing").message


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"maxAlertRateRatio": 0.5}, "above 0.5 times the champion's 1.00% (0."),
        ({"maxScoringRatio": 1.5}, "its time to score over the champion's is 2.00, above 1.50"),
        ({"maxScoringMicroseconds": 15}, "its mean time to score is 20 µs, above 15 µs"),
    ],
)
def test_limits_may_be_against_the_champion(limit: dict[str, float], said: str) -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": limit})

    found.until("RolledBack")

    assert said in found.condition("Progressing").message


def test_a_candidate_that_does_like_the_champion_breaks_no_limit_by_chance() -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": {"maxAlertRate": 0.02, "maxAlertRateRatio": 2}})
    found.alert_share = 0.021

    found.until("Promoted", "Promoted")


def test_a_ratio_holds_where_the_champion_has_no_alert_at_all() -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": {"maxAlertRateRatio": 2}})
    found.champions_share, found.alert_share = 0.0, 0.05

    found.until("RolledBack")

    said = found.condition("Progressing").message
    assert "its alert rate is 5.00% (" in said
    assert "above 2 times the champion's 0.00% (0.00% to " in said


def test_without_a_champion_the_figures_say_that_no_ratio_applies() -> None:
    limits = spec(rollout={"analysis": {"maxAlertRateRatio": 2}}).rollout.analysis
    found = at(50, steps((50, DAY)))
    alone = tuple(replace(worker, models=worker.models[1:]) for worker in found.world.workers)

    verdict = judged(limits, "one", replace(found.world, workers=alone), None)

    assert verdict.broken == ()
    assert verdict.figures.endswith(", no champion for maxAlertRateRatio and maxScoringRatio")


def test_without_a_least_number_of_decisions_a_single_one_rejects_nothing() -> None:
    strict = {"maxAlertRate": 0.0, "maxAlertRateRatio": 0, "maxDisagreement": 0, "maxScorePsi": 0}
    timed = {"maxScoringMicroseconds": 1, "maxScoringRatio": 0.1}
    limits = spec(rollout={"analysis": {"minDecisions": 0} | strict | timed}).rollout.analysis
    found = at(50, steps((50, DAY)))
    found.scored, found.decided, found.alert_share = 2, 1, 1.0
    assert [model.scored for model in found.world.workers[0].models] == [1, 1]

    verdict = judged(limits, "one", replace(found.world, workers=found.world.workers[:1]), None)

    assert verdict.broken == ()


def test_limits_do_not_count_before_there_are_enough_decisions() -> None:
    found = universe(rollout=QUICK["rollout"] | {"analysis": {"minDecisions": 50_000}})
    found.alert_share = 0.9
    found.until("Pausing")
    assert found.status.rejected_versions == ()

    found.until("RolledBack")


def test_a_rejected_version_is_not_tried_again() -> None:
    found = universe()
    found.trains = ["one", "one"]
    found.fails = frozenset({"one"})
    found.until("RolledBack")
    tried = len(found.written)

    found.change(retrainNonce="again")
    found.until("RejectedBefore", "Trained")
    found.tick(50)

    assert len(found.written) == tried
    assert found.status.candidate_version is None


def test_silent_workers_hold_the_rollout_and_roll_nothing_back() -> None:
    found = universe()
    found.until("Pausing")
    before = found.rollout
    found.workers = ()
    found.tick(200)
    assert found.condition("Progressing").reason == "WorkersNotReporting"
    assert found.condition("Ready").status == "False"
    assert found.rollout == before

    found.workers = ("w-0",)
    found.until("Promoted", "Promoted")


def test_a_worker_that_holds_partitions_and_runs_another_generation_holds_it_too() -> None:
    found = universe()
    found.until("Pausing")
    old = found.rollout

    def lagging(report: WorkerStatus) -> WorkerStatus:
        behind = report.worker.endswith("w-1") and found.rollout is not old
        return (
            replace(report, rollout_generation=1, rollout_problem="the store is away") if behind else report
        )

    while found.rollout is old:
        found.tick()
    world = replace(found.world, workers=tuple(map(lagging, found.world.workers)))

    plan = reconcile(found.model, world)

    ready = {condition.type: condition for condition in plan.status.conditions}["Ready"]
    assert ready.reason == "RolloutNotApplied"
    assert "Partitions 1, 3 not held" in ready.message
    assert "the store is away" in ready.message
    assert plan.status.current_step == found.status.current_step


def test_after_the_deadline_a_held_rollout_says_so_and_goes_on_holding() -> None:
    found = universe(rollout=QUICK["rollout"] | {"progressDeadline": "10m"})
    found.until("Pausing")
    found.workers = ()

    found.until("ProgressDeadlineExceeded")

    assert found.condition("Degraded").reason == "ProgressDeadlineExceeded"
    assert found.rollout is not None
    assert found.rollout.mode is Mode.SHADOW


def test_a_person_who_takes_long_exceeds_no_deadline() -> None:
    found = universe(
        rollout={
            "shadow": "0s", "canary": {"steps": [{"weight": 20, "pause": {"manual": True}}]},
            "progressDeadline": "1m",
        }
    )  # fmt: skip
    found.until("AwaitingApproval")
    found.pass_time(timedelta(days=3))
    found.tick(3)

    assert found.condition("Progressing").reason == "AwaitingApproval"


def test_gates_keep_a_candidate_from_being_rolled_out_until_they_are_changed() -> None:
    found = universe(gates=[{"metric": "recall", "min": 0.7}])
    found.until("GateFailed")
    found.tick(30)
    assert weights(found.written) == [(Mode.NONE, 0)]
    assert found.condition("Verified").message == "recall is 0.6, below 0.7."
    assert found.status.candidate_version == "one"
    assert found.status.rejected_versions == ()

    found.change(gates=[{"metric": "recall", "min": 0.6}])
    found.until("Promoted", "Promoted")


def test_a_changed_rollout_does_not_train_again() -> None:
    found = promoted()
    runs = set(found.jobs)

    found.change(rollout={"shadow": "2h"}, gates=[{"metric": "recall", "min": 0.1}], revisionHistoryLimit=3)
    found.tick(5)

    assert set(found.jobs) == runs


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "random_forest"},
        {"hyperparameters": {"n_estimators": 9}},
        {"features": ["amount"]},
        {"training": {"window": "7d"}},
        {"training": {"labelDelay": "1d"}},
        {"retrainNonce": "2"},
    ],
)
def test_what_a_training_depends_on_trains_again(change: dict[str, Any]) -> None:
    found = promoted()
    runs = set(found.jobs)

    found.change(**change)
    found.tick()

    [new] = set(found.jobs) - runs
    assert found.status.training is not None
    assert found.status.training.cause == "SpecChanged"
    assert found.status.training.run_id == new


def test_a_change_while_a_job_runs_stops_it() -> None:
    found = universe()
    found.slow_jobs = True
    found.tick(2)
    [first] = found.jobs.values()

    found.change(retrainNonce="now")
    plan = found.plan()
    found.follow(plan)

    assert plan.acts[0] == StopJob(first.job_name)
    [second] = found.jobs.values()
    assert second.job_name != first.job_name


def test_an_operator_that_was_killed_before_it_stopped_a_job_stops_it_when_it_is_back() -> None:
    found = universe()
    found.slow_jobs = True
    found.tick(2)
    [first] = found.jobs.values()
    found.change(retrainNonce="now")
    found.lost = 9
    found.tick()
    found.lost = 0

    plan = found.plan()

    assert StopJob(first.job_name) in plan.acts


def test_a_schedule_trains_again_and_the_status_says_when() -> None:
    found = promoted(training={"schedule": "0 3 * * *"})
    assert found.status.next_training_time is not None
    assert f"{found.status.next_training_time:%d %H:%M}" == "03 03:00"
    runs = len(found.jobs)

    found.now = found.status.next_training_time - timedelta(seconds=1)
    found.follow(found.plan())
    assert len(found.jobs) == runs

    found.tick(2)
    assert len(found.jobs) == runs + 1
    assert found.status.training is not None
    assert found.status.training.cause == "Schedule"


def test_nights_that_were_missed_are_one_training() -> None:
    found = promoted(training={"schedule": "0 3 * * *"})
    runs = len(found.jobs)

    found.now += timedelta(days=9)
    found.tick(20)

    assert len(found.jobs) == runs + 1


@pytest.mark.parametrize("training", [{"schedule": "0 * * * *"}, {"retrainAfterLabels": 100}])
def test_what_is_due_while_a_candidate_is_rolled_out_is_trained_once_that_is_through(
    training: dict[str, Any],
) -> None:
    found = universe(
        training=training,
        rollout={"shadow": "3h", "canary": {"steps": [{"weight": 50, "pause": {"duration": "1m"}}]}},
    )
    found.until("Pausing")
    runs = len(found.jobs)
    found.labels = 100
    found.now += timedelta(hours=2)
    found.tick()
    assert len(found.jobs) == runs

    found.now += timedelta(hours=2)
    found.until("Promoted", "Promoted")
    found.tick()

    assert len(found.jobs) == runs + 1


def test_enough_new_labels_train_again() -> None:
    found = promoted(training={"retrainAfterLabels": 100})
    runs = len(found.jobs)
    found.labels = 99
    found.tick()
    assert len(found.jobs) == runs

    found.labels = 100
    found.tick()
    assert len(found.jobs) == runs + 1


def test_paused_nothing_is_trained_and_no_step_is_taken() -> None:
    found = universe(paused=True)
    found.tick(10)
    assert found.jobs == {}

    found.change(paused=False)
    found.until("Pausing")
    found.change(paused=True)
    found.tick(100)
    assert found.status.current_step == 0
    assert found.condition("Progressing").reason == "Paused"


def test_paused_a_broken_limit_still_rolls_back() -> None:
    found = universe()
    found.until("Pausing")
    found.change(paused=True)
    found.alert_share = 0.9

    found.until("RolledBack")


def test_to_pin_the_version_before_is_to_roll_back() -> None:
    found = promoted()

    found.change(pinnedVersion="baseline")
    found.tick(2)
    assert found.rollout is not None
    assert found.rollout.champion == bundle("baseline")
    assert found.status.rejected_versions == ("one",)
    assert found.condition("Progressing").reason == "Pinned"

    found.change(pinnedVersion=None)
    found.tick(5)
    assert found.status.stable_version == "baseline"
    assert found.condition("Progressing").reason == "Complete"
    assert found.condition("Degraded").status == "False"
    assert found.condition("Promoted").message == "baseline decides. It was pinned."


def test_a_history_has_messages_that_fit_into_a_status() -> None:
    status = rejected(promoted().status, bundle("two"), NOW, "w-0 dropped it: " + 99 * "a long trace ")

    assert len(status.history[0].message) == 1_000


def test_pinned_candidates_are_trained_and_wait() -> None:
    found = promoted()
    found.change(pinnedVersion="one", retrainNonce="more")
    found.tick(100)
    assert found.status.candidate_version == "two"
    assert found.rollout is not None
    assert found.rollout.challenger is None

    found.change(pinnedVersion=None)
    found.until("Promoted", "Promoted")
    assert found.status.stable_version == "two"


def test_a_pinned_version_that_nobody_knows_changes_nothing() -> None:
    found = promoted()
    found.change(pinnedVersion="nobody")
    found.tick(3)

    assert found.condition("Degraded").reason == "PinnedVersionUnknown"
    assert found.status.stable_version == "one"


def test_a_pinned_version_that_nobody_knows_holds_a_canary_and_ends_none() -> None:
    found = at(10, steps((10, {}), (50, {})))

    found.change(pinnedVersion="typo")
    found.tick(50)

    assert weights(found.written)[-1] == (Mode.CANARY, 10)
    progressing = found.condition("Progressing")
    assert (progressing.status, progressing.reason) == ("False", "PinnedVersionUnknown")
    assert "no step is taken: canary of one at 10 % is held." in progressing.message

    broken = replace(found, alert_share=0.9, events=[], written=[])
    broken.tick(2)
    assert broken.status.rejected_versions == ("one",)
    assert weights(broken.written) == [(Mode.NONE, 0)]

    found.change(pinnedVersion=None)
    found.until("Promoted", "Promoted")


def test_a_pinned_version_that_nobody_knows_begins_nothing() -> None:
    found = universe(pinnedVersion="typo")

    found.tick(20)

    assert found.status.candidate_version == "one"
    assert weights(found.written) == [(Mode.NONE, 0)]
    assert found.condition("Degraded").reason == "PinnedVersionUnknown"


def test_a_pinned_version_may_be_one_that_was_published_by_hand() -> None:
    found = promoted()
    found.change(pinnedVersion="theirs")

    plan = reconcile(found.model, replace(found.world, found={"theirs": bundle("theirs")}))

    [act] = plan.acts
    assert isinstance(act, WriteRollout)
    assert act.rollout.champion == bundle("theirs")


def test_an_edit_that_trains_takes_promoted_back_until_what_it_asks_for_is_promoted() -> None:
    found = promoted()
    found.slow_jobs = True

    found.change(retrainNonce="again")
    found.tick()
    training = found.condition("Promoted")
    assert (training.status, training.reason) == ("False", "Training")
    assert training.observed_generation == found.generation

    found.trains, found.slow_jobs = [None, "two"], False
    found.pass_time()
    found.tick()
    failed = found.condition("Promoted")
    assert (failed.status, failed.reason) == ("False", "NotEnoughSamples")
    assert failed.message == "too few transactions."

    found.until("Promoted", "Promoted")
    assert found.status.stable_version == "two"


def test_an_edit_that_is_not_trained_as_it_is_paused_takes_promoted_back_too() -> None:
    found = promoted()

    found.change(retrainNonce="again", paused=True)
    found.tick()

    assert (found.condition("Promoted").status, found.condition("Promoted").reason) == ("False", "NotTrained")


@pytest.mark.parametrize("stored", [{}, {"trained_hash": None}])
def test_what_a_schedule_trains_anew_takes_no_promotion_back_before_it_has_a_candidate(
    stored: dict[str, None],
) -> None:
    found = promoted(training={"schedule": "0 3 * * *"})
    found.status = found.status.model_copy(update=stored)
    found.slow_jobs = True

    found.now += timedelta(days=1)
    found.tick(3)
    assert found.condition("Trained").reason == "Training"
    assert found.condition("Promoted").status == "True"

    found.trains, found.slow_jobs = [None], False
    found.tick(2)
    assert found.condition("Trained").reason == "NotEnoughSamples"
    assert found.condition("Promoted").status == "True"


def test_a_failed_training_says_why_and_what_decides_goes_on() -> None:
    found = universe()
    found.trains = [None, "one"]
    found.until("NotEnoughSamples", "Trained")
    assert found.status.last_failure == "too few transactions."
    assert found.status.stable_version == "baseline"

    found.change(retrainNonce="again")
    found.until("Promoted", "Promoted")
    assert found.status.last_failure is None


def test_a_newer_candidate_takes_the_place_of_one_on_trial() -> None:
    found = universe(rollout={"shadow": "1d"})
    found.until("Pausing")

    found.change(retrainNonce="b")
    found.tick(4)

    assert found.status.candidate_version == "two"
    assert {entry.version: entry.outcome for entry in found.status.history} == {
        "baseline": Outcome.ADOPTED, "one": Outcome.SUPERSEDED, "two": Outcome.CANDIDATE,
    }  # fmt: skip


def test_versions_beyond_the_limit_are_deleted_but_for_those_in_use_and_those_of_others() -> None:
    found = promoted(revisionHistoryLimit=0)
    for number in range(3):
        found.change(retrainNonce=str(number))
        found.until("CandidateOnTrial", "Promoted")
        found.until("Promoted", "Promoted")
    found.tick(3)

    assert found.status.stable_version == "last"
    assert [entry.version for entry in found.status.history] == ["last", "three"]
    assert {bundle(version).sha256 for version in ("one", "two")} == found.deleted


def test_two_for_one_pipeline_the_older_wins_and_the_other_says_so() -> None:
    found = universe()

    plan = reconcile(found.model, replace(found.world, older="first"))

    assert plan.acts == ()
    told = {condition.type: condition for condition in plan.status.conditions}
    assert told["Ready"].reason == "PipelineTaken"
    assert told["Ready"].message == "first is older and manages fraud-detector; delete one of the two."


def test_one_of_another_namespace_is_not_called_older_and_what_helps_where_it_is_gone_is_said() -> None:
    found = universe()

    plan = reconcile(found.model, replace(found.world, foreign="old/cards"))

    assert plan.acts == ()
    told = {condition.type: condition for condition in plan.status.conditions}
    assert told["Ready"].reason == told["Progressing"].reason == "PipelineTaken"
    assert told["Ready"].message == (
        "The FraudModel old/cards manages fraud-detector, in a namespace that can't be seen from here; "
        "delete one of the two. Where that one is gone already, upgrade this release once with --set "
        "setup.takeOver=true, or run `fraudstream models promote baseline --take-over` in a detector's pod."
    )


def test_where_the_rules_decide_alone_there_is_no_version_to_take_over_with() -> None:
    found = universe()
    found.rollout = Rollout("fraud-detector", 7)

    plan = reconcile(found.model, replace(found.world, foreign="old/cards"))

    [told] = [condition.message for condition in plan.status.conditions if condition.type == "Progressing"]
    assert told.endswith("upgrade this release once with --set setup.takeOver=true.")


def test_a_wrong_schedule_is_an_invalid_spec_that_trains_nothing() -> None:
    found = universe(training={"schedule": "every day"})

    found.tick(3)

    assert found.jobs == {}
    assert found.status.next_training_time is None
    for kind in ("Progressing", "Trained"):
        condition = found.condition(kind)
        assert (condition.status, condition.reason) == ("False", "InvalidSpec")
        assert "'every day' is no cron expression" in condition.message
    assert [event.warning for event in found.events if event.reason == "InvalidSpec"] == [True]
    assert found.condition("Ready").status == "True"

    found.change(training={"schedule": "0 3 * * 1"})
    found.until("Promoted", "Promoted")


def test_a_wrong_schedule_in_the_middle_of_a_canary_takes_away_neither_rollback_nor_pin() -> None:
    found = at(10, steps((10, DAY)))
    found.change(training={"schedule": "weekly"})
    found.tick()
    assert found.condition("Progressing").reason == "Pausing"
    assert found.condition("Trained").reason == "InvalidSpec"

    pinned = replace(found, written=[], wanted=found.wanted.model_copy(update={"pinned_version": "baseline"}))
    pinned.tick(2)
    assert weights(pinned.written) == [(Mode.NONE, 0)]
    assert pinned.condition("Progressing").reason == "Pinned"

    found.alert_share = 0.9
    found.tick(2)
    assert weights(found.written)[-1] == (Mode.NONE, 0)
    assert found.status.rejected_versions == ("one",)
    assert found.condition("Degraded").reason == "RolledBack"
    assert found.condition("Trained").reason == "InvalidSpec"


def test_what_is_not_understood_of_a_spec_trains_nothing_and_takes_no_step() -> None:
    found = at(10, steps((10, {}), (50, {})))
    found.fault = "spec.hyperparameters.a: no list."
    found.change(retrainNonce="again", revisionHistoryLimit=0)
    runs = set(found.jobs)

    found.tick(50)

    assert set(found.jobs) == runs
    assert found.status.canary_weight == 10
    assert found.status.next_training_time is None
    progressing = found.condition("Progressing")
    assert (progressing.status, progressing.reason) == ("False", "InvalidSpec")
    assert progressing.message == (
        "spec.hyperparameters.a: no list. Until then no step is taken: canary of one at 10 % is held."
    )
    assert found.condition("Trained").reason == "InvalidSpec"
    assert found.deleted == set()

    found.fault = None
    found.until("Promoted", "Promoted")


def test_what_is_not_understood_of_a_spec_takes_away_neither_rollback_nor_pin() -> None:
    found = at(10, steps((10, DAY)))
    found.fault = "spec.hyperparameters.a: no list."
    pinned = replace(found, written=[], wanted=found.wanted.model_copy(update={"pinned_version": "baseline"}))
    pinned.tick(2)
    assert weights(pinned.written) == [(Mode.NONE, 0)]

    found.alert_share = 0.9
    found.tick(2)

    assert found.condition("Degraded").reason == "RolledBack"
    assert weights(found.written)[-1] == (Mode.NONE, 0)


def test_a_job_that_was_announced_is_not_made_of_what_is_not_understood() -> None:
    found = universe()
    found.lost = 9
    found.tick()
    assert found.status.training is not None
    assert found.jobs == {}
    found.lost, found.fault = 0, "spec.hyperparameters.a: no list."
    found.tick(3)
    assert found.jobs == {}

    found.fault = None
    found.tick()
    assert len(found.jobs) == 1


def test_one_that_is_deleted_drops_its_challenger_and_leaves_its_champion() -> None:
    found = universe()
    found.until("Pausing")
    assert found.rollout is not None

    left = released(found.rollout)

    assert left.champion == bundle("baseline")
    assert left.challenger is None
    assert left.managed_by == "cli"
    assert left.generation == found.rollout.generation + 1


def test_what_a_new_pipeline_lacks_is_waited_for_longer_each_time() -> None:
    found = universe()
    found.trains = [None, None, None, "one"]
    found.until("Promoted", "Promoted")

    starts = [event for event in found.events if event.reason == "NotEnoughSamples"]
    assert len(found.jobs) == 4
    assert starts
    assert found.status.training is not None
    assert (found.status.training.cause, found.status.training.retries) == ("Retry", 3)


def test_it_is_told_when_a_failed_training_is_tried_again() -> None:
    found = universe()
    found.trains = [None] * 5
    found.until("NotEnoughSamples")

    assert found.status.next_training_time == found.now - TICK + FIRST_RETRY
    assert "It is tried again at 2026-11-02T12:01:05Z." in found.condition("Progressing").message
    found.now += timedelta(days=3)
    found.tick(3)
    again = retry_time(found.status.training)
    assert again is not None
    assert found.status.training is not None
    assert found.status.training.finished_at is not None
    assert again - found.status.training.finished_at == 2 * FIRST_RETRY


def fail(found: Universe, failure: str) -> None:
    assert found.status.training is not None
    found.runs[found.status.training.run_id] = Run(RunState.FAILED, 0, failure=Failure(failure, "too much"))
    found.tick(2)
    assert found.condition("Trained").reason == failure


def last(found: Universe) -> TrainingStatus:
    assert found.status.training is not None
    return found.status.training


@pytest.mark.parametrize(
    ("failure", "mended"),
    [
        ("JobRefused", {"resources": {"requests": {"memory": "1Gi"}}}),
        ("OutOfMemory", {"resources": {"limits": {"memory": "16Gi"}}}),
        ("DeadlineExceeded", {"deadline": "20h"}),
        ("Error", {"retries": 5}),
        ("NotEnoughSamples", {"minSamples": 100}),
    ],
)
def test_what_failed_is_tried_again_at_once_when_its_job_would_be_given_something_else(
    failure: str, mended: dict[str, Any]
) -> None:
    found = universe()
    found.slow_jobs = True
    found.tick()
    fail(found, failure)
    assert last(found).number == 1

    found.change(training=mended)
    found.tick()

    assert last(found).cause == "Retry"
    assert len(found.jobs) == 2


def failed_beside_a_canary(**training: Any) -> Universe:
    """The next training has failed while one waits at 20 % for a person."""
    found = at(20, steps((20, PERSON)))
    found.slow_jobs = True
    found.change(retrainNonce="again", training=training)
    found.tick()
    fail(found, "OutOfMemory")
    return found


@pytest.mark.parametrize(
    "edit",
    [
        {"approvedVersion": "one"},
        {"pinnedVersion": "one"},
        {"rollout": steps((20, {}))},
        {"gates": [{"metric": "recall", "min": 0.1}], "approvedVersion": "one"},
        {"training": {"schedule": "0 3 * * 1", "retrainAfterLabels": 5_000}, "approvedVersion": "one"},
    ],
)
def test_no_edit_of_anything_else_trains_again_what_failed_nor_takes_the_canary_away(
    edit: dict[str, Any],
) -> None:
    found = failed_beside_a_canary()

    found.change(**edit)
    found.tick(20)

    assert last(found).number == 2
    assert found.status.stable_version == "one"


def test_what_a_schedule_trained_in_vain_is_tried_again_once_the_candidate_is_through() -> None:
    found = promoted(training={"schedule": "0 3 * * *"}, gates=[{"metric": "recall", "min": 0.5}])
    found.metrics = {"recall": 0.4}
    found.change(retrainNonce="again")
    found.until("GateFailed", "Verified")
    found.slow_jobs = True
    found.now += timedelta(days=1)
    found.tick()
    fail(found, "OutOfMemory")
    found.change(gates=[], rollout=steps((20, PERSON)))
    found.until("AwaitingApproval")

    found.change(training={"schedule": "0 3 * * *", "resources": {"limits": {"memory": "16Gi"}}})
    found.tick(5)
    assert last(found).cause == "Schedule"
    assert found.status.canary_weight == 20

    found.change(approvedVersion="two")
    found.tick(5)
    assert found.status.stable_version == "two"
    assert last(found).cause == "Retry"


def test_what_is_edited_while_a_training_runs_is_tried_at_once_when_it_fails() -> None:
    found = universe()
    found.slow_jobs = True
    found.tick()
    found.change(training={"resources": {"limits": {"memory": "16Gi"}}})
    found.tick(2)
    assert last(found).number == 1

    found.runs[last(found).run_id] = Run(RunState.FAILED, 0, failure=Failure("OutOfMemory", "too much"))
    found.tick()

    assert (last(found).number, last(found).cause) == (2, "Retry")


def test_what_is_edited_before_there_is_a_job_is_what_the_job_is_given() -> None:
    found = universe()
    found.slow_jobs, found.lost = True, 9
    found.tick()
    assert found.jobs == {}
    found.lost = 0
    found.change(training={"resources": {"limits": {"memory": "16Gi"}}})
    found.tick()
    [job] = found.jobs.values()
    assert job.resources.limits == {"memory": "16Gi"}

    fail(found, "OutOfMemory")

    assert last(found).number == 1


def test_a_failure_of_an_operator_that_did_not_note_what_it_gave_is_tried_again_by_the_next_such_edit() -> (
    None
):
    found = failed_beside_a_canary()
    before = last(found).model_copy(update={"given_hash": None})
    found.status = found.status.model_copy(update={"training": before})

    found.change(rollout=steps((20, PERSON), (50, {})))
    found.tick(3)
    assert last(found).number == 2
    assert found.status.canary_weight == 20

    found.change(training={"resources": {"limits": {"memory": "16Gi"}}})
    found.tick()
    assert last(found).number == 3


def test_what_time_does_not_mend_is_not_tried_again() -> None:
    failed = TrainingStatus(
        run_id="a", number=1, hash="b", cause="FirstTraining", job_name="c", started_at=NOW, finished_at=NOW,
        failure="WindowNotRetained",
    )  # fmt: skip

    assert retry_time(failed) is None
    assert (
        retry_time(failed.model_copy(update={"failure": "Unavailable", "retries": 99})) == NOW + LONGEST_RETRY
    )
