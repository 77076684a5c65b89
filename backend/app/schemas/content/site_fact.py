import uuid

from pydantic import MISSING

from app.domain.content.site_fact import SiteFactKind, SiteFactValue
from app.schemas.base import Changes, Resource, Versioned
from app.schemas.reference import LocationReference, ModuleReference


class SiteFactKindRead(Resource):
    """Text names a fact by its kind, as `{{exposure_control_plan}}`."""

    kind: SiteFactKind
    question: str


class SiteFactRead(SiteFactKindRead):
    value: str | None
    """What the office says; null where nobody has recorded it."""

    asked_by: list[ModuleReference]
    """The published modules whose text names it to people of this office."""


class SiteFacts(Versioned):
    location_id: uuid.UUID
    """The office whose facts these are."""

    items: list[SiteFactRead]
    """All kinds, in the order of the list of kinds."""


class SiteFactsUpdate(Changes):
    facts: dict[SiteFactKind, SiteFactValue | None] | MISSING = MISSING
    """The new values by kind. Kinds that are left out stay as they are."""


class MissingSiteFact(SiteFactKindRead):
    location: LocationReference
    asked_by: list[ModuleReference]
