"""Keeps up with a file of networks: a thread reads it again when it changes."""

import threading
from collections.abc import Callable
from pathlib import Path

from fraud_core.errors import ConfigError
from fraud_core.features.side import SAMPLE, Networks, read_networks
from fraud_core.log import logger

log = logger(__name__)
LOOK_S = 2.0
Mark = tuple[int, int, int]
OnNetworks = Callable[[Networks], None]


class NetworkFile:
    """A file that is looked at while the detector runs. A new one that can't be read changes nothing."""

    def __init__(self, name: str, on_networks: OnNetworks, look_s: float = LOOK_S) -> None:
        """Read it now, and from `start` on again whenever it changes.

        Raises:
            ConfigError: it can't be read.
        """
        self._path = SAMPLE if name == "sample" else Path(name)
        self._tell, self._look_s = on_networks, look_s
        self._stop = threading.Event()
        self._mark = self._marked()
        self._tell(read_networks(self._path))
        self._thread = threading.Thread(target=self._run, name="networks", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            mark = self._marked()
            if mark is None or mark == self._mark:
                continue
            self._mark = mark
            try:
                self._tell(read_networks(self._path))
            except ConfigError as error:
                log.warning("networks_not_read", reason=str(error), now="those that are known stay")
            else:
                log.info("networks_read", path=str(self._path))

    def _marked(self) -> Mark | None:
        """Another one where the file is another; a file that is just being replaced has none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
