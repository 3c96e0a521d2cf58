"""What an operator sees and does: health, metrics, logs, a clean end."""

import json
import re
import signal

import httpx2
import pytest

from tests.support.pipeline import Detector, Pipeline, transactions, until

pytestmark = pytest.mark.stack


def port(detector: Detector) -> int:
    detector.says("serving")
    found = re.search(r"port=(\d+)", detector.log)
    assert found
    return int(found[1])


def health(address: str) -> tuple[int, object]:
    answer = httpx2.get(f"{address}/health")
    return answer.status_code, answer.json()


def test_health_is_good_once_all_partitions_run(pipeline: Pipeline) -> None:
    detector = pipeline.detector(LOG__FORMAT="console")
    address = f"http://127.0.0.1:{port(detector)}"
    detector.says("running")

    until(lambda: health(address) == (200, {"alive": True, "ready": True}), "the detector is ready")


def test_metrics_count_what_was_committed(pipeline: Pipeline) -> None:
    detector = pipeline.detector(LOG__FORMAT="console")
    pipeline.send(transactions(0, 900))
    pipeline.send_raw([("john", b"poison")])
    alerts = int(pipeline.decisions(900)["fraudulent"].sum())
    address = f"http://127.0.0.1:{port(detector)}/metrics"

    until(lambda: "fraud_dead_letters_total" in httpx2.get(address).text, "the dead letter is counted")
    metrics = httpx2.get(address).text

    assert "fraud_transactions_total 900.0" in metrics
    assert f"fraud_alerts_total {alerts}.0" in metrics
    assert 'fraud_dead_letters_total{stage="VALUE_CONVERTER"} 1.0' in metrics
    assert 'fraud_latency_seconds_bucket{le="+Inf"} 900.0' in metrics


def test_metrics_tell_lag_and_state_of_each_partition_also_while_it_is_paused(pipeline: Pipeline) -> None:
    detector = pipeline.detector(LOG__FORMAT="console")
    pipeline.send(transactions(0, 900, users=50))
    pipeline.decisions(900)
    address = f"http://127.0.0.1:{port(detector)}"
    until(lambda: by_partition(address, "fraud_lag_records") == [0, 0, 0], "all is decided")
    assert sum(by_partition(address, "fraud_state_users")) == 50
    assert min(by_partition(address, "fraud_state_bytes")) > 0

    paused = httpx2.put(f"{address}/connectors/{pipeline.environment['FRAUD_PIPELINE']}/pause")
    assert paused.status_code == 202
    until(lambda: is_paused(pipeline, address), "it is paused")
    pipeline.send(transactions(900, 1_000, users=50))

    until(lambda: sum(by_partition(address, "fraud_lag_records")) == 100, "the lag grows")


def test_the_lag_is_told_while_the_partitions_are_being_restored(pipeline: Pipeline) -> None:
    first = pipeline.detector("first", STATE__DURABLE="false")
    pipeline.send(transactions(0, 9_000, users=50))
    pipeline.decisions(9_000)
    first.kill()
    pipeline.send(transactions(9_000, 9_100, users=50))

    slow = pipeline.detector("second", STATE__DURABLE="false", BATCH__MAX_RECORDS="1", LOG__FORMAT="console")
    address = f"http://127.0.0.1:{port(slow)}"

    until(lambda: sum(by_partition(address, "fraud_lag_records")) == 100, "the lag is told")
    assert "restored" not in slow.log


def by_partition(address: str, name: str) -> list[float]:
    """The values of a gauge, by partition."""
    found = re.findall(
        rf'^{name}{{partition="(\d+)"}} (\S+)$', httpx2.get(f"{address}/metrics").text, re.MULTILINE
    )
    return [float(value) for _, value in sorted(found)]


def is_paused(pipeline: Pipeline, address: str) -> bool:
    answer = httpx2.get(f"{address}/connectors/{pipeline.environment['FRAUD_PIPELINE']}/status")
    return bool(answer.status_code == 200 and answer.json()["connector"]["state"] == "PAUSED")


def test_sigusr1_profiles_the_loop_and_sigusr2_tells_where_threads_are_while_it_goes_on(
    pipeline: Pipeline,
) -> None:
    detector = pipeline.detector(LOG__FORMAT="json", PROFILE__SECONDS="2")
    detector.says('"running"')

    detector.signal(signal.SIGUSR1)
    detector.says('"profiling"')
    pipeline.send(transactions(0, 3_000))
    assert pipeline.decisions(3_000).height == 3_000
    until(lambda: detector.events("profile") != [], "the profile is in the log")
    detector.signal(signal.SIGUSR2)
    detector.says("Current thread")

    (profile,) = detector.events("profile")
    assert "Consumer.poll" in profile["stack"]
    assert profile["seconds"] >= 2
    assert profile["file"] is None
    pipeline.send(transactions(3_000, 3_100))
    assert pipeline.decisions(3_100).height == 3_100
    assert detector.stop() == 0


def test_sigterm_commits_what_is_open_and_leaves_the_group(pipeline: Pipeline) -> None:
    first = pipeline.detector("a", BATCH__COMMIT_INTERVAL_MS="5000", BATCH__MAX_RECORDS="10")
    pipeline.send(transactions(0, 2_000))
    first.says("running")

    assert first.stop() == 0

    second = pipeline.detector("b")
    assert pipeline.decisions(2_000)["transaction_id"].n_unique() == 2_000
    assert second.stop() == 0


def test_ctrl_c_ends_it_cleanly_too(pipeline: Pipeline) -> None:
    detector = pipeline.detector()
    detector.says("running")

    detector.signal(signal.SIGINT)

    assert detector.exit_code() == 0
    assert "Traceback" not in detector.log


def test_logs_are_json_where_asked_and_hold_no_secret_and_no_line_a_record(pipeline: Pipeline) -> None:
    detector = pipeline.detector(LOG__FORMAT="json", KAFKA__SASL_PASSWORD="hunter2")  # noqa: S106 - it must not be seen
    pipeline.send(transactions(0, 2_000))
    pipeline.decisions(2_000)
    detector.stop()

    lines = [json.loads(line) for line in detector.log.splitlines()]

    assert {"decided", "running", "stopping"} <= {line["event"] for line in lines}
    assert len(lines) < 40
    assert "hunter2" not in detector.log


def test_decisions_say_what_they_are_based_on(pipeline: Pipeline) -> None:
    pipeline.detector()
    pipeline.send(transactions(0, 10, users=1, amount=401.0, merchant="XYZ_Merchant"))

    last = pipeline.decisions(10).row(-1, named=True)

    assert last["fraudulent"]
    assert last["reason"] == ["High amount", "Merchant XYZ_Merchant flagged"]
    assert last["rules"] == ["high_amount", "flagged_merchant"]
    assert last["features"]["txn_per_minute"] == 10
    assert last["features"]["amount_sum_1h"] == 4_010.0
    assert last["pipeline"] == pipeline.environment["FRAUD_PIPELINE"]
