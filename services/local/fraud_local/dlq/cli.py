"""`fraudstream dlq list|show|replay`."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import nlargest
from typing import Annotated

import typer

from fraud_core.cli import BootstrapServers, SchemaRegistryUrl, TopicPrefix
from fraud_core.errors import ConfigError, InputError
from fraud_core.registry import Registry
from fraud_local.dlq import topic as topics_of
from fraud_local.dlq.letter import Letter, Spot
from fraud_local.dlq.options import Since, Stage, TopicName, no_letter, since_of, spots, stage_of
from fraud_local.dlq.plan import Fate, Plan
from fraud_local.dlq.printing import Kind, counts, json_line, line, page
from fraud_local.dlq.replaying import replay
from fraud_local.dlq.topic import Selection
from fraud_local.topic_names import resolve
from fraud_local.values import ValueReader

LAST = 20
SAY_EACH_S = 1.0
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Dead letters: look at them, and resubmit them after a fix. Without addresses: of the demo or the "
    "stack that runs on this machine.",
)


@app.command(name="list")
def list_letters(
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="So many, the last ones.")] = LAST,
    stage: Stage = None,
    since: Since = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a letter, with all headers, and no counts.")
    ] = False,
    topic: TopicName = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """List the last dead letters, oldest first, then count all of them by stage and reason.

    A line has when, where the record was read, stage, reason, key and where the letter is.
    """
    found = topics_of.find(topic, bootstrap_servers, schema_registry_url, topic_prefix)
    selection = Selection(stage_of(stage), since_of(since))
    kinds: Counter[Kind] = Counter()
    done = found.replayed()
    last: list[Letter] = []
    for batch in found.letters(found.spans(selection), selection):
        kinds.update((letter.stage, letter.reason) for letter in batch)
        last = nlargest(count, [*last, *batch], key=_order)
    render = json_line if as_json else line
    for letter in reversed(last):
        typer.echo(render(letter, replayed=letter.identity in done))
    if not as_json:
        typer.echo(f"{_number(kinds.total(), 'dead letter')} on {found.name}")
        typer.echo(counts(kinds), nl=bool(kinds))


@app.command()
def show(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="Where its record was read, as transactions[0]@42, or the letter is: [0]@7.",
        ),
    ],
    topic: TopicName = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Show a dead letter: what is wrong, its headers and bytes, and its record where it can be decoded."""
    found = topics_of.find(topic, bootstrap_servers, schema_registry_url, topic_prefix)
    (spot,) = spots([place], found)
    selection = Selection(only=frozenset({spot}))
    reader = ValueReader(Registry(found.settings.schema_registry))
    done = found.replayed()
    shown = 0
    for batch in found.letters(found.spans_of(spot), selection):
        for letter in batch:
            shown += 1
            typer.echo("\n".join(page(letter, reader, replayed=letter.identity in done)))
    if not shown:
        raise InputError(no_letter([spot], found))


@app.command(name="replay")
def replay_letters(
    stage: Stage = None,
    since: Since = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="Only this one, named as for `show`; can be given several times."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="To this topic, not to where each was read.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    topic: TopicName = None,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: SchemaRegistryUrl = None,
    topic_prefix: TopicPrefix = None,
) -> None:
    """Resubmit the records of dead letters to the topic that they were read from, each letter once.

    They keep key, value and headers, and get the header fraudstream.replayed_from. Which were replayed is
    remembered in the same Kafka transaction: run it again at any time, it goes on where it was ended.
    """
    found = topics_of.find(topic, bootstrap_servers, schema_registry_url, topic_prefix)
    found.check_replays()
    selection = Selection(stage_of(stage), since_of(since), frozenset(spots(only or [], found)))
    target = to and resolve(to, found.settings, found.existing)
    if target == found.name:
        raise ConfigError(f"Dead letters can't be replayed to their own topic {to}. Leave --to out.")
    spans = found.spans(selection)
    plan = Plan(found, target, found.replayed())
    fates = _planned(plan, found.letters(spans, selection), selection)
    _tell(fates)
    if dry_run or not fates[Fate.SENT]:
        return
    _confirm(fates[Fate.SENT], yes=yes)
    done = replay(plan, found.letters(spans, selection), _progress(fates[Fate.SENT]))
    typer.echo(f"{_number(done[Fate.SENT], 'record')} replayed")


def _planned(plan: Plan, batches: Iterator[list[Letter]], selection: Selection) -> Counter[Fate]:
    fates: Counter[Fate] = Counter()
    unseen = set(selection.only)
    for batch in batches:
        fates.update(map(plan.fate, batch))
        unseen -= {spot for letter in batch for spot in (letter.spot, letter.origin)}
    if unseen:
        raise InputError(no_letter(sorted(unseen), plan.topic))
    return fates


def _tell(fates: Counter[Fate]) -> None:
    typer.echo(f"{_number(fates[Fate.SENT], 'dead letter')} {Fate.SENT}")
    for fate in Fate:
        if fate is not Fate.SENT and fates[fate]:
            typer.echo(f"{fates[fate]:,} {fate}")


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("Nothing was replayed: there is no terminal to ask on. Give --yes, or --dry-run.")
    if not typer.confirm(f"Resubmit {_number(count, 'record')}?"):
        raise typer.Abort


def _progress(total: int) -> Callable[[int], None]:
    """A line for the first transaction, and then one a second."""
    due = 0.0

    def say(count: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            typer.echo(f"{count:,} of {total:,} replayed", err=True)
            due = time.monotonic() + SAY_EACH_S

    return say


def _order(letter: Letter) -> tuple[int, Spot]:
    return letter.message.timestamp()[1], letter.spot


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
