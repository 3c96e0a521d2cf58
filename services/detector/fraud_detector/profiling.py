"""Profiles a worker that runs, when it is asked to by a signal.

SIGUSR1 begins a profile, and a second one, or the end of its time, ends it. The loop goes on: pyinstrument
takes samples of the main thread, and a thread of its own makes the report. SIGUSR2 tells at once where
every thread is, also where the loop hangs in a call of a C library and answers no SIGUSR1.
"""

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from pyinstrument import Profiler
from pyinstrument.renderers import ConsoleRenderer, HTMLRenderer
from pyinstrument.session import Session

from fraud_core.log import logger
from fraud_detector.settings import ProfileSettings

log = logger(__name__)


class _Profiles:
    """At most one is under way. Its methods are called in the main thread, by the signal's handler.

    They log nothing: the signal may have come while the main thread was writing to the log.
    """

    def __init__(self, settings: ProfileSettings) -> None:
        self._settings = settings
        self._running: tuple[Profiler, threading.Event] | None = None

    def asked(self, _: int, frame: FrameType | None) -> None:
        if self._running is None:
            self._begin(frame)
        else:
            self.end()

    def end(self) -> None:
        if self._running is None:
            return
        (profiler, ended), self._running = self._running, None
        ended.set()
        session = profiler.stop()
        threading.Thread(target=_report, args=(session, self._settings.directory), name="profile").start()

    def _begin(self, frame: FrameType | None) -> None:
        profiler, ended = Profiler(async_mode="disabled"), threading.Event()
        self._running = profiler, ended
        timing = (self._settings.seconds, ended, threading.get_ident())
        threading.Thread(target=_timed, args=timing, name="profile-time", daemon=True).start()
        profiler.start(caller_frame=frame)


@contextmanager
def on_demand(settings: ProfileSettings) -> Iterator[None]:
    """Answer SIGUSR1 and SIGUSR2 while the block runs; to be entered in the main thread."""
    profiles = _Profiles(settings)
    before = signal.signal(signal.SIGUSR1, profiles.asked)
    faulthandler.register(signal.SIGUSR2, file=sys.__stderr__ or sys.stderr, all_threads=True)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
        faulthandler.unregister(signal.SIGUSR2)
        profiles.end()


def _timed(seconds: float, ended: threading.Event, main: int) -> None:
    log.info("profiling", seconds=seconds, ends_early_by="SIGUSR1")
    if not ended.wait(seconds):
        signal.pthread_kill(main, signal.SIGUSR1)


def _report(session: Session, directory: Path | None) -> None:
    """The log gets it in any case: a container may have nowhere to write."""
    began = time.perf_counter()
    text = ConsoleRenderer(unicode=False, color=False).render(session)
    file = None if directory is None else _written(session, directory)
    log.info(
        "profile", seconds=round(session.duration, 3), cpu_seconds=round(session.cpu_time, 3),
        samples=session.sample_count, file=file, report_took_s=round(time.perf_counter() - began, 3),
        stack=text,
    )  # fmt: skip


def _written(session: Session, directory: Path) -> str | None:
    """A page for a browser; None where it can't be written, which ends no worker."""
    file = directory / f"profile-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.html"
    try:
        file.write_text(HTMLRenderer().render(session), encoding="utf-8")
    except OSError as error:
        log.warning("profile_not_written", file=str(file), reason=error.strerror or str(error))
        return None
    return str(file)
