import uuid
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from starlette.types import Send

from app.domain.actor import Permission
from app.domain.fields import Day
from app.routers.deps import App, Guard
from app.routers.strict_json import StrictRoute
from app.services.context import RequestContext
from app.services.evidence.audit_pack import AuditPack, PackQuery

router = APIRouter(prefix="/audit-packs", tags=["audit"], route_class=StrictRoute)

Auditor = Annotated[RequestContext, Depends(Guard(Permission.AUDIT_READ))]
ZIP = "application/zip"


class PackResponse(StreamingResponse):
    """Closes the pack when the client goes away: its transaction must not outlive the request."""

    def __init__(self, pack: AuditPack) -> None:
        disposition = f'attachment; filename="{pack.filename}"'
        headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
        super().__init__(pack.stream, headers=headers, media_type=ZIP)
        self._pack = pack

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._pack.stream):
            await super().stream_response(send)


@router.get("", response_class=StreamingResponse, responses={200: {"content": {ZIP: {}}}})
async def read_audit_pack(
    context: Auditor,
    app: App,
    from_day: Annotated[Day | None, Query(alias="from")] = None,
    to_day: Annotated[Day | None, Query(alias="to")] = None,
    location: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
    module_id: uuid.UUID | None = None,
) -> PackResponse:
    """Stream the evidence of a scope and period as a ZIP with its own verifier.

    Both days are inclusive. A location stands for the people who work there now and for the
    records that name it.
    """
    query = PackQuery(from_day, to_day, location, user_id, module_id)
    return PackResponse(await app.audit_packs(context).open(query))
