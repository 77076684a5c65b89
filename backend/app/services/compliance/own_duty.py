"""The one door through which nobody frees themselves. A step of every reconciliation."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from app.core.errors import ForbiddenError
from app.domain.compliance.own_duty import Shown, frees
from app.repositories.compliance.compliance_segment import SegmentRow


class OwnDutyError(ForbiddenError):
    code = "own_duty"
    detail = "This would free you of training, or give you more time: somebody else has to do it."


@dataclass(frozen=True, slots=True)
class Changer:
    """Whoever makes the change; nobody for the system itself and for operators.

    `requirement_ids` are those that the change may concern, `of_person` says that it is about
    people rather than rules.
    """

    user_id: uuid.UUID | None
    requirement_ids: Collection[uuid.UUID]
    of_person: bool

    def refuse_own_release(
        self,
        before: Iterable[SegmentRow],
        after: Iterable[SegmentRow],
        todays: Mapping[uuid.UUID, date],
    ) -> None:
        """Raise OwnDutyError where the change frees whoever makes it."""
        if self.user_id is None or self.user_id not in todays:
            return
        today = todays[self.user_id]
        known, found = self._own(before), self._own(after)
        for each in self.requirement_ids:
            if frees(known[each], found[each], today, of_person=self.of_person):
                raise OwnDutyError

    def _own(self, rows: Iterable[SegmentRow]) -> defaultdict[uuid.UUID, list[Shown]]:
        shown = defaultdict[uuid.UUID, list[Shown]](list)
        for row in rows:
            if row.user_id == self.user_id and row.place == 0:
                shown[row.requirement_id].append(
                    Shown(row.starts_on, row.ends_on, row.status, row.due_on, row.met_by)
                )
        return shown
