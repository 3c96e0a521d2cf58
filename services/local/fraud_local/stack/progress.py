"""How far a download is: a bar on a terminal, a line for each tenth elsewhere. Always on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from fraud_local.stack.artefacts import MEGABYTE

Advance = Callable[[int], None]


@contextmanager
def shown(total: int) -> Iterator[Advance]:
    """Show progress to `total` bytes while the block runs; call what is yielded with each number of bytes."""
    if sys.stderr.isatty():
        with _bar(total) as advance:
            yield advance
    else:
        yield _lines(total)


@contextmanager
def _bar(total: int) -> Iterator[Advance]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("download", total=total)
        yield lambda count: progress.advance(task, count)


def _lines(total: int) -> Advance:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done * 10 // total, done + count
        if done * 10 // total > before:
            sys.stderr.write(f"  {done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB\n")
            sys.stderr.flush()

    return advance
