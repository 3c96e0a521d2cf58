"""Shows how far the producer is: a bar on a terminal, else a log line now and then. All on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fraud_core.log import logger
from fraud_producer.stream import OnSent, Sent

log = logger(__name__)

LINE_EVERY_S = 10.0


@contextmanager
def shown(total: int | None, title: str) -> Iterator[OnSent]:
    """Show progress while the context lasts; yields what is to be called with everything that was sent.

    A bar needs a terminal and a known total of transactions; without either there are lines.
    """
    if total is None or not sys.stderr.isatty():
        yield lines(total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, TextColumn("{task.fields[event_time]}"), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task(title, total=total, event_time="")

        def advance(sent: Sent) -> None:
            progress.update(task, advance=sent.transactions.height, event_time=_event_time(sent))

        yield advance


def lines(total: int | None, clock: Callable[[], float] = time.monotonic) -> OnSent:
    """A log line once in ten seconds."""
    begun = told = clock()
    produced = 0

    def count(sent: Sent) -> None:
        nonlocal told, produced
        produced += sent.transactions.height
        if clock() - told >= LINE_EVERY_S:
            told = clock()
            rate = round(produced / (told - begun), 1)
            log.info("producing", produced=produced, of=total, per_second=rate, event_time=_event_time(sent))

    return count


def _event_time(sent: Sent) -> str:
    last = sent.transactions["timestamp"][-1] if sent.transactions.height else None
    return f"{last:%Y-%m-%d %H:%M}" if last else ""
