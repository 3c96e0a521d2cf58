"""From transactions to decisions: features, rules and score over the whole batch."""

import time
from collections import Counter as Tally
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Message

from fraud_core.avro.types import arrow_type
from fraud_core.features import Computed, State, advance
from fraud_core.models import LoadedModel
from fraud_core.rules import Fired, RuleSet, evaluate
from fraud_core.rules.frame import rule_frame
from fraud_detector.reading import Read

ML_REASON = "ML anomaly detection"
WARM_UP_USERS = 100
"""More than a new state has room for, so that its growth is warmed up too."""
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
States = MutableMapping[int, State]


@dataclass(frozen=True)
class Decisions:
    """One decision a transaction.

    Attributes:
        messages: the records that the transactions came from.
        batch: of the Arrow type of `schemas/Decision.avsc`.
        fraudulent: which are alerts, shape (rows,).
        alert_sources: how many alerts each rule, or "model", had a part in.
    """

    messages: tuple[Message, ...]
    batch: pa.RecordBatch
    fraudulent: Mask
    alert_sources: Tally[str]


class Decider:
    """Decides batches; holds what does not change between them."""

    def __init__(self, rules: RuleSet, model: LoadedModel | None, pipeline: str) -> None:
        """Without a model the rules decide alone."""
        self._rules, self._model, self._pipeline = rules, model, pipeline

    def warm_up(self) -> None:
        """Decide made-up transactions, so that all machine code exists before the first real one waits."""
        rows = [
            {"transaction_id": "warm-up", "user": f"nobody {number}", "amount": 1.0, "timestamp": 0}
            for number in range(WARM_UP_USERS)
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction"))
        messages = (Message(topic="", partition=0, offset=0),) * len(rows)
        self.decide(Read(messages, batch, ()), {0: State()})

    def replay(self, read: Read, states: States) -> None:
        """Let the states learn from transactions that were decided before; decides nothing."""
        for partition, frame in read.frames():
            advance(states[partition], frame)

    def decide(self, read: Read, states: States) -> Decisions:
        """Advance the states and decide each transaction."""
        if not read.messages:
            return _none()
        spans = read.frames()
        computed = _joined([advance(states[partition], frame) for partition, frame in spans])
        transactions = pl.concat([frame for _, frame in spans], rechunk=False)
        fired = evaluate(self._rules, rule_frame(transactions, computed))
        scores = self._scores(computed)
        alerted = scores >= (self._model.threshold if self._model else np.inf)
        fraudulent = alerted | fired.alert
        reasons, names = _reasons(fired, fraudulent, alerted), fired.names()
        columns = {
            "fraudulent": pa.array(fraudulent),
            "reason": _lists(reasons),
            "rules": _lists(names),
            "score": _nullable(scores),
            "features": _features(computed.values),
            **self._constants(read),
        }
        sources = Tally(name for row in np.flatnonzero(fraudulent) for name in names[row])
        sources["model"] = int(alerted.sum())
        return Decisions(read.messages, _decision_batch(read.batch, columns), fraudulent, sources)

    def _scores(self, computed: Computed) -> Floats:
        if self._model is None:
            return np.full(computed.values.shape[1], np.nan)
        return self._model.score(computed.values)

    def _constants(self, read: Read) -> dict[str, pa.Array]:
        count = len(read.messages)
        model = self._model
        now = int(time.time() * 1000)
        return {
            "rules_version": pa.repeat(self._rules.version, count),
            "threshold": pa.repeat(pa.scalar(model.threshold if model else None, pa.float64()), count),
            "model_version": pa.repeat(pa.scalar(model.version if model else None, pa.string()), count),
            "challenger_scores": pa.array(
                [[]] * count, arrow_type("Decision").field("challenger_scores").type
            ),
            "review_sample": pa.repeat(pa.scalar(value=False), count),
            "top_factors": pa.array([[]] * count, arrow_type("Decision").field("top_factors").type),
            "pipeline": pa.repeat(self._pipeline, count),
            "source_partition": pa.array([message.partition() for message in read.messages], pa.int32()),
            "source_offset": pa.array([message.offset() for message in read.messages], pa.int64()),
            "decided_at": pa.repeat(pa.scalar(now, pa.timestamp("ms")), count),
        }


def _none() -> Decisions:
    empty = pa.RecordBatch.from_pylist([], schema=arrow_type("Decision"))
    return Decisions((), empty, np.zeros(0, dtype=bool), Tally())


def _joined(parts: list[Computed]) -> Computed:
    if len(parts) == 1:
        return parts[0]
    return Computed(
        values=np.concatenate([part.values for part in parts], axis=1),
        previous_location=pl.concat([part.previous_location for part in parts]),
        seconds_since_location=np.concatenate([part.seconds_since_location for part in parts]),
    )


def _reasons(fired: Fired, fraudulent: Mask, alerted: Mask) -> list[list[str]]:
    reasons = fired.reasons(fraudulent)
    for row in np.flatnonzero(alerted):
        reasons[row].append(ML_REASON)
    return reasons


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _features(values: Floats) -> pa.StructArray:
    fields = list(arrow_type("Decision").field("features").type)
    return pa.StructArray.from_arrays([_nullable(row) for row in values], fields=fields)


def _lists(rows: list[list[str]]) -> pa.Array:
    return pa.array(rows, arrow_type("Decision").field("reason").type)


def _decision_batch(transactions: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    wanted = arrow_type("Decision")
    names = set(transactions.schema.names)
    missing = pa.nulls(transactions.num_rows)
    arrays = [
        transactions[field.name] if field.name in names else columns.get(field.name, missing).cast(field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)
