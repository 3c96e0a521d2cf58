"""The loop of the tutorial that the project grew out of: JSON, a pandas row and one predict a message.

It reads JSON, keeps the last location of each user in a dictionary, and commits nothing with its outputs.
"""

import json
from typing import Any

import pandas as pd
from confluent_kafka import Producer
from sklearn.ensemble import IsolationForest

from fraud_local.bench.paths.clients import WAIT_S, Clock, consumer
from fraud_local.bench.task import Result, Task, main

HIGH_AMOUNT = 400
FLAGGED = ("XYZ_Merchant", "UnknownShop")
ANOMALY = -1


def tutorial(task: Task) -> Result:
    """Classify every record as the tutorial does."""
    model = _model()
    source, sink = consumer(task), Producer({"bootstrap.servers": task.bootstrap_servers})
    clock, last_location = Clock(task.broker_pid), dict[str, str]()
    while clock.records < task.records:
        message = source.poll(WAIT_S)
        clock.saw(0 if message is None or message.error() else 1)
        if message is None or message.error():
            continue
        transaction = json.loads(message.value() or b"")
        reasons = _reasons(transaction, last_location) + _anomaly(transaction, model)
        transaction |= {"fraudulent": bool(reasons), "reason": reasons}
        topic = task.alerts if reasons else task.classified
        sink.produce(topic, json.dumps(transaction).encode())
        sink.poll(0)
    sink.flush()
    result = clock.result()
    source.close()
    return result


def _model() -> IsolationForest:
    """A forest of a hundred trees on the tutorial's two columns."""
    rows = pd.DataFrame({"amount": [float(row % 500) for row in range(1_000)], "txn_per_hour": [3] * 1_000})
    return IsolationForest(n_estimators=100, random_state=0).fit(rows)


def _reasons(transaction: dict[str, Any], last_location: dict[str, str]) -> list[str]:
    reasons = []
    user, location = transaction["user"], transaction["location"]
    if transaction["amount"] > HIGH_AMOUNT:
        reasons.append("High amount")
    if last_location.get(user, location) != location:
        reasons.append(f"Location change from {last_location[user]} to {location}")
    last_location[user] = location
    if transaction["merchant"] in FLAGGED:
        reasons.append(f"Merchant {transaction['merchant']} flagged")
    return reasons


def _anomaly(transaction: dict[str, Any], model: IsolationForest) -> list[str]:
    point = pd.DataFrame([{"amount": transaction["amount"], "txn_per_hour": 3}])
    return ["ML anomaly detection"] if model.predict(point)[0] == ANOMALY else []


if __name__ == "__main__":
    main(tutorial)
