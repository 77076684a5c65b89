import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Date, Select, String, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from app.core.pagination import Page, PageRequest
from app.domain import compliance as facts
from app.models import ModuleVersion, Requirement, RequirementVersion, TrainingModule
from app.models.content.module import ModuleStatus
from app.repositories.base import Orders, Repository, any_truth, caseless


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A publication. It has an instant, because its day depends on the time zone of the office."""

    module_id: uuid.UUID
    version: int
    published_at: datetime
    material_change: bool


@dataclass(frozen=True, slots=True)
class RecordedRule:
    """A version of a rule, with the latest day that it was then in any office.

    It has an instant as well, because its day depends on the time zone of the office.
    """

    version: facts.RuleVersion
    recorded_at: datetime


REQUIREMENT_ORDERS = Orders("title", Requirement.id, title=caseless(Requirement.title))


class RequirementRepository(Repository[Requirement]):
    model = Requirement

    async def not_deleted(
        self, requirement_id: uuid.UUID, *, lock: bool = False
    ) -> Requirement | None:
        statement = select(Requirement).where(
            Requirement.id == requirement_id, Requirement.deleted_at.is_(None)
        )
        if lock:
            statement = _locked(statement)
        return (await self.session.scalars(statement)).one_or_none()

    async def by_id(self, requirement_id: uuid.UUID, *, lock: bool = False) -> Requirement | None:
        """Return the requirement even when it is archived."""
        statement = select(Requirement).where(Requirement.id == requirement_id)
        if lock:
            statement = _locked(statement)
        return (await self.session.scalars(statement)).one_or_none()

    async def lock(self, requirement_ids: Iterable[uuid.UUID]) -> None:
        statement = select(Requirement.id).where(Requirement.id.in_(requirement_ids))
        # Rows are always locked in this order, so that two publications never deadlock.
        statement = statement.order_by(Requirement.id).with_for_update(key_share=True)
        await self.session.execute(statement)

    async def origins(self) -> set[str]:
        statement = select(Requirement.origin).where(Requirement.origin.is_not(None))
        return {origin for origin in await self.session.scalars(statement) if origin}

    async def list_all(
        self, request: PageRequest, *, archived: Collection[bool] = ()
    ) -> Page[Requirement]:
        """List the requirements by title; without `archived` those that are not."""
        statement = select(Requirement).where(
            *any_truth(Requirement.deleted_at.is_not(None), archived or (False,))
        )
        return await self.page(statement, request, REQUIREMENT_ORDERS)

    async def ids(self) -> list[uuid.UUID]:
        return list(await self.session.scalars(select(Requirement.id).order_by(Requirement.id)))

    async def add_version(self, version: RequirementVersion) -> None:
        self.session.add(version)
        await self.session.flush()

    async def versions(self, requirement_id: uuid.UUID) -> list[RequirementVersion]:
        statement = (
            select(RequirementVersion)
            .where(RequirementVersion.requirement_id == requirement_id)
            .order_by(RequirementVersion.number)
        )
        return list(await self.session.scalars(statement))

    async def latest_versions(
        self, requirement_ids: Iterable[uuid.UUID]
    ) -> dict[uuid.UUID, RequirementVersion]:
        """Return the last version of each that has a rule, even if it was withdrawn since."""
        statement = (
            select(RequirementVersion)
            .ext(distinct_on(RequirementVersion.requirement_id))
            .where(
                RequirementVersion.requirement_id.in_(requirement_ids),
                RequirementVersion.rule.is_not(None),
            )
            .order_by(RequirementVersion.requirement_id, RequirementVersion.number.desc())
        )
        return {row.requirement_id: row for row in await self.session.scalars(statement)}

    async def rules(self) -> dict[uuid.UUID, tuple[RecordedRule, ...]]:
        """Return all rules, past ones included, oldest first, by requirement."""
        statement = select(RequirementVersion).order_by(
            RequirementVersion.requirement_id, RequirementVersion.number
        )
        found: dict[uuid.UUID, list[RecordedRule]] = defaultdict(list)
        for row in await self.session.scalars(statement):
            found[row.requirement_id].append(RecordedRule(rule_version(row), row.created_at))
        return {requirement_id: tuple(rows) for requirement_id, rows in found.items()}

    async def publications(self) -> list[PublishedVersion]:
        statement = select(
            ModuleVersion.module_id,
            ModuleVersion.number,
            ModuleVersion.created_at,
            ModuleVersion.material_change,
        ).order_by(ModuleVersion.module_id, ModuleVersion.number)
        return [PublishedVersion(*row) for row in await self.session.execute(statement)]

    async def assignable_modules(self) -> dict[uuid.UUID, uuid.UUID]:
        """Return the current version of every module that people may be enrolled in."""
        statement = select(TrainingModule.id, TrainingModule.current_version_id).where(
            TrainingModule.status == ModuleStatus.PUBLISHED,
            TrainingModule.deleted_at.is_(None),
            TrainingModule.current_version_id.is_not(None),
        )
        rows = await self.session.execute(statement)
        return {module_id: version_id for module_id, version_id in rows if version_id}

    async def module_titles(self, module_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
        statement = select(TrainingModule.id, TrainingModule.title).where(
            TrainingModule.id.in_(module_ids), TrainingModule.deleted_at.is_(None)
        )
        rows = await self.session.execute(statement)
        return {row[0]: row[1] for row in rows}

    async def titles(self) -> dict[uuid.UUID, str]:
        rows = await self.session.execute(select(Requirement.id, Requirement.title))
        return {row[0]: row[1] for row in rows}

    async def naming_modules(self, module_ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
        """Return the requirements that completing one of the modules meets or ever met."""
        named = names_modules(module_ids)
        statement = select(RequirementVersion.requirement_id).where(named).distinct()
        return list(await self.session.scalars(statement))

    async def minutes_asked(self, module_id: uuid.UUID) -> int:
        """Return the most minutes that a requirement asks of training in the module today."""
        latest = await self.latest_versions(await self.naming_modules([module_id]))
        rules = [row.rule_model for row in latest.values()]
        return max(
            (rule.minimum_minutes or 0 for rule in rules if rule and module_id in rule.module_ids),
            default=0,
        )

    async def organisation_day(self) -> date:
        """Return the latest calendar day that any office has now."""
        return (
            await self.session.execute(select(func.organisation_day(type_=Date())))
        ).scalar_one()


def names_modules(module_ids: Iterable[uuid.UUID]) -> ColumnElement[bool]:
    """Match the versions of rules of which completing one of the modules meets the rule."""
    return RequirementVersion.rule["subject"]["any_of"].op("?|")(
        bindparam(None, [str(each) for each in module_ids], ARRAY(String()))
    )


def _locked(statement: Select[Requirement]) -> Select[Requirement]:
    # The lock must allow foreign keys to this row. A reconciliation that has locked the people
    # writes such rows, and the transaction that holds this lock waits for these people.
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def rule_version(row: RequirementVersion) -> facts.RuleVersion:
    return facts.RuleVersion(row.effective_from, row.recorded_on, row.rule_model)
