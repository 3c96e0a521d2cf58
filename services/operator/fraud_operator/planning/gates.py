"""Whether a candidate reaches what its FraudModel asks for, before anything is rolled out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fraud_operator.api.spec import Gate


@dataclass(frozen=True)
class Verified:
    """Whether all gates are passed, and in words why or why not."""

    passed: bool
    reason: str
    message: str


def verified(gates: Sequence[Gate], metrics: Mapping[str, float], *, has_parent: bool) -> Verified:
    """Hold the candidate's figures against the gates.

    Args:
        gates: what must be reached.
        metrics: the candidate's; the champion's on the same transactions begin with `champion_`.
        has_parent: whether there was a champion to compare with.
    """
    faults = [fault for gate in gates for fault in _faults(gate, metrics, has_parent=has_parent)]
    if faults:
        return Verified(passed=False, reason="GateFailed", message="; ".join(faults) + ".")
    if not gates:
        return Verified(passed=True, reason="NoGates", message="There are no gates.")
    return Verified(passed=True, reason="GatesPassed", message=f"{_shown(gates, metrics)}.")


def _faults(gate: Gate, metrics: Mapping[str, float], *, has_parent: bool) -> list[str]:
    value = metrics.get(gate.metric)
    if value is None:
        known = ", ".join(sorted(name for name in metrics if not name.startswith("champion_"))) or "none"
        return [f"{gate.metric} is not among the candidate's metrics ({known})"]
    faults = []
    if gate.min is not None and value < gate.min:
        faults.append(f"{gate.metric} is {value:.4g}, below {gate.min:.4g}")
    if gate.max is not None and value > gate.max:
        faults.append(f"{gate.metric} is {value:.4g}, above {gate.max:.4g}")
    if gate.min_of_champion is not None and has_parent:
        faults += _against_champion(gate.metric, gate.min_of_champion, value, metrics)
    return faults


def _against_champion(name: str, share: float, value: float, metrics: Mapping[str, float]) -> list[str]:
    theirs = metrics.get(f"champion_{name}")
    if theirs is None:
        return [f"the champion's {name} is not known, and minOfChampion asks for it"]
    if value < share * theirs:
        return [f"{name} is {value:.4g}, below {share:.4g} of the champion's {theirs:.4g}"]
    return []


def _shown(gates: Sequence[Gate], metrics: Mapping[str, float]) -> str:
    names = dict.fromkeys(gate.metric for gate in gates)
    return ", ".join(f"{name} is {metrics[name]:.4g}" for name in names)
