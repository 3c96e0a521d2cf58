"""How far a command has come that first goes through transactions and then trains."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

OnProgress = Callable[[int, int], None]
"""Takes how many are done, and of how many."""


@contextmanager
def shown(title: str, total: int | None = None, doing: str | None = None) -> Iterator[OnProgress]:
    """Progress on standard error: a bar on a terminal, one line elsewhere.

    Args:
        title: what is done before it trains.
        total: of how many, where that is known.
        doing: the title once the total is known, which may name it as `{total}`.
    """
    if not sys.stderr.isatty():
        typer.echo(f"{title}, then training", err=True)
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)

        def on_progress(done: int, total: int) -> None:
            description = (
                "Training" if done >= total else title if doing is None else doing.format(total=total)
            )
            progress.update(task, completed=done, total=total, description=description)

        yield on_progress
