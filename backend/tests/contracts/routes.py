"""Every route of the application, whatever it was included from, and who may use it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from app.routers.deps import Guard

# What strangers may read. Everything else asks for a permission.
PUBLIC = {
    "GET /api/v1/health/live",
    "GET /api/v1/health/ready",
    "GET /metrics",  # has a token of its own
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/oauth2-redirect",
}


@dataclass(frozen=True, slots=True)
class RouteFacts:
    label: str
    name: str
    guards: tuple[Guard, ...]


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[RouteFacts]:
    for route in iter_route_contexts(list(routes)):
        guards = tuple(_guards(getattr(route, "dependant", None)))
        methods = route.methods or {"ANY"}
        for method in sorted(methods - {"HEAD"}):
            yield RouteFacts(f"{method} {route.path_format or route.path}", str(route.name), guards)


def _guards(dependant: Dependant | None) -> Iterator[Guard]:
    for dependency in dependant.dependencies if dependant else ():
        if isinstance(dependency.call, Guard):
            yield dependency.call
        yield from _guards(dependency)


def unguarded(routes: Iterable[BaseRoute]) -> set[str]:
    """Return the routes that strangers reach without being declared public."""
    return {route.label for route in all_routes(routes) if not route.guards} - PUBLIC
