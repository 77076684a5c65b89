import uuid
from dataclasses import dataclass

from sqlalchemy import ARRAY, Uuid, bindparam, text

from app.models import Location
from app.repositories.base import Repository

_ASKED = text("""
    SELECT DISTINCT l.id, l.name, named.kind, l.site_facts ->> named.kind, m.id, v.title, v.category
      FROM training_modules m
      JOIN module_versions v ON v.id = m.current_version_id AND v.by_office
      JOIN version_sections s ON s.version_id = v.id
     CROSS JOIN LATERAL jsonb_array_elements_text(s.site_facts) AS named (kind)
      JOIN locations l ON s.states IS NULL OR s.states ? l.state
     WHERE m.status = 'published' AND m.deleted_at IS NULL AND l.deleted_at IS NULL
       AND (l.id = ANY (:location_ids) OR :location_ids IS NULL)
       AND (m.id = ANY (:module_ids) OR :module_ids IS NULL)
     ORDER BY l.name, l.id, named.kind, v.title, m.id
""").bindparams(
    bindparam("location_ids", type_=ARRAY(Uuid())),
    bindparam("module_ids", type_=ARRAY(Uuid())),
)


@dataclass(frozen=True, slots=True)
class AskedFact:
    """A kind that the text of a published module names to the people of an office."""

    location_id: uuid.UUID
    location: str
    kind: str
    value: str | None
    module_id: uuid.UUID
    module_title: str
    category: str | None


class SiteFactRepository(Repository[Location]):
    model = Location

    async def asked(
        self,
        location_ids: list[uuid.UUID] | None = None,
        module_ids: list[uuid.UUID] | None = None,
    ) -> list[AskedFact]:
        """Return what is asked of offices, by office; None stands for all."""
        parameters = {"location_ids": location_ids, "module_ids": module_ids}
        return [AskedFact(*row) for row in await self.session.execute(_ASKED, parameters)]
