"""Kafka Connect's REST API over what workers report: any worker answers for the whole group."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fraud_core.connect.board import Board
from fraud_core.connect.group import Connector, HeldTask, connector, task_status
from fraud_core.connect.records import State, Target, TargetState
from fraud_core.errors import FraudstreamError, UnavailableError

BAD_REQUEST, NOT_FOUND, CONFLICT, UNAVAILABLE = 400, 404, 409, 503
ACCEPTED, NO_CONTENT = 202, 204
FIXED = (
    "is configured by its deployment: settings and environment variables of the process, not by this API. "
    "Change them there and restart it."
)


@dataclass(frozen=True)
class Service:
    """What the API needs to know of the worker that serves it.

    Attributes:
        name: the pipeline: the connector's name.
        worker: who answers.
        plugin: what `connector.class` says.
        kind: source or sink.
        topics: what the pipeline reads or writes.
        config: settings by dotted name, secrets masked.
        board: gives what all workers report.
        tell: writes a target.
    """

    name: str
    worker: str
    plugin: str
    kind: str
    topics: tuple[str, ...]
    config: Mapping[str, str]
    board: Callable[[], Board]
    tell: Callable[[TargetState], None]

    def connector(self) -> Connector:
        """The pipeline as it is now."""
        board = self.board()
        board.refresh()
        reports, target = board.workers(self.name), board.target(self.name)
        return connector(self.name, self.kind, reports, target, self.worker)

    def full_config(self) -> dict[str, str]:
        """As `/config` shows it."""
        return {"connector.class": self.plugin, "name": self.name, **self.config}


class RestError(Exception):
    """An answer that is no success, in Connect's form."""

    def __init__(self, status: int, message: str) -> None:
        """`message` says what to do."""
        super().__init__(message)
        self.status = status


