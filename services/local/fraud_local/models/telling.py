"""What the commands print."""

from dataclasses import asdict
from typing import Any

import orjson

from fraud_core.connect.records import WorkerStatus
from fraud_core.models.manifest import Manifest
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_local.models.changes import Applied

Row = dict[str, Any]


def as_json(content: Any) -> str:  # noqa: ANN401 - anything that JSON has
    """One JSON object, indented."""
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()


def table(rows: list[Row], right: frozenset[str] = frozenset()) -> list[str]:
    """Rows under their names, aligned; `right` are columns of numbers."""
    if not rows:
        return []
    texts = [{name: _cell(value) for name, value in row.items()} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in texts)) for name in rows[0]}
    lines = [{name: name for name in rows[0]}, *texts]
    return [
        "  ".join(
            line[name].rjust(width) if name in right else line[name].ljust(width)
            for name, width in widths.items()
        ).rstrip()
        for line in lines
    ]


def _cell(value: object) -> str:
    return "-" if value is None else str(value).replace("\n", " ")


def bundles(manifests: dict[str, Manifest], rollout: Rollout | None) -> list[Row]:
    """Every bundle that is in the store or in the rollout, the newest first."""
    rows = [_bundle(digest, manifest, rollout) for digest, manifest in manifests.items()]
    rows += [_elsewhere(ref, rollout) for ref in _refs(rollout) if ref.sha256 not in manifests]
    return sorted(rows, key=lambda row: (row["data until"] or "", row["version"]), reverse=True)


def _bundle(digest: str, manifest: Manifest, rollout: Rollout | None) -> Row:
    return {
        "version": manifest.version,
        "role": role_of(digest, rollout),
        "algorithm": manifest.algorithm,
        "data until": f"{manifest.data_until:%Y-%m-%d %H:%M}",
        "threshold": round(manifest.threshold, 6),
        "sha256": digest[:12],
    }


def _elsewhere(ref: BundleRef, rollout: Rollout | None) -> Row:
    return {
        "version": ref.version,
        "role": f"{role_of(ref.sha256, rollout)}, at {ref.url}",
        "algorithm": None,
        "data until": None,
        "threshold": None,
        "sha256": ref.sha256[:12],
    }


def _refs(rollout: Rollout | None) -> list[BundleRef]:
    return [ref for ref in (rollout.champion, rollout.challenger) if ref] if rollout else []


def role_of(digest: str, rollout: Rollout | None) -> str | None:
    """What a bundle does in the pipeline; None if nothing."""
    for name in ("champion", "challenger", "previous") if rollout else ():
        ref = getattr(rollout, name)
        if ref and ref.sha256 == digest:
            return _challenger(rollout) if name == "challenger" and rollout else name
    return None


def _challenger(rollout: Rollout) -> str:
    weight = f" {rollout.canary_weight:g} %" if rollout.mode is Mode.CANARY else ""
    return f"{rollout.mode.value}{weight}"


def standing(rollout: Rollout | None, workers: list[WorkerStatus], pipeline: str) -> str:
    """One line about the rollout and who runs it."""
    if rollout is None:
        return f"{pipeline} has no rollout. `fraudstream setup` writes the first one."
    champion = rollout.champion.version if rollout.champion else "no model (the rules decide alone)"
    tried = f", {_challenger(rollout)} of {rollout.challenger.version}" if rollout.challenger else ""
    running = sum(status.rollout_generation == rollout.generation for status in workers)
    return (
        f"{pipeline}: rollout {rollout.generation}, {champion} decides{tried}; "
        f"managed by {rollout.managed_by}; run by {running} of {len(workers)} workers"
    )


def changed(applied: Applied) -> list[str]:
    """What came of a change."""
    rollout = applied.rollout
    lines = [standing(rollout, applied.workers, rollout.pipeline)]
    if not applied.workers:
        lines.append("No worker runs now; it holds once one does.")
    if applied.seconds is not None:
        lines.append(f"The last of them ran it after {applied.seconds:.1f} s.")
    lines += [f"{worker}: {problem}" for worker, problem in applied.problems.items()]
    return lines


def rollout_json(rollout: Rollout | None) -> Row | None:
    """All of a rollout, for programs."""
    return asdict(rollout) if rollout else None


def workers_json(workers: list[WorkerStatus]) -> list[Row]:
    """Who runs which rollout, for programs."""
    return [
        {
            "worker": status.worker,
            "generation": status.rollout_generation,
            "model_version": status.model_version,
            "problem": status.rollout_problem,
        }
        for status in workers
    ]
