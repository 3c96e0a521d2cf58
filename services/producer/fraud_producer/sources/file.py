"""A history of the user's own, replayed."""

from fraud_core.log import logger
from fraud_producer.options import DEFAULT_LABEL_DELAY, Options
from fraud_producer.replay import parse_mapping, read_history
from fraud_producer.run import Plan
from fraud_producer.sources.shared import base_pace

log = logger(__name__)


def file_plan(options: Options) -> Plan:
    """Replay the file that `--input` names.

    Raises:
        InputError: it can't be read or mapped.
    """
    assert options.input is not None  # noqa: S101 - that makes it a replay
    history = read_history(
        options.input,
        parse_mapping(options.map),
        label=options.label,
        label_delay=DEFAULT_LABEL_DELAY if options.label_delay is None else options.label_delay,
        frauds_only=options.label_frauds_only,
        rejects=options.rejects,
    )
    if history.rejected:
        rows = history.rows + history.rejected
        log.warning("rows rejected", rejected=history.rejected, rows=rows, listed=str(history.rejects))
    if history.repeats:
        log.warning("transaction ids repeated", reason=history.repeats)
    return Plan(
        title=f"Replaying {history.path.name}",
        slices=history,
        pace=base_pace(options, options.speed or None, history.first),
        count=options.count,
        total=min(history.rows, options.count or history.rows),
        rejected=history.rejected,
    )
