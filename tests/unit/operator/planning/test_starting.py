"""A training whose pod does not start says what keeps it, and is not told to have taken too long."""

from datetime import timedelta

import pytest

from fraud_operator.planning.starting import PATIENCE
from fraud_operator.planning.world import Failure, StopJob
from tests.support.fraud_models import QUICK, TICK, Universe, spec

NO_IMAGE = ("ImagePullBackOff", 'Back-off pulling image "fraudstream-trainer:1"')
TOO_LARGE = ("Unschedulable", "0/1 nodes are available: 1 Insufficient memory.")
TOO_LONG = Failure("DeadlineExceeded", "")


def training() -> Universe:
    found = Universe(spec(**QUICK))
    found.slow_jobs = True
    found.tick(2)
    return found


def held_up(reason: str, message: str = "") -> Universe:
    """For so long that it is told."""
    found = training()
    found.hold_up(reason, message)
    found.tick(1 + _patience(reason))
    return found


def _patience(reason: str) -> int:
    """In ticks."""
    return int(PATIENCE.get(reason, timedelta()) / TICK)


def test_what_keeps_the_pod_from_starting_is_said_at_once_in_every_condition_of_it() -> None:
    found = held_up(*NO_IMAGE)

    for kind in ("Trained", "Progressing", "Promoted"):
        told = found.condition(kind)
        assert (told.status, told.reason) == ("False", "JobNotStarted")
        assert told.message.endswith(
            " does not start (FirstTraining): ImagePullBackOff: Back-off pulling image "
            '"fraudstream-trainer:1".'
        )
    assert [event.warning for event in found.events if event.reason == "JobNotStarted"] == [True]

    found.hold_up(None)
    found.tick()
    assert found.condition("Trained").reason == "Training"

    found.slow_jobs = False
    found.until("Promoted", "Promoted")


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", "Unschedulable"])
def test_what_pods_go_through_is_no_trouble_until_it_lasts(reason: str) -> None:
    found = training()
    found.hold_up(reason)
    found.tick(_patience(reason))
    assert found.condition("Trained").reason == "Training"
    assert not [event for event in found.events if event.warning]

    found.tick()

    message = found.condition("Trained").message
    assert message.endswith(f"{reason}: `kubectl describe pod` shows why.")


@pytest.mark.parametrize("reason", ["ContainerCreating", "Unschedulable"])
def test_nor_is_it_for_a_further_pod_of_a_training_that_already_takes_long(reason: str) -> None:
    found = training()
    found.tick(2 * _patience(reason))

    found.hold_up(reason)
    found.tick(_patience(reason))

    assert found.condition("Progressing").reason == "Training"
    assert not [event for event in found.events if event.warning]


def test_while_a_cluster_adds_a_node_an_edit_of_resources_waits_as_the_pod_may_still_start() -> None:
    found = training()
    [first] = found.jobs.values()
    found.hold_up(*TOO_LARGE)

    found.change(training={"resources": {"requests": {"memory": "1Gi"}}})
    found.tick(_patience("Unschedulable"))
    assert list(found.jobs.values()) == [first]

    found.tick()
    [second] = found.jobs.values()
    assert second.resources.requests == {"memory": "1Gi"}


@pytest.mark.parametrize("waiting", [NO_IMAGE, TOO_LARGE])
def test_past_its_deadline_the_pod_is_gone_and_it_says_that_it_never_started(
    waiting: tuple[str, str],
) -> None:
    found = held_up(*waiting)

    found.fail_jobs(TOO_LONG)
    found.tick()

    told = found.condition("Trained")
    assert told.reason == "JobNotStarted"
    assert told.message.startswith("Its pod did not start within spec.training.deadline: ")
    assert waiting[0] in told.message
    assert found.status.next_training_time is not None


def test_one_that_ran_and_took_too_long_is_told_to_have_done_so() -> None:
    found = held_up(*NO_IMAGE)
    found.hold_up(None)
    found.tick()

    found.fail_jobs(TOO_LONG)
    found.tick()

    message = found.condition("Trained").message
    assert message == "It took longer than spec.training.deadline; raise it."


def test_resources_that_no_node_has_can_be_lowered_while_the_pod_waits() -> None:
    found = held_up(*TOO_LARGE)
    [first] = found.jobs.values()

    found.change(training={"resources": {"requests": {"memory": "1Gi"}}})
    plan = found.plan()
    found.tick()

    [second] = found.jobs.values()
    assert StopJob(first.job_name) in plan.acts
    assert second.resources.requests == {"memory": "1Gi"}
    found.tick(int(timedelta(minutes=5) / TICK))
    assert list(found.jobs.values()) == [second]


def test_while_it_runs_an_edit_of_its_resources_begins_nothing_anew() -> None:
    found = training()
    [first] = found.jobs.values()

    found.change(training={"resources": {"requests": {"memory": "1Gi"}}})
    found.tick(3)

    assert list(found.jobs.values()) == [first]
