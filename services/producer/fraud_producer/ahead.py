"""Prepares the next slices while the last ones are being published, so that a steady rate stays steady."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from fraud_producer.slices import Slice

DEPTH = 2


def ahead(slices: Iterable[Slice]) -> Generator[Slice]:
    """The same slices, up to two of them made in advance by a thread; its errors are raised here."""
    source = iter(slices)
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="slices")
    try:
        coming: deque[Future[Slice | None]] = deque(pool.submit(next, source, None) for _ in range(DEPTH))
        while (piece := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, source, None))
            yield piece
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
