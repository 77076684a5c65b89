"""Who answers for a person, and what becomes of that when they move to another office."""

import uuid
from typing import NamedTuple


class Oversight(NamedTuple):
    """What decides which managers see a person."""

    location_id: uuid.UUID | None
    manager_id: uuid.UUID | None

    def moved_to(self, location_id: uuid.UUID | None) -> "Oversight":
        """Return what holds after a move of which nobody said what becomes of the manager.

        Whoever leaves an office has no manager until somebody names one, so that nobody goes on
        seeing them unasked.
        """
        leaves = self.location_id is not None and location_id != self.location_id
        return Oversight(location_id, None if leaves else self.manager_id)
