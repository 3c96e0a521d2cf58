"""Keeps Python's cycle collector out of the way of the batches."""

import gc

RECORDS = 100_000


def collect_rarely() -> None:
    """Look for cycles about every so many records, and never again at what is there now.

    By default the collector runs for each 700 new objects. A batch brings thousands, none of them in a cycle,
    so it took up to a tenth of the time and found nothing. To be called once the modules are imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(RECORDS, 10, 10)
