"""From transactions to decisions: features, rules and score over the whole batch."""

import time
from collections import Counter as Tally
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Message

from fraud_core.avro.types import arrow_type
from fraud_core.features import SideTables, Span, State, advance_each
from fraud_core.features.side import Logins, networks_of
from fraud_core.models import LoadedModel, explaining
from fraud_core.rules import Fired, RuleSet, evaluate
from fraud_core.rules.frame import rule_frame
from fraud_core.signals import input_names
from fraud_detector import signals
from fraud_detector.factors import Factors, column, factors
from fraud_detector.reading import Read
from fraud_detector.records import Records, group
from fraud_detector.sampling import Sample, sample
from fraud_detector.serving import Models, Scored, Serving
from fraud_detector.settings import ExplanationSettings, ReviewSettings

REVIEW, EXPLANATION = ReviewSettings(), ExplanationSettings()
ML_REASON = "ML anomaly detection"
DAY_MS = 86_400_000
WARM_UP_USERS = 100
"""More than a new state has room for, so that its growth is warmed up too."""
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
States = MutableMapping[int, State]
Timed = Callable[[str], AbstractContextManager[None]]


def untimed(_: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    return nullcontext()


@dataclass(frozen=True)
class Decisions:
    """One decision a transaction.

    Attributes:
        records: what the transactions came from.
        batch: of the Arrow type of `schemas/Decision.avsc`.
        fraudulent: which are alerts, shape (rows,).
        alert_sources: how many alerts each rule, or "model", had a part in.
    """

    records: Records
    batch: pa.RecordBatch
    fraudulent: Mask
    alert_sources: Tally[str]


class Decider:
    """Decides batches; holds what does not change between them."""

    def __init__(
        self,
        rules: RuleSet,
        model: LoadedModel | None,
        pipeline: str,
        timed: Timed = untimed,
        side: SideTables | None = None,
        review: ReviewSettings = REVIEW,
        explanation: ExplanationSettings = EXPLANATION,
    ) -> None:
        """Without a model the rules decide alone, until `serving` is told otherwise.

        A model must have been loaded for the rules' `signals`.

        `timed` measures a stage by its name. What is to be known beside the users' own transactions comes
        into `side`; `review` says how much of what is no alert is drawn for review, `explanation` how much
        is told of what is one.
        """
        self._timed = timed
        self.side = side or SideTables()
        self.serving = Serving(Models(champion=model))
        self._rules, self._pipeline, self._review = rules, pipeline, review
        self.signals, self._names = rules.signals, input_names(rules.signals)
        self._most_factors = explanation.factors

    def warm_up(self) -> None:
        """Decide made-up transactions, and read and take back what they leave in the side tables.

        So all machine code for this exists before the first real transaction waits.
        """
        rows = [
            {
                "transaction_id": "warm-up",
                "user": f"nobody {number}",
                "amount": 1.0,
                "timestamp": 0,
                "merchant": "nowhere",
                "merchant_category": "nothing",
                "device_id": "no device",
            }
            for number in range(WARM_UP_USERS)
        ]
        batch = pa.RecordBatch.from_pylist(rows, schema=arrow_type("Transaction"))
        messages = [Message(topic="", partition=0, offset=0)] * len(rows)
        real, self.side = self.side, SideTables(shared=True)
        self.side.networks, self.side.logins = networks_of(()), Logins()
        self.decide(Read(group(messages), batch, ()), {0: State()})
        self.side.warm_up()
        explaining.warm_up()
        self.side.devices.learn(0, self.side.devices.dump(0))
        self.side.forget(0)  # which takes back what was counted
        self.serving.aborted()
        self.side = real

    def replay(self, read: Read, states: States) -> None:
        """Let the states learn from transactions that were decided before; decides nothing."""
        if len(read.records):
            advance_each(_spans(read, states), read.frame())

    def decide(self, read: Read, states: States) -> Decisions:
        """Advance the states and decide each transaction."""
        if not len(read.records):
            return _none()
        with self._timed("features"):
            frame = read.frame()
            computed = advance_each(_spans(read, states), frame, self.side)
        with self._timed("rules"):
            fired = evaluate(self._rules, rule_frame(frame, computed, self._rules.columns))
        with self._timed("score"):
            inputs = self._inputs(computed.values, fired)
            scored = self.serving.score(inputs, frame["user"], _middle_day(frame))
        alerted, top = scored.alerted, self._explained(inputs, scored)
        fraudulent = alerted | fired.alert
        with self._timed("encode"):
            columns = {
                "fraudulent": pa.array(fraudulent),
                "reason": _reasons(fired, fraudulent, alerted),
                "rules": _names(fired),
                "features": _features(computed.values),
                "signals": self._signalled(fired),
                "top_factors": (
                    column(top, inputs, self._names) if top else _empty("top_factors", len(alerted))
                ),
                **_scores(scored),
                **self._reviewed(frame["transaction_id"], scored, fraudulent),
                **self._constants(read),
            }
            batch = _decision_batch(read.batch, columns)
        return Decisions(read.records, batch, fraudulent, _sources(fired, fraudulent, alerted))

    def _inputs(self, values: Floats, fired: Fired) -> Floats:
        """What models read: the features, and which signals fired if one of those that run asks for it."""
        return np.concatenate([values, fired.signals()]) if self.serving.reads_signals else values

    def _signalled(self, fired: Fired) -> pa.Array:
        if not self.signals:  # most have none, and making them of nothing takes three times as long
            return _empty("signals", fired.frame.height)
        return signals.column(self.signals, fired.signals())

    def _explained(self, values: Floats, scored: Scored) -> Factors | None:
        """What moved the scores of the model's alerts; None where there are none."""
        if not self._most_factors or not scored.alerted.any():
            return None
        with self._timed("explain"):
            return factors(self.serving.alerting(scored), values, self._most_factors)

    def _reviewed(self, ids: pl.Series, scored: Scored, fraudulent: Mask) -> dict[str, pa.Array]:
        found: Sample = sample(
            ids,
            scores=scored.scores,
            thresholds=scored.thresholds,
            fraudulent=fraudulent,
            others_alert=scored.others_alert,
            settings=self._review,
        )
        return {
            "review_sample": pa.array(found.drawn),
            "selection_probability": _nullable(found.probability),
        }

    def _constants(self, read: Read) -> dict[str, pa.Array]:
        count = len(read.records)
        now = int(time.time() * 1000)
        return {
            "rules_version": pa.repeat(self._rules.version, count),
            "pipeline": pa.repeat(self._pipeline, count),
            "source_partition": pa.array(read.records.partitions, pa.int32()),
            "source_offset": pa.array(read.records.positions),
            "decided_at": pa.repeat(pa.scalar(now, pa.timestamp("ms")), count),
        }


def _middle_day(frame: pl.DataFrame) -> int:
    """Of event time: as many transactions are earlier as later, so a few wrong times do not matter."""
    times = frame["timestamp"].to_physical().to_numpy()
    return int(np.partition(times, times.size // 2)[times.size // 2]) // DAY_MS


def _none() -> Decisions:
    empty = pa.RecordBatch.from_pylist([], schema=arrow_type("Decision"))
    return Decisions(group(()), empty, np.zeros(0, dtype=bool), Tally())


def _spans(read: Read, states: States) -> list[Span]:
    return [Span(states[partition], first, end, partition) for partition, first, end in read.records.spans]


def _reasons(fired: Fired, fraudulent: Mask, alerted: Mask) -> pa.ListArray:
    """Texts for the alerts only, which are few: no Python object is made for the other rows."""
    rows = np.flatnonzero(fraudulent)
    reasons = fired.reasons_of(rows)
    for texts, by_model in zip(reasons, alerted[rows].tolist(), strict=True):
        if by_model:
            texts.append(ML_REASON)
    counts = np.zeros(len(fraudulent), dtype=np.int64)
    counts[rows] = [len(texts) for texts in reasons]
    return _lists(counts, [text for texts in reasons for text in texts])


def _names(fired: Fired) -> pa.ListArray:
    """Of the rules that fired, in the file's order."""
    _, which = np.nonzero(fired.matrix.T)
    return _lists(fired.matrix.sum(axis=0), [fired.rules[rule].name for rule in which.tolist()])


def _sources(fired: Fired, fraudulent: Mask, alerted: Mask) -> Tally[str]:
    """How many alerts each rule, or the model, had a part in."""
    parts = (fired.matrix & fraudulent).sum(axis=1).tolist()
    found = Tally({rule.name: part for rule, part in zip(fired.rules, parts, strict=True) if part})
    found["model"] = int(alerted.sum())
    return found


def _scores(scored: Scored) -> dict[str, pa.Array]:
    """What the version says that decides, and beside it the score of the one that does not."""
    return {
        "score": _nullable(scored.scores),
        "threshold": _nullable(scored.thresholds),
        "probability": _nullable(scored.probabilities),
        "model_version": scored.versions,
        "challenger_scores": _maps(scored.other_versions, scored.other_scores),
    }


def _maps(names: pa.Array, values: Floats) -> pa.Array:
    """A map of one entry in each row that has a value, and an empty one elsewhere."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return _empty("challenger_scores", len(values))
    kind = arrow_type("Decision").field("challenger_scores").type
    entries = pa.StructArray.from_arrays(
        [names.take(pa.array(known)), pa.array(values[known])], fields=[kind.key_field, kind.item_field]
    )
    offsets = np.concatenate(([0], np.cumsum(~np.isnan(values)))).astype(np.int32)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(offsets)], children=[entries])


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _features(values: Floats) -> pa.StructArray:
    """One array of which each feature is a part: to make an array for each costs more in a small batch."""
    fields, rows = list(arrow_type("Decision").field("features").type), values.shape[1]
    whole = _nullable(values.ravel())
    parts = [whole.slice(place * rows, rows) for place in range(len(values))]
    return pa.StructArray.from_arrays(parts, fields=fields)


def _lists(counts: Ints, texts: list[str]) -> pa.ListArray:
    """A list for each row: the next so many of the texts."""
    kind = arrow_type("Decision").field("reason").type
    return pa.ListArray.from_arrays(_offsets(counts), pa.array(texts, pa.string()), type=kind)


def _offsets(counts: Ints) -> pa.Array:
    return pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())


def _empty(name: str, count: int) -> pa.Array:
    """Nothing in the list or map of each row."""
    kind = arrow_type("Decision").field(name).type
    offsets = pa.py_buffer(np.zeros(count + 1, dtype=np.int32))
    entries = pa.array(
        [], pa.struct([kind.key_field, kind.item_field]) if pa.types.is_map(kind) else kind.value_type
    )
    return pa.Array.from_buffers(kind, count, [None, offsets], children=[entries])


def _decision_batch(transactions: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    wanted = arrow_type("Decision")
    names = set(transactions.schema.names)
    missing = pa.nulls(transactions.num_rows)
    arrays = [
        transactions[field.name] if field.name in names else _as(columns.get(field.name, missing), field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast only what is of another type: asking costs a tenth of casting."""
    return column if column.type == kind else column.cast(kind)
