import uuid
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.files import csv_form
from app.domain.actor import Permission
from app.domain.compliance import ComplianceStatus
from app.domain.fields import Day
from app.repositories.compliance.report_scope import GroupBy, ReportScope
from app.routers.deps import AnyOf, App, Guard, PageQuery, QueryText
from app.routers.openapi import file_responses
from app.routers.refusals import Schema, refusals
from app.routers.respond import JSON, attachment, json_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.compliance.report import ComplianceExport, ComplianceReport, Forecast, ReportLine
from app.services.compliance.report import DaysToComeError
from app.services.compliance.report_export import csv_chunks, json_chunks, xlsx_chunks
from app.services.context import RequestContext
from app.services.factories import Services

router = APIRouter(prefix="/reports", tags=["reports"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.REPORTS_READ))]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILES = {
    "csv": (csv_chunks, csv_form.MEDIA_TYPE),
    "json": (json_chunks, JSON),
    "xlsx": (xlsx_chunks, XLSX),
}


async def _scope(
    context: Reader,
    app: App,
    location: AnyOf[QueryText],
    department: AnyOf[QueryText],
    job_title: AnyOf[QueryText],
    requirement: AnyOf[uuid.UUID],
    status: AnyOf[ComplianceStatus],
    user_id: AnyOf[uuid.UUID],
    as_of: Day | None = None,
    known_on: Day | None = None,
) -> ReportScope:
    """Read the filter from the query; today is the present day at the caller's location."""
    if as_of is not None:
        await app.reports(context).refuse_days_to_come(as_of)
    if as_of is None or known_on is not None:
        today = await app.reports(context).today()
        as_of = as_of or today
        known_on = known_on if known_on and known_on < today else None
    departments: tuple[str, ...] = ()
    job_titles: tuple[str, ...] = ()
    if department or job_title:
        departments, job_titles = await app.reports(context).words_meant(department, job_title)
    return ReportScope(
        as_of,
        tuple(location),
        departments,
        job_titles,
        tuple(requirement),
        tuple(status),
        tuple(user_id),
        known_on,
    )


Scope = Annotated[ReportScope, Depends(_scope)]


def _told(*media_types: str) -> dict[int | str, Schema]:
    meaning = "The requirements that are worked out right now: some lines may not follow them yet"
    return {**refusals(DaysToComeError), **file_responses(*media_types, X_Reconciling=meaning)}


@router.get("/compliance", response_model=ComplianceReport, responses=refusals(DaysToComeError))
async def read_matrix(
    context: Reader, app: App, scope: Scope, group_by: GroupBy = GroupBy.LOCATION
) -> Response:
    """Count people by group, requirement and status on any day, past or to come."""
    return json_of(await app.reports(context).matrix(scope, group_by))


@router.get(
    "/compliance/people", response_model=ListOf[ReportLine], responses=refusals(DaysToComeError)
)
async def list_people(context: Reader, app: App, scope: Scope, page: PageQuery) -> Response:
    """List the people and requirements that the counts of the same scope are made of."""
    return json_of(await app.reports(context).people(scope, page))


@router.get("/compliance/forecast", response_model=Forecast, responses=refusals(DaysToComeError))
async def read_forecast(context: Reader, app: App, scope: Scope) -> Response:
    """Count what falls due and what expires in each of the next 52 weeks."""
    return json_of(await app.reports(context).forecast(scope))


@router.get("/compliance.csv", response_class=Response, responses=_told("text/csv"))
async def export_csv(context: Reader, app: App, scope: Scope) -> Response:
    """Download the lines behind the counts of the same scope as CSV."""
    return await _file(context, app, scope, "csv")


@router.get("/compliance.json", response_model=ComplianceExport, responses=_told())
async def export_json(context: Reader, app: App, scope: Scope) -> Response:
    """Download the lines behind the counts of the same scope as JSON."""
    return await _file(context, app, scope, "json")


@router.get("/compliance.xlsx", response_class=Response, responses=_told(XLSX))
async def export_xlsx(context: Reader, app: App, scope: Scope) -> Response:
    """Download the lines behind the counts of the same scope as XLSX."""
    return await _file(context, app, scope, "xlsx")


async def _file(context: RequestContext, app: Services, scope: ReportScope, kind: str) -> Response:
    """Send the lines; `X-Reconciling` names requirements whose new rule they may not follow yet."""
    write, media_type = _FILES[kind]
    reconciling = await app.reports(context).reconciling()
    async with aclosing(app.reports(context).lines(scope)) as lines:
        download = await app.downloads.make(write(lines, scope))
    known = f"-known-{scope.known_on}" if scope.known_on else ""
    response = attachment(download, media_type, f"compliance-{scope.as_of}{known}.{kind}")
    if reconciling:
        response.headers["X-Reconciling"] = ", ".join(map(str, reconciling))
    return response
