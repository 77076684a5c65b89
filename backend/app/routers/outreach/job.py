"""What operators see of the work in the background."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.domain.actor import Permission
from app.domain.outreach.job import JobStatus
from app.routers.deps import AnyOf, App, Guard, PageQuery
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.outreach.job import JobRead
from app.schemas.outreach.schedule import ScheduleRead
from app.services.context import RequestContext
from app.services.outreach.job import JobNotGivenUpError

router = APIRouter(prefix="/operations", tags=["operations"], route_class=StrictRoute)

Operator = Annotated[RequestContext, Depends(Guard(Permission.OPERATIONS))]
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/jobs", response_model=ListOf[JobRead])
async def list_jobs(
    context: Operator, app: App, page: PageQuery, status: AnyOf[JobStatus]
) -> Response:
    """List the jobs that wait, are under way or were given up, the newest first."""
    return json_of(await app.jobs(context).list(page, statuses=status))


@router.post("/jobs/{job_id}/retry", response_model=JobRead, responses=refusals(JobNotGivenUpError))
async def retry_job(job_id: JobId, context: Operator, app: App) -> Response:
    """Have a job that was given up done again, with as many tries as a new one."""
    return await respond(app.jobs(context).retry(job_id))


@router.get("/schedules", response_model=ListOf[ScheduleRead])
async def list_schedules(context: Operator, app: App) -> Response:
    """List when jobs are due, and what became of them last."""
    return json_of(await app.schedules(context).list())
