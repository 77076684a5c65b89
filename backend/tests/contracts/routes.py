"""Every route of the application, whatever it was included from, and who may use it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from app.routers.deps import Guard
from app.routers.people.auth_hook import Signed

# What strangers may read. Everything else asks for a permission.
PUBLIC = {
    "GET /api/v1/health/live",
    "GET /api/v1/health/ready",
    "GET /metrics",  # has a token of its own
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/start.js",
    "GET /docs/{name}",
}


@dataclass(frozen=True, slots=True)
class RouteFacts:
    label: str
    name: str
    guards: tuple[Guard, ...]
    signed: bool
    """Its caller signs the request instead of signing in."""


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[RouteFacts]:
    for route in iter_route_contexts(list(routes)):
        calls = list(_calls(getattr(route, "dependant", None)))
        guards = tuple(call for call in calls if isinstance(call, Guard))
        signed = any(isinstance(call, Signed) for call in calls)
        methods = route.methods or {"ANY"}
        for method in sorted(methods - {"HEAD"}):
            label = f"{method} {route.path_format or route.path}"
            yield RouteFacts(label, str(route.name), guards, signed)


def _calls(dependant: Dependant | None) -> Iterator[object]:
    for dependency in dependant.dependencies if dependant else ():
        yield dependency.call
        yield from _calls(dependency)


def unguarded(routes: Iterable[BaseRoute]) -> set[str]:
    """Return the routes that strangers reach without being declared public."""
    reached = {route.label for route in all_routes(routes) if not (route.guards or route.signed)}
    return reached - PUBLIC
