import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import AnyOf, App, Guard, IfMatch
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.content.site_fact import (
    MissingSiteFact,
    SiteFactKindRead,
    SiteFacts,
    SiteFactsUpdate,
)
from app.services.content.site_fact import NotYourOfficeError
from app.services.context import RequestContext

router = APIRouter(tags=["organisation"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_READ))]
Asker = Annotated[RequestContext, Depends(Guard(Permission.SITE_FACTS_MISSING))]
Keeper = Annotated[RequestContext, Depends(Guard(Permission.SITE_FACTS_WRITE))]


@router.get("/site-fact-kinds", response_model=ListOf[SiteFactKindRead])
async def list_site_fact_kinds(context: Reader, app: App) -> Response:
    """List what the text of modules may name of an office, and the question that each answers."""
    return json_of(app.site_facts(context).kinds())


@router.get("/site-facts/missing", response_model=ListOf[MissingSiteFact])
async def list_missing_site_facts(
    context: Asker,
    app: App,
    location_id: AnyOf[uuid.UUID],
    module_id: AnyOf[uuid.UUID],
) -> Response:
    """List what published modules name and offices have not recorded: of my offices, or of all.

    Until it is recorded, learners read there whom to ask instead.
    """
    return json_of(await app.site_facts(context).missing(tuple(location_id), tuple(module_id)))


@router.get("/locations/{location_id:uuid}/site-facts", response_model=SiteFacts)
async def read_site_facts(location_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read what is recorded of an office, and which modules name it."""
    return await respond(app.site_facts(context).of_location(location_id))


@router.patch(
    "/locations/{location_id:uuid}/site-facts",
    response_model=SiteFacts,
    responses=refusals(NotYourOfficeError),
)
async def update_site_facts(
    location_id: uuid.UUID, payload: SiteFactsUpdate, context: Keeper, if_match: IfMatch, app: App
) -> Response:
    """Record facts of an office; null takes one away.

    Learners read them at once. Records keep what was read before.
    """
    return await respond(app.site_facts(context).update(location_id, payload, if_match))