def add_connect_api(app: FastAPI, service: Service) -> None:
    """Add the API to an app."""
    app.include_router(_reading(service))
    app.include_router(_telling(service))

    @app.exception_handler(RestError)
    def refused(_: Request, error: RestError) -> JSONResponse:
        return _error(error.status, str(error))

    @app.exception_handler(HTTPException)
    def unknown(_: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    def unread(request: Request, error: RequestValidationError) -> JSONResponse:
        where, name = error.errors()[0]["loc"][:2]
        if where == "path":  # as Connect answers where a task's id is no number
            return _error(NOT_FOUND, f"There is no {request.url.path} here: {name} is a number.")
        return _error(BAD_REQUEST, f"{name} must be true or false.")

    @app.exception_handler(UnavailableError)
    def unavailable(_: Request, error: UnavailableError) -> JSONResponse:
        return _error(UNAVAILABLE, str(error))

    @app.exception_handler(FraudstreamError)
    def failed(_: Request, error: FraudstreamError) -> JSONResponse:
        return _error(500, str(error))


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error_code": status, "message": message}, status)


def _reading(service: Service) -> APIRouter:  # noqa: C901 - one function a route
    api = APIRouter()

    def named(name: str) -> Connector:
        _check_name(service, name)
        return service.connector()

    def info(found: Connector) -> dict[str, Any]:
        tasks = [{"connector": found.name, "task": held.task.id} for held in found.tasks]
        return {"name": found.name, "config": service.full_config(), "tasks": tasks, "type": service.kind}

    @api.get("/")
    def root() -> dict[str, str]:
        board = service.board()
        return {
            "version": version("fraudstream"), "commit": "", "kafka_cluster_id": board.cluster_id(),
        }  # fmt: skip

    @api.get("/connectors")
    def connectors(expand: Annotated[list[str] | None, Query()] = None) -> Any:  # noqa: ANN401 - either form
        found = service.connector()
        parts = {"info": info, "status": Connector.status}
        wanted = {name: part(found) for name, part in parts.items() if name in (expand or ())}
        return {found.name: wanted} if wanted else [found.name]

    @api.get("/connectors/{name}")
    def one(name: str) -> dict[str, Any]:
        return info(named(name))

    @api.get("/connectors/{name}/status")
    def status(name: str) -> dict[str, object]:
        return named(name).status()

    @api.get("/connectors/{name}/config")
    def config(name: str) -> dict[str, str]:
        named(name)
        return service.full_config()

    @api.get("/connectors/{name}/tasks")
    def tasks(name: str) -> list[dict[str, Any]]:
        return [
            {"id": {"connector": name, "task": held.task.id}, "config": {"task.class": service.plugin}}
            for held in named(name).tasks
        ]

    @api.get("/connectors/{name}/tasks/{task}/status")
    def one_task(name: str, task: int) -> dict[str, object]:
        return task_status(_task(named(name), task))

    @api.get("/connectors/{name}/topics")
    def topics(name: str) -> dict[str, Any]:
        named(name)
        return {name: {"topics": list(service.topics)}}

    @api.get("/connector-plugins")
    def plugins() -> list[dict[str, str]]:
        return [{"class": service.plugin, "type": service.kind, "version": version("fraudstream")}]

    return api


def _telling(service: Service) -> APIRouter:
    api = APIRouter()

    def tell(name: str, target: Target, **details: Any) -> None:  # noqa: ANN401 - fields of TargetState
        _check_name(service, name)
        service.tell(TargetState(name, target, issued_by=f"REST of {service.worker}", **details))

    @api.put("/connectors/{name}/pause", status_code=ACCEPTED)
    def pause(name: str) -> Response:
        tell(name, Target.PAUSED)
        return Response(status_code=ACCEPTED)

    @api.put("/connectors/{name}/resume", status_code=ACCEPTED)
    def resume(name: str) -> Response:
        tell(name, Target.RUNNING)
        return Response(status_code=ACCEPTED)

    @api.put("/connectors/{name}/stop", status_code=NO_CONTENT)
    def stop(name: str) -> Response:
        tell(name, Target.STOPPED)
        return Response(status_code=NO_CONTENT)

    @api.post("/connectors/{name}/restart")
    def restart(
        name: str,
        include_tasks: Annotated[bool, Query(alias="includeTasks")] = False,  # noqa: FBT002 - of the URL
        only_failed: Annotated[bool, Query(alias="onlyFailed")] = False,  # noqa: FBT002 - of the URL
    ) -> Response:
        tell(name, Target.RESTART, include_tasks=include_tasks, only_failed=only_failed)
        if not (include_tasks or only_failed):
            return Response(status_code=NO_CONTENT)
        return JSONResponse(
            _restarting(service.connector(), include_tasks=include_tasks, only_failed=only_failed), ACCEPTED
        )

    @api.post("/connectors/{name}/tasks/{task}/restart", status_code=NO_CONTENT)
    def restart_task(name: str, task: int) -> Response:
        _check_name(service, name)
        _task(service.connector(), task)
        tell(name, Target.RESTART, task=task)
        return Response(status_code=NO_CONTENT)

    @api.post("/connectors")
    @api.put("/connectors/{name}/config")
    @api.delete("/connectors/{name}")
    def fixed(name: str | None = None) -> Response:
        _check_name(service, name or service.name)
        raise RestError(CONFLICT, f"{service.name} {FIXED}")

    return api


def _check_name(service: Service, name: str) -> None:
    if name != service.name:
        raise RestError(NOT_FOUND, f"Connector {name} not found. There is {service.name}.")


def _task(found: Connector, task: int) -> HeldTask:
    for held in found.tasks:
        if held.task.id == task:
            return held
    raise RestError(NOT_FOUND, f"No worker holds task {task} of {found.name}; tasks are input partitions.")


def _restarting(found: Connector, *, include_tasks: bool, only_failed: bool) -> dict[str, object]:
    """The status with what will be restarted shown so, as Connect answers."""
    answer = found.status()

    def shown(part: dict[str, Any]) -> dict[str, Any]:
        chosen = not only_failed or part["state"] == State.FAILED
        return part | ({"state": State.RESTARTING.value} if chosen else {})

    whole, tasks = answer["connector"], answer["tasks"]
    assert isinstance(whole, dict)  # noqa: S101 - made above
    assert isinstance(tasks, list)  # noqa: S101 - made above
    return answer | {
        "connector": shown(whole),
        "tasks": [shown(task) for task in tasks] if include_tasks else tasks,
    }
