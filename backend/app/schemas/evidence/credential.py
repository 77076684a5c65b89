import uuid
from datetime import date, datetime

from app.domain.evidence.credential import CredentialStatus
from app.schemas.base import Resource
from app.schemas.evidence.source_check import SourceCheckRead


class CredentialKindRead(Resource):
    """`expires`: a card of this kind is refused without its printed expiry."""

    code: str
    name: str
    aliases: list[str]
    expires: bool


class CredentialRead(Resource):
    """A card or licence: external evidence of the same id, and its status today.

    `renews_id` is the verified card of the same kind before it, and `cycle_starts_on` the day after
    the expiry of that one. `source_checks` are the latest first.
    """

    id: uuid.UUID
    user_id: uuid.UUID
    kind: str
    kind_name: str
    title: str
    number: str | None
    issuer: str
    issuing_state: str | None
    issued_on: date
    printed_expiry: date | None
    status: CredentialStatus
    renews_id: uuid.UUID | None
    cycle_starts_on: date | None
    evidence_reference: str | None
    entered_by_id: uuid.UUID
    verified_by_id: uuid.UUID | None
    verified_at: datetime | None
    source_checks: list[SourceCheckRead]


class Credentials(Resource):
    """The latest of each kind comes first, by its expiry."""

    items: list[CredentialRead]
