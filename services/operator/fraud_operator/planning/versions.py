"""Versions that a FraudModel knows: its history, and where their bundles are."""

from datetime import datetime

from fraud_core.rollouts import BundleRef
from fraud_operator.api.spec import FraudModelSpec
from fraud_operator.api.status import MOST_REJECTED, FraudModelStatus, HistoryEntry, Outcome
from fraud_operator.planning.world import DeleteBundle, World

Status = FraudModelStatus
ENDS = {Outcome.PROMOTED, Outcome.REJECTED}
MOST_TEXT = 1_000


def entry_of(status: Status, version: str | None) -> HistoryEntry | None:
    """What is known of the version."""
    return next((entry for entry in status.history if entry.version == version), None)


def last_end(status: Status) -> HistoryEntry | None:
    """The version that was promoted or rejected last; to pin one may do both at once, and it decides then."""
    ends = (one for one in status.history if one.outcome in ENDS)
    return max(ends, key=lambda one: (one.since, one.version == status.stable_version), default=None)


def ref_of(status: Status, version: str | None, world: World) -> BundleRef | None:
    """Where the version's bundle is; None for no version, or one that nobody knows."""
    if version is None:
        return None
    if entry := entry_of(status, version):
        return BundleRef(entry.version, entry.url, entry.sha256)
    named = world.rollout and (world.rollout.champion, world.rollout.challenger, world.rollout.previous)
    in_use = {ref.version: ref for ref in named or () if ref}
    return in_use.get(version) or world.found.get(version)


def noted(
    status: Status,
    ref: BundleRef,
    outcome: Outcome,
    now: datetime,
    message: str = "",
    *,
    run_id: str | None = None,
    parent_version: str | None = None,
) -> Status:
    """The same with what became of a version; it keeps its place, and a new one comes first."""
    known = entry_of(status, ref.version)
    entry = HistoryEntry(
        version=ref.version,
        url=ref.url,
        sha256=ref.sha256,
        run_id=known.run_id if known else run_id,
        parent_version=known.parent_version if known else parent_version,
        outcome=outcome,
        message=message[:MOST_TEXT],
        since=now,
    )
    if known:
        history = tuple(entry if each is known else each for each in status.history)
    else:
        history = (entry, *status.history)
    return status.model_copy(update={"history": history})


def rejected(status: Status, ref: BundleRef, now: datetime, message: str) -> Status:
    """The same with a version that is not tried again."""
    others = (version for version in status.rejected_versions if version != ref.version)
    status = noted(status, ref, Outcome.REJECTED, now, message)
    return status.model_copy(update={"rejected_versions": (ref.version, *others)[:MOST_REJECTED]})


def collected(status: Status, spec: FraudModelSpec, world: World) -> tuple[Status, tuple[DeleteBundle, ...]]:
    """Forget versions beyond the limit, once their bundles are deleted; those in use don't count.

    A bundle that this FraudModel did not train is forgotten and not deleted.
    """
    kept, surplus = _divided(status, spec, world)
    waiting = [entry for entry in surplus if _is_ours(entry) and entry.sha256 not in world.deleted]
    history = tuple(entry for entry in status.history if entry in kept or entry in waiting)
    acts = tuple(DeleteBundle(BundleRef(entry.version, entry.url, entry.sha256)) for entry in waiting)
    return status.model_copy(update={"history": history}), acts


def _divided(
    status: Status, spec: FraudModelSpec, world: World
) -> tuple[list[HistoryEntry], list[HistoryEntry]]:
    versions = {status.stable_version, status.candidate_version, status.previous_version, spec.pinned_version}
    if world.rollout:
        named = (world.rollout.champion, world.rollout.challenger, world.rollout.previous)
        versions |= {ref.version for ref in named if ref}
    in_use = [entry for entry in status.history if entry.version in versions]
    others = [entry for entry in status.history if entry.version not in versions]
    limit = spec.revision_history_limit
    return in_use + others[:limit], others[limit:]


def _is_ours(entry: HistoryEntry) -> bool:
    return entry.run_id is not None and entry.url.startswith("kafka://")
