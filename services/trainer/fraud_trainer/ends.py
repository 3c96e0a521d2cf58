"""Where reading of a partition may end, though a record may have a wrong Kafka timestamp.

Brokers name the first record of a timestamp or a later one. One that is a month ahead would end a partition
there, and hide all that came after it.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from itertools import zip_longest

from fraud_core import tail
from fraud_core.offsets import Place, Span, shortened
from fraud_core.settings import KafkaSettings

SAMPLE = 100
"""Offsets in a row that are looked at."""
DISORDER = timedelta(hours=1)
"""So much older may be what follows: producers' clocks and delays differ."""


def ended(settings: KafkaSettings, spans: Mapping[Place, Span], moment: datetime) -> dict[Place, Span]:
    """The spans up to where records of this Kafka timestamp or later ones begin.

    Where older records are found behind that, the whole span: when in doubt, more is read than is needed.

    Raises:
        UnavailableError: the brokers don't answer.
    """
    cut = shortened(settings, spans, moment)
    rests = {place: Span(cut[place].end, span.end) for place, span in spans.items()}
    doubted = _with_older(settings, rests, moment - DISORDER)
    return {place: spans[place] if place in doubted else span for place, span in cut.items()}


def _with_older(settings: KafkaSettings, spans: Mapping[Place, Span], moment: datetime) -> set[Place]:
    """Those in whose samples there is a record from before the moment."""
    earliest, found = moment.timestamp() * 1_000, set[Place]()
    with closing(tail.consumer(settings)) as source:
        for parts in zip_longest(*(samples(span) for span in spans.values())):
            wanted = {place: part for place, part in zip(spans, parts, strict=True) if part is not None}
            undecided = {place: part for place, part in wanted.items() if place not in found}
            for messages in tail.forward(source, undecided):
                found |= {tail.place_of(one) for one in messages if one.timestamp()[1] < earliest}
    return found


def samples(span: Span) -> Iterator[Span]:
    """Parts of a span, each twice as far from its beginning as the one before.

    So what is as long as what lies between it and the beginning, and a sample, is met, whatever that is.
    """
    far = 0
    while far < span.length:
        yield Span(span.begin + far, min(span.end, span.begin + far + SAMPLE))
        far = 2 * far + SAMPLE
