"""`fraudstream stack up|down|status`: the broker and the registry by themselves."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import psutil
import typer

from fraud_core.shutdown import on_signals
from fraud_local.stack import datadir, detached
from fraud_local.stack.datadir import State
from fraud_local.stack.detached import Request
from fraud_local.stack.places import default_data_dir
from fraud_local.stack.stack import prepared, running, say_on_stderr

NOT_RUNNING = 3  # as `systemctl status` has it
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A real Kafka broker and schema registry on this machine, without Docker or Java.",
)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Keeps topics and schemas. (env FRAUD_DATA_DIR, then in stack/)"),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, help="The broker's port; 0 for any free one. [default: 9092]"),
]
RegistryPort = Annotated[
    int | None,
    typer.Option(
        "--registry-port", min=0, max=65_535, help="The registry's; 0 for any free one. [default: 8081]"
    ),
]


@app.command()
def up(
    data_dir: DataDir = None,
    port: Port = None,
    registry_port: RegistryPort = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete all topics and schemas first.")] = False,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay until Ctrl-C instead of returning when it is ready.")
    ] = False,
) -> None:
    """Start the stack; it goes on in the background until `fraudstream stack down`."""
    directory = _directory(data_dir)
    state = datadir.read_state(directory)
    if state is not None:
        typer.echo("The stack already runs." + (" Its data was not deleted: stop it first." if fresh else ""))
        _show(directory, state)
        return
    if foreground:
        _stay(directory, port, registry_port, fresh=fresh)
        return
    datadir.claim(directory)  # before a long download
    prepared(say_on_stderr)  # here, where its progress is seen
    _show(directory, detached.start(Request(str(directory), fresh, port, registry_port), _repeat))
    typer.echo("\nStop it with: fraudstream stack down" + _flag(data_dir))


@app.command()
def down(data_dir: DataDir = None) -> None:
    """Stop the stack; topics and schemas stay."""
    directory = _directory(data_dir)
    if detached.stop(directory):
        typer.echo(f"Stopped. Topics and schemas stay in {directory}.")
    else:
        typer.echo(f"No stack runs on {directory}.")


@app.command()
def status(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Say what runs and where; exit status 0 if it does, 3 if not."""
    directory = _directory(data_dir)
    state = datadir.read_state(directory)
    if as_json:
        known = asdict(state) if state else {}
        typer.echo(json.dumps({"running": state is not None, "data_dir": str(directory)} | known))
    elif state is None:
        typer.echo(f"No stack runs on {directory}. Start one with: fraudstream stack up" + _flag(data_dir))
    else:
        _show(directory, state)
    raise typer.Exit(NOT_RUNNING if state is None else 0)


def _directory(chosen: Path | None) -> Path:
    return (chosen or default_data_dir()).expanduser().resolve()


def _repeat(said: str) -> None:
    """What the process in the background had to say, such as that a port was taken."""
    typer.echo(said, nl=False, err=True)


def _flag(chosen: Path | None) -> str:
    return f" --data-dir {chosen}" if chosen else ""


def _stay(directory: Path, port: int | None, registry_port: int | None, *, fresh: bool) -> None:
    detached.end_on_signals()
    command = "fraudstream stack up --foreground"
    try:
        with (
            running(
                directory, fresh=fresh, broker_port=port, registry_port=registry_port, command=command
            ) as stack,
            on_signals() as asked,
        ):
            state = datadir.read_state(directory)
            if state is not None:
                _show(directory, state)
            typer.echo("\nStop it with Ctrl-C.")
            detached.serve(stack, asked.stop)
    except KeyboardInterrupt:
        pass
    typer.echo(f"\nStopped. Topics and schemas stay in {directory}.")


def _show(directory: Path, state: State) -> None:
    typer.echo(f"Broker    {state.bootstrap_servers}   {_process(state.broker_version, state.broker_pid)}")
    typer.echo(
        f"Registry  {state.schema_registry_url}   {_process(state.registry_version, state.registry_pid)}"
    )
    typer.echo(f"Data      {directory}   logs in {directory / datadir.LOGS}")
    typer.echo(f"Run by    {state.command} (process {state.owner}) since {state.started_at}")
    typer.echo(
        "\nFor other commands in this shell:\n"
        f"  export FRAUD_KAFKA__BOOTSTRAP_SERVERS={state.bootstrap_servers}\n"
        f"  export FRAUD_SCHEMA_REGISTRY__URL={state.schema_registry_url}"
    )


def _process(version: str, pid: int | None) -> str:
    if pid is None:
        return f"{version}, stopped"
    try:
        memory = psutil.Process(pid).memory_info().rss / 1_000_000
    except psutil.Error:
        return f"{version}, process {pid} is gone"
    return f"{version}, process {pid}, {memory:.0f} MB"
