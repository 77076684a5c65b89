"""For load balancers and Prometheus."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.errors import InvalidPayloadError, NotAuthenticatedError, OverloadedError
from app.core.postgres.failure import (
    DatabaseUnavailableError,
    ReadOnlyError,
    log_unavailable,
    unavailable,
)
from app.routers.deps import App
from app.routers.outreach.job_metrics import job_metrics
from app.routers.refusals import refusals
from app.routers.strict_json import StrictRoute, refuse_query
from app.services.context import SYSTEM
from app.services.factories import Services
from app.services.health import NotMigratedError, check_readiness

router = APIRouter(
    prefix="/health",
    tags=["health"],
    route_class=StrictRoute,
    dependencies=[Depends(refuse_query)],
    responses=refusals(InvalidPayloadError),
)
metrics_router = APIRouter(tags=["health"])

_bearer = HTTPBearer(auto_error=False, scheme_name="MetricsToken")


@router.get("/live")
async def live() -> dict[str, str]:
    """Answer 200 for as long as the process runs, whatever the database does."""
    return {"status": "ok"}


@router.get(
    "/ready",
    responses=refusals(NotMigratedError, ReadOnlyError, OverloadedError, DatabaseUnavailableError),
)
async def ready(app: App) -> dict[str, str]:
    """Answer 200 when the database answers and has a schema that this code can work with."""
    return {"status": await check_readiness(app.database)}


@metrics_router.get("/metrics", include_in_schema=False)
async def metrics(
    app: App, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Response:
    token = app.settings.metrics_token
    if token is not None:
        sent = credentials.credentials if credentials else ""
        if not hmac.compare_digest(sent.encode(), token.get_secret_value().encode()):
            raise NotAuthenticatedError
    text = app.metrics.text() + await _of_jobs(app)
    return Response(text, media_type="text/plain; version=0.0.4")


async def _of_jobs(app: Services) -> bytes:
    """Return the figures of the jobs, and nothing while the database is away."""
    try:
        backlog = await app.jobs(SYSTEM).backlog()
        schedules = await app.schedules(SYSTEM).list()
    except Exception as error:
        if (known := unavailable(error)) is None:
            raise
        log_unavailable(known.code, error)
        return b""
    return job_metrics(backlog, schedules.items)
