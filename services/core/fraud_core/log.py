"""Logging: one structlog pipeline for all services; librdkafka's lines go through it too."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from fraud_core.settings import LogSettings

Logger = structlog.stdlib.BoundLogger


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every record of the process to standard error or another stream, as JSON or as text for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(settings, stream))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for chatty in ("httpx2", "httpcore", "numba", "uvicorn", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _rendering(settings: LogSettings, stream: TextIO) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.format == "json":
        return [drop, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [drop, structlog.dev.ConsoleRenderer(colors=stream.isatty())]


def logger(name: str) -> Logger:
    """A logger that takes events with fields: `log.info("restored", partition=3)`."""
    bound: Logger = structlog.stdlib.get_logger(name)
    return bound
