"""Makes the requirements that ship with the application, known by their origin."""

import uuid
from typing import Any

from app.domain.compliance.requirement import Rule
from app.models import Requirement
from app.services.compliance.reconciliation import reconcile_all
from app.services.compliance.requirement import add_requirement
from app.services.unit_of_work import UnitOfWork


async def seed_requirements(uow: UnitOfWork, documents: list[dict[str, Any]]) -> list[str]:
    """Make those that are not there yet, withdrawn ones included; return their origins.

    Statuses are worked out at once. Nobody is enrolled: that is for the first reconciliation
    that an operator, a schedule or a change calls for.
    """
    known = await uow.requirements.origins()
    made = {}
    for document in documents:
        if document["origin"] not in known:
            made[document["origin"]] = (await _make(uow, document)).id
    if made:
        await reconcile_all(uow, made.values(), enroll=False)
    return list(made)


async def _make(uow: UnitOfWork, document: dict[str, Any]) -> Requirement:
    audience = {name: document.get(name, []) for name in ("departments", "states")}
    rule = Rule.model_validate(
        {
            **document["rule"],
            "subject": await _subject(uow, document),
            "audience": audience if any(audience.values()) else {"everyone": True},
        }
    )
    requirement = Requirement(
        title=document["title"], description=document["description"], origin=document["origin"]
    )
    return await add_requirement(uow, requirement, rule, adds_words=True)


async def _subject(uow: UnitOfWork, document: dict[str, Any]) -> dict[str, Any]:
    if kind := document.get("credential"):
        of_state = document.get("of_office_state", False)
        return {"kind": "credential", "credential_kind": kind, "of_office_state": of_state}
    return {"kind": "modules", "any_of": [await _module_id(uow, document["module"])]}


async def _module_id(uow: UnitOfWork, slug: str) -> uuid.UUID:
    module = await uow.modules.by_slug(slug)
    if module is None:
        msg = f"the shipped module {slug} is not there: load the modules first"
        raise LookupError(msg)
    return module.id
