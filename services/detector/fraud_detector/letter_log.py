"""Connect's `errors.log.enable`: a line for dead letters, one a second at most, as poison comes in floods."""

import time
from collections.abc import Callable, Sequence

from fraud_core.error_handling import ErrorLogSettings
from fraud_core.log import logger
from fraud_detector.dead_letters import TEXT_LIMIT, DeadLetter

log = logger(__name__)
LINE_EACH_S = 1.0


class LetterLog:
    """Logs the first of the dead letters that came since its last line, and how many there were besides."""

    def __init__(self, settings: ErrorLogSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only grow."""
        self._settings, self._clock = settings, clock
        self._next = float("-inf")
        self._unsaid = 0

    def note(self, letters: Sequence[DeadLetter]) -> None:
        """These records were found to be at fault."""
        if not letters or not self._settings.enable:
            return
        if self._clock() < self._next:
            self._unsaid += len(letters)
            return
        self._next = self._clock() + LINE_EACH_S
        log.error("dead_letter", **self._said(letters[0]), without_a_line=self._unsaid + len(letters) - 1)
        self._unsaid = 0

    def _said(self, letter: DeadLetter) -> dict[str, str | None]:
        said: dict[str, str | None] = {
            "place": letter.place, "stage": letter.stage.value, "error": type(letter.error).__qualname__,
        }  # fmt: skip
        if self._settings.include.messages:
            said |= {
                "reason": str(letter.error)[:TEXT_LIMIT],
                "key": _text(letter.message.key()),
                "value": _text(letter.message.value()),
            }
        return said


def _text(raw: str | bytes | None) -> str | None:
    return raw[:TEXT_LIMIT].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
