"""Whether what a training makes can be written, seen before hours of reading and training."""

from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import unquote

from fraud_core.errors import ConfigError

FILE = "file://"


def see_writable(output: str, report: Path | None) -> None:
    """Try to write where the folders are, or where they would be made; nothing is left behind.

    Args:
        output: where bundles go; one that is no folder of this machine is not tried.
        report: the file of the report, if there shall be one.

    Raises:
        ConfigError: one can't be written to.
    """
    if output.startswith(FILE) or "://" not in output:
        path = unquote(output.removeprefix(FILE)) if output.startswith(FILE) else output
        _try(Path(path), f"--output {output}")
    if report is not None:
        if report.is_dir():
            raise ConfigError(f"--report {report} is a folder. Name a file in it.")
        _try(report.parent, f"--report {report}")


def _try(folder: Path, flag: str) -> None:
    try:
        with TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        raise ConfigError(f"{flag} can't be written to ({error.strerror}). Name another place.") from error


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
