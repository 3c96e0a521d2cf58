"""What labels say of a candidate: measured by Jobs, waited for in a canary, and of one step only."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
import typer

from fraud_operator.api.status import FraudModelStatus
from fraud_operator.planning.starting import PATIENCE
from fraud_operator.planning.world import Failure, Measured, StartJob, StopJob
from fraud_trainer.cli import app as trainer
from tests.support.fraud_models import TICK, Universe, spec

CANARY = {"steps": [{"weight": 50, "pause": {"duration": "2m"}}]}
ANALYSIS = {"minLabels": 50, "interval": "1m"}
GOOD = {"one": Measured(60, 0.48), "baseline": Measured(90, 0.5)}
BAD = {"one": Measured(60, 0.2), "baseline": Measured(90, 0.5)}
FEW = {"one": Measured(20, 0.5), "baseline": Measured(90, 0.5)}


def universe(*, shadow: str = "2m", canary: dict[str, Any] = CANARY, **analysis: Any) -> Universe:
    return Universe(spec(rollout={"shadow": shadow, "canary": canary, "analysis": ANALYSIS | analysis}))


def measurements(found: Universe) -> list[StartJob]:
    return [job for job in found.jobs.values() if job.arguments[1] == "precision"]


def until_weight(found: Universe, weight: int) -> None:
    for _ in range(100):
        if found.status.canary_weight == weight:
            return
        found.tick()
    raise AssertionError(found.told())


def until_measured(found: Universe) -> None:
    for _ in range(100):
        if found.status.analysis and found.status.analysis.finished_at:
            return
        found.tick()
    raise AssertionError(found.told())


def lacking(found: Universe) -> str:
    """What a step waits for once it has all but labels."""
    found.until("AwaitingEvidence")
    found.tick(int(timedelta(minutes=2) / TICK))
    return found.condition("Progressing").message


def test_figures_of_an_operator_that_counted_all_steps_together_decide_nothing() -> None:
    found = universe()
    until_weight(found, 50)
    until_measured(found)
    found.measured = BAD
    old = found.status.model_dump() | {"step_applied_at": None}
    assert old["analysis"]
    old["analysis"] |= {"labels": 60, "precision": 0.01, "champion_labels": 60, "champion_precision": 0.9}
    found.status = FraudModelStatus.model_validate(old)

    found.follow(found.plan())

    assert found.status.analysis is None
    assert found.status.current_step is not None


def test_a_canary_waits_for_labelled_alerts_that_jobs_count() -> None:
    found = universe()
    found.measured = FEW
    assert "canary of one at 50 %" in lacking(found)
    assert "20 of 50 labelled alerts (Inconclusive)" in lacking(found)

    found.measured = GOOD
    found.until("Promoted", "Promoted")


def test_a_shadow_waits_for_no_label_as_nobody_looks_at_what_it_alerts_on() -> None:
    found = universe()

    until_weight(found, 50)

    assert found.condition("Progressing").reason == "StepBegun"


@pytest.mark.parametrize(("shadow", "where"), [("1h", "shadow of one"), ("0s", "canary of one at 50 %")])
def test_a_worse_precision_rolls_back_in_both(shadow: str, where: str) -> None:
    found = universe(shadow=shadow)
    found.measured = BAD

    found.until("RolledBack")

    message = found.condition("Degraded").message
    assert (
        "its precision is 20.00% (11.83% to 31.78% from 60 labelled alerts), below 0.9 times the " in message
    )
    assert "the champion's 50.00% (39.88% to 60.12% from 90 labelled alerts)" in message
    assert f"At {where}: " in message


def test_a_precision_that_chance_may_have_made_worse_rolls_nothing_back() -> None:
    found = universe()
    found.measured = {"one": Measured(60, 0.4, 0.28, 0.53), "baseline": Measured(60, 0.5, 0.38, 0.62)}

    found.until("Promoted", "Promoted")


def test_the_trainers_interval_counts_which_knows_how_labels_weigh() -> None:
    found = universe()
    found.measured = {"one": Measured(60, 0.2, 0.02, 0.7), "baseline": Measured(90, 0.5, 0.4, 0.6)}
    until_measured(found)

    analysis = found.status.analysis
    assert analysis
    assert (analysis.precision_low, analysis.precision_high) == (0.02, 0.7)
    assert (analysis.champion_precision_low, analysis.champion_precision_high) == (0.4, 0.6)
    found.until("Promoted", "Promoted")


def test_figures_that_an_operator_of_before_has_left_are_judged_as_if_all_labels_weighed_alike() -> None:
    found = universe(interval="1d")
    until_weight(found, 50)
    found.tick()
    assert found.status.step_applied_at
    known = {"labels": 60, "precision": 0.2, "champion_labels": 60, "champion_precision": 0.5}
    times = {"started_at": found.now, "finished_at": found.now}
    of_before = {"runID": "1", "number": 1, "version": "one", "job_name": "j"} | known | times
    found.status = FraudModelStatus.model_validate(found.status.model_dump() | {"analysis": of_before})

    found.tick()

    assert found.condition("Progressing").reason == "RolledBack"


def test_what_was_measured_in_the_shadow_says_nothing_of_the_canary() -> None:
    found = universe(canary={"steps": [{"weight": 50}]})
    found.measured = GOOD
    until_weight(found, 50)
    assert measurements(found)

    found.measured = {}  # nobody has looked at what is decided since
    assert "canary of one at 50 %: waits for evidence, 0 of 50 labelled alerts" in lacking(found)


@pytest.mark.parametrize("figures", [GOOD, BAD])
def test_nor_does_a_job_that_still_runs_when_the_shadow_ends(figures: dict[str, Measured]) -> None:
    found = universe(canary={"steps": [{"weight": 50}]})
    found.slow_jobs = True
    found.tick()
    found.end_jobs()  # the training
    while found.plan().status.canary_weight != 50:
        found.tick()
    [measuring] = measurements(found)

    plan = found.plan()
    found.lost = len(plan.acts)  # killed before it is stopped
    found.follow(plan)
    found.measured, found.lost = figures, 0
    found.end_jobs()
    assert StopJob(measuring.job_name) in plan.acts
    found.measured, found.slow_jobs = {}, False
    assert "canary of one at 50 %: waits for evidence, 0 of 50 labelled alerts" in lacking(found)


def test_what_was_measured_in_one_canary_step_says_nothing_of_the_next() -> None:
    found = universe(canary={"steps": [{"weight": 10}, {"weight": 50}]})
    found.measured = GOOD
    until_weight(found, 50)
    found.measured = FEW

    assert "canary of one at 50 %: waits for evidence, 20 of 50 labelled alerts" in lacking(found)


def test_each_job_counts_what_was_decided_since_detectors_ran_its_step() -> None:
    found = universe(canary={"steps": [{"weight": 10}, {"weight": 50}]})
    found.measured = GOOD
    ran = []
    for step in range(3):
        while found.status.current_step != step:
            found.tick()
        ran.append(found.now)  # it is written and taken up within one tick
    found.until("Promoted", "Promoted")

    told = [_read_by_the_trainer(job.arguments) for job in measurements(found)]
    assert list(dict.fromkeys(one["decided_from"] for one in told)) == [at.replace(tzinfo=None) for at in ran]
    assert {one["label_maturity"] for one in told} == {timedelta(days=30)}
    assert len({job.run_id for job in measurements(found)}) == len(told)


def test_what_is_decided_before_every_detector_runs_the_step_does_not_count() -> None:
    found = universe(shadow="0s")
    while found.status.current_step is None:
        found.tick()
    found.mute = frozenset({"w-1"})
    found.tick(50)
    assert measurements(found) == []

    found.mute, ran = frozenset(), found.now
    until_measured(found)
    [job] = measurements(found)
    assert _read_by_the_trainer(job.arguments)["decided_from"] == ran.replace(tzinfo=None)


def _read_by_the_trainer(arguments: tuple[str, ...]) -> dict[str, Any]:
    program, command, *flags = arguments
    assert program == "trainer"
    found = typer.main.get_command(trainer).commands[command]  # type: ignore[attr-defined]
    return dict(found.make_context(command, flags).params)


def test_a_step_has_no_job_before_there_is_anything_to_count() -> None:
    found = universe(shadow="0s", interval="10m")
    until_weight(found, 50)
    found.tick(int(timedelta(minutes=9) / TICK))
    assert measurements(found) == []

    found.tick(int(timedelta(minutes=2) / TICK))
    assert len(measurements(found)) == 1


@pytest.mark.parametrize("interval", ["0s", "30s", "1m"])
def test_no_interval_is_shorter_than_a_minute(interval: str) -> None:
    found = universe(shadow="1d", interval=interval)
    while found.status.step_applied_at is None:
        found.tick()

    found.tick(1 + int(timedelta(minutes=10) / TICK))

    assert len(measurements(found)) == 10


def test_a_candidate_that_is_tried_again_is_measured_again() -> None:
    found = universe(shadow="0s")
    found.measured = FEW
    assert "20 of 50" in lacking(found)

    found.change(pinnedVersion="baseline")
    found.tick(2)
    found.change(pinnedVersion=None)
    found.measured = GOOD
    until_measured(found)

    assert found.status.analysis
    assert found.status.analysis.labels == 60


def test_without_a_champion_to_compare_with_it_waits() -> None:
    found = universe()
    found.measured = {"one": Measured(60, 0.2), "baseline": Measured(7, 0.5)}
    assert "7 of 50 labelled alerts of the champion (Inconclusive)" in lacking(found)

    found.measured = {"one": Measured(60, 0.2), "baseline": Measured(50, 0.5)}
    found.until("RolledBack")


TOO_LONG = Failure("DeadlineExceeded", "")
OUT_OF_MEMORY = Failure("OutOfMemory", "The pod was killed for the memory it took.")


def measuring(analysis: Mapping[str, Any] = MappingProxyType({}), **training: Any) -> Universe:
    """One in a canary, whose first Job of the step runs."""
    rollout = {"shadow": "0s", "canary": CANARY, "analysis": {**ANALYSIS, **analysis}}
    found = Universe(spec(rollout=rollout, training=training))
    found.measured = FEW
    until_weight(found, 50)
    found.slow_jobs = True
    while not (found.status.analysis and found.status.analysis.run_id in found.runs):
        found.tick()
    return found


def test_a_job_that_fails_is_told_where_its_step_waits_and_as_an_event() -> None:
    found = measuring()
    found.tick(int(timedelta(minutes=2) / TICK))

    found.fail_jobs(OUT_OF_MEMORY)
    found.tick(3)

    message = found.condition("Progressing").message
    assert "0 of 50 labelled alerts (Inconclusive). The last Job that measures precision failed: " in message
    assert message.endswith("The pod was killed for the memory it took.")
    [event] = [event for event in found.events if event.reason == "AnalysisFailed"]
    assert event.warning
    assert event.message == f"{measurements(found)[0].job_name}: {OUT_OF_MEMORY.message}"

    found.slow_jobs = False
    found.tick(int(timedelta(minutes=2) / TICK))
    assert found.condition("Progressing").message.endswith("20 of 50 labelled alerts (Inconclusive).")


def test_a_job_whose_pod_does_not_start_says_so_and_not_that_it_took_too_long() -> None:
    found = measuring()

    found.hold_up("ImagePullBackOff", "Back-off pulling image")
    found.tick()
    name = measurements(found)[0].job_name
    told = f"Precision is not measured: {name} does not start: ImagePullBackOff: Back-off pulling image."
    assert found.condition("Progressing").message.endswith(told)

    found.fail_jobs(TOO_LONG)
    found.tick()
    told = "did not start within spec.rollout.analysis.deadline: Image"
    assert told in found.condition("Progressing").message


def test_one_that_took_too_long_names_its_own_deadline() -> None:
    found = measuring()

    found.fail_jobs(TOO_LONG)
    found.tick()

    told = "It took longer than spec.rollout.analysis.deadline; raise it."
    assert told in found.condition("Progressing").message


def test_a_job_has_the_resources_of_a_training_and_a_deadline_of_its_own() -> None:
    found = measuring(deadline="9h", resources={"limits": {"memory": "16Gi"}})

    [job] = measurements(found)
    assert job.resources.limits == {"memory": "16Gi"}
    assert job.deadline_s == 3_600

    found = measuring({"deadline": "2h"})
    [job] = measurements(found)
    assert job.deadline_s == 2 * 3_600


TOO_LARGE = {"limits": {"memory": "900Gi"}}


def too_large() -> Universe:
    """One whose measurement no node has room for, long enough to be told."""
    found = measuring(resources=TOO_LARGE)
    found.hold_up("Unschedulable", "0/3 nodes are available: 3 Insufficient memory.")
    found.tick(1 + int(PATIENCE["Unschedulable"] / TICK))
    assert "does not start: Unschedulable: 0/3 nodes" in found.condition("Progressing").message
    return found


def test_a_job_that_no_node_has_room_for_is_begun_anew_with_resources_that_are_edited_meanwhile() -> None:
    found = too_large()
    [first] = measurements(found)

    found.change(training={"resources": {"limits": {"memory": "2Gi"}}})
    plan = found.plan()
    found.tick(2)

    [second] = measurements(found)
    assert StopJob(first.job_name) in plan.acts
    assert second.resources.limits == {"memory": "2Gi"}
    assert "Precision is not measured" not in found.condition("Progressing").message
    assert [event for event in found.events if event.reason == "AnalysisFailed"] == []

    found.slow_jobs = False
    found.tick(2)
    assert found.status.analysis
    assert found.status.analysis.labels == FEW["one"].labels


def test_no_other_edit_begins_it_anew_nor_one_while_it_runs() -> None:
    found = too_large()
    [first] = measurements(found)
    found.change(training={"resources": TOO_LARGE, "deadline": "9h", "minSamples": 500})
    found.tick(3)
    assert measurements(found) == [first]

    found.hold_up(None)
    found.tick()
    found.change(training={"resources": {"limits": {"memory": "2Gi"}}})
    found.tick(3)
    assert measurements(found) == [first]


def test_one_of_an_operator_that_did_not_note_what_it_was_given_is_left_to_its_deadline() -> None:
    found = too_large()
    [first] = measurements(found)
    assert found.status.analysis
    noted = found.status.analysis.model_copy(update={"given_hash": None})
    found.status = found.status.model_copy(update={"analysis": noted})

    found.change(approvedVersion="other")
    found.tick(3)

    assert measurements(found) == [first]


def test_too_few_labels_may_be_no_reason_to_wait() -> None:
    universe(inconclusive="Continue").until("Promoted", "Promoted")
