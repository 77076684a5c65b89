from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.fields import Day
from app.repositories.evidence.external_evidence import CARD_ORDERS
from app.routers.deps import App, Guard, PersonId, paged
from app.routers.respond import json_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.credential import CredentialKindRead, CredentialRead, Credentials
from app.services.context import RequestContext

router = APIRouter(tags=["credentials"], route_class=StrictRoute)

CardPage = Annotated[PageRequest, paged(CARD_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]
ExpiresBy = Annotated[Day | None, Query(description="The last day; without it, 90 days ahead")]


@router.get("/credential-kinds", response_model=ListOf[CredentialKindRead])
async def list_credential_kinds(context: Reader, app: App) -> Response:
    """List the kinds of card and licence, with the other names that each may be entered by."""
    return json_of(app.credentials(context).kinds())


@router.get("/users/{user_id}/credentials", response_model=Credentials)
async def read_credentials(user_id: PersonId, context: Reader, app: App) -> Response:
    """List a person's cards and licences, with the status of each and the card that it renews."""
    return json_of(await app.credentials(context).of_user(user_id))


@router.get("/credentials", response_model=ListOf[CredentialRead])
async def list_expiring_credentials(
    context: Reader, app: App, page: CardPage, expires_by: ExpiresBy = None
) -> Response:
    """List cards that expire by a day and are not renewed: my own and those of people I manage."""
    return json_of(await app.credentials(context).expiring(expires_by, page))
