"""Rules as a client writes them, and requirements as the service makes them."""

import itertools
import uuid
from typing import Any

from app.core.database import Database
from app.domain.compliance.requirement import Rule
from app.models import Requirement
from app.services.compliance.reconciliation import reconcile_all
from app.services.compliance.requirement import add_requirement
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

_serial = itertools.count(1)


def rule_json(*module_ids: uuid.UUID, **fields: Any) -> dict[str, Any]:
    """Ask everybody for one of the modules within 30 days of hire, once a year."""
    return {
        "subject": {"kind": "modules", "any_of": [str(module_id) for module_id in module_ids]},
        "audience": {"everyone": True},
        "first_due": {"kind": "days_after", "event": "hire", "days": 30},
        "renewal": {"months": 12, "window_days": 30},
        "citation": "29 CFR 1910.1030(g)(2)",
        **fields,
    }


async def make_requirement(
    database: Database, *module_ids: uuid.UUID, title: str | None = None, **fields: Any
) -> Requirement:
    """Make a requirement and work everybody out, as the service does."""
    name = title or f"Requirement {next(_serial)}"
    async with UnitOfWork(database, SYSTEM) as uow:
        requirement = await add_requirement(
            uow,
            Requirement(title=name),
            Rule.model_validate(rule_json(*module_ids, **fields)),
            adds_words=False,
        )
        await reconcile_all(uow, [requirement.id])
    return requirement
