"""`fraudstream try`: one transaction by hand, and what becomes of it."""

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.errors import UnavailableError
from fraud_core.features.words import factor_sentences
from fraud_core.settings import CoreSettings
from fraud_core.topics import topics
from fraud_detector.dead_letters import PREFIX
from fraud_local import addresses
from fraud_local.lines import number, safe
from fraud_local.standing_out import standing_out
from fraud_local.topic_names import check_pipeline
from fraud_local.trial import Verdict, send
from fraud_local.values import headers, to_json

DEAD_LETTER = 1
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class TxnType(StrEnum):
    """The kinds of `schemas/Transaction.avsc`."""

    PURCHASE = "purchase"
    TRANSFER = "transfer"
    WITHDRAWAL = "withdrawal"
    DEPOSIT = "deposit"
    UNKNOWN = "unknown"


@app.command(name="try")
def try_(
    user: Annotated[str, typer.Option(help="Who pays. Better nobody simulated: it is as of now.")],
    amount: Annotated[float, typer.Option(help="How much.")],
    location: Annotated[str | None, typer.Option(metavar="JP", help="Country, two letters.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Who is paid.")] = None,
    txn_type: Annotated[TxnType | None, typer.Option(help="What kind of transaction.")] = None,
    device: Annotated[str | None, typer.Option(help="Kind of device: mobile, desktop, ...")] = None,
    device_id: Annotated[str | None, typer.Option(help="Fingerprint of the device.")] = None,
    ip: Annotated[str | None, typer.Option(help="Address that it came from.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for the decision.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Send one transaction, which happens now, and print the decision and how long it took.

    Without addresses it goes to the demo or the stack that runs on this machine. What is not given is
    unknown. The exit status is 0 for a decision, 1 for a dead letter and 75 if nothing came.
    """
    found = addresses.find(bootstrap_servers, schema_registry_url, topic_prefix)
    addresses.quiet(found.settings)
    existing = addresses.existing_topics(found)
    check_pipeline(found.settings, existing)
    transaction = {
        "transaction_id": f"try-{uuid.uuid4().hex}",
        "user": user,
        "amount": amount,
        "timestamp": datetime.now(UTC).replace(tzinfo=None),
        "location": location,
        "merchant": merchant,
        "txn_type": txn_type.value if txn_type else None,
        "device": device,
        "device_id": device_id,
        "ip": ip,
    }
    verdict = send(found.settings, existing, transaction, timeout)
    if verdict is None:
        raise UnavailableError(_nothing(found.settings, timeout))
    typer.echo(to_json(_summary(verdict)) if as_json else "\n".join(_lines(verdict)))
    raise typer.Exit(DEAD_LETTER if verdict.decision is None else 0)


def _summary(verdict: Verdict) -> dict[str, object]:
    decision = verdict.decision
    shared = {"milliseconds": round(verdict.milliseconds, 1), "topic": verdict.message.topic()}
    if decision is None:
        return {"outcome": "dead_letter", **shared, "errors": _errors(verdict)}
    outcome = "fraud" if decision["fraudulent"] else "legitimate"
    return {
        "outcome": outcome, **shared, "stands_out": standing_out(decision["features"]), "decision": decision,
    }  # fmt: skip


def _lines(verdict: Verdict) -> list[str]:
    took = f"visible {verdict.milliseconds:,.0f} ms after it was sent"
    decision = verdict.decision
    if decision is None:
        errors = _errors(verdict)
        return [
            f"DEAD LETTER, {took}",
            f"  because      {safe(errors.get('exception.message', 'its headers do not say why'))}",
            f"  stage        {safe(errors.get('stage', '-'))}",
            f"  transaction  {verdict.message.topic()}: look at it with `fraudstream topics tail`",
        ]
    reasons = "; ".join(decision["reason"]) or "none"
    threshold = (
        f"  (the model alerts from {number(decision['threshold'], 4)})" if decision["threshold"] else ""
    )
    moved = [f"  moved by     {safe(sentence)}" for sentence in factor_sentences(decision["top_factors"])]
    return [
        f"{'FRAUD' if decision['fraudulent'] else 'legitimate'}, {took}",
        f"  reasons      {safe(reasons)}",
        f"  score        {number(decision['score'], 4)}{threshold}",
        *moved,
        f"  model        {decision['model_version'] or 'none: the rules decide alone'}",
        f"  stands out   {'; '.join(standing_out(decision['features'])) or 'nothing'}",
        f"  transaction  {decision['transaction_id']} on {verdict.message.topic()}",
    ]


def _errors(verdict: Verdict) -> dict[str, str]:
    """What Connect's headers say, without their prefix."""
    return {
        name.removeprefix(PREFIX): (value or b"").decode("utf-8", "replace")
        for name, value in headers(verdict.message).items()
        if name.startswith(PREFIX)
    }


def _nothing(settings: CoreSettings, timeout_s: float) -> str:
    return (
        f"No decision within {timeout_s:g} s: no detector seems to work on "
        f"{topics(settings.topics).transactions.name} at {settings.kafka.bootstrap_servers}. Start one with "
        "`fraudstream demo`, or `fraudstream detector` for brokers of your own. If one runs and has much to "
        "catch up with, give it more --timeout."
    )
