"""What a detector under a bench says of its turns: of how many transactions, and how long each stage took."""

from collections import defaultdict
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from fraud_local.stack.ports import HOST

STAGES = "fraud_stage_seconds_"
TRANSACTIONS = "fraud_transactions_total"
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Turns:
    """From a poll to the commit of what it brought, as the mean of a while.

    Attributes:
        transactions: of a turn.
        milliseconds: of each stage.
    """

    transactions: float
    milliseconds: dict[str, float]

    def text(self) -> str:
        """For people: the stages that take a tenth of a millisecond or more."""
        stages = (f"{name} {value:.1f}" for name, value in self.milliseconds.items() if value >= 0.1)  # noqa: PLR2004
        return f"a turn of {self.transactions:,.0f} in ms: {', '.join(stages)}"


@dataclass(frozen=True)
class Counts:
    """Since the detector began: commits, transactions, and the seconds of each stage."""

    commits: float
    transactions: float
    seconds: dict[str, float]

    def since(self, earlier: "Counts") -> Turns:
        """The turns between the two; at least one must have ended."""
        turns = self.commits - earlier.commits
        return Turns(
            (self.transactions - earlier.transactions) / turns,
            {name: (self.seconds[name] - earlier.seconds[name]) / turns * 1_000 for name in self.seconds},
        )


def counts(port: int) -> Counts:
    """Ask the detector that serves its metrics on this port."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics", timeout=TIMEOUT_S).raise_for_status().text
    seconds, commits, transactions = defaultdict[str, float](float), 0.0, 0.0
    for sample in (one for family in text_string_to_metric_families(text) for one in family.samples):
        if sample.name == f"{STAGES}sum":
            seconds[sample.labels["stage"]] += sample.value
        elif sample.name == f"{STAGES}count" and sample.labels["stage"] == "commit":
            commits = sample.value
        elif sample.name == TRANSACTIONS:
            transactions = sample.value
    return Counts(commits, transactions, dict(seconds))
