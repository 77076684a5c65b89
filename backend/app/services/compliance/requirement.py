"""What the organisation requires of whom. Rules are never rewritten: each edit is a version."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from pydantic import MISSING, Field

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import ConflictError, FieldError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.compliance import RuleVersion
from app.domain.compliance.own_duty import Change
from app.domain.compliance.requirement import (
    Rule,
    as_cited,
    citation_faults,
    record_of,
    recorded_rule,
    unknown_kinds,
)
from app.domain.people.place import is_country, is_state
from app.models import Requirement, RequirementVersion
from app.repositories.compliance.requirement import rule_version
from app.schemas.base import ListOf, given
from app.schemas.compliance.requirement import (
    PersonReference,
    Preview,
    RequirementCreate,
    RequirementDetail,
    RequirementPreview,
    RequirementRead,
    RequirementUpdate,
    RequirementVersionRead,
)
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
from app.services.compliance.own_duty import OwnDutyError, by_two
from app.services.compliance.reconciliation import queue_everybody, reconcile_if_few
from app.services.compliance.requirement_effect import Effect, effect_of
from app.services.context import RequestContext
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_names

SHOWN_PEOPLE = 100


@dataclass(frozen=True, slots=True)
class RequirementLimits:
    """A change that concerns more people than both limits needs a confirmation."""

    confirm_share: float
    confirm_people: int


class RequirementTitleTakenError(ConflictError):
    code = "requirement_title_taken"
    title = "Another requirement has this title"


class NeedsConfirmationError(ConflictError):
    code = "needs_confirmation"
    title = "This change concerns many people"
    detail = "Look at the counts, then send it again with confirm: true."
    members: ClassVar = dict.fromkeys(
        ("would_add", "would_release", "unchanged"), Annotated[int, Field(examples=[12])]
    )

    def __init__(self, effect: Effect) -> None:
        super().__init__(None, **effect.counts)


class RequirementService(Service):
    def __init__(
        self,
        database: Database,
        context: RequestContext,
        limits: RequirementLimits,
        *,
        adds_words: bool,
    ) -> None:
        super().__init__(database, context)
        self._limits = limits
        self._adds_words = adds_words

    async def list(
        self, request: PageRequest, *, archived: Collection[bool]
    ) -> ListOf[RequirementRead]:
        async with self.reading() as uow:
            page = await uow.requirements.list_all(request, archived=archived)
            latest = await uow.requirements.latest_versions(row.id for row in page.items)
            shares = await uow.outdated.reconciling()
            return listed(page, lambda row: _read(row, latest[row.id], shares.get(row.id)))

    async def get(self, requirement_id: uuid.UUID) -> Answer[RequirementDetail]:
        async with self.reading() as uow:
            return await _answer(
                uow, found(await uow.requirements.by_id(requirement_id), "requirement")
            )

    async def create(self, payload: RequirementCreate) -> Answer[RequirementDetail]:
        if self.actor.id in payload.rule.audience.exclude:
            raise OwnDutyError
        async with self.work() as uow:
            if not payload.confirm:
                await self._guard(uow, (), payload.rule, payload.effective_from)
            requirement = await add_requirement(
                uow,
                Requirement(title=payload.title, description=payload.description),
                payload.rule,
                payload.effective_from,
                adds_words=self._adds_words,
            )
            await self._reconcile(uow, requirement)
            return await uow.answer(await _answer(uow, requirement, created=True))

    async def update(
        self, requirement_id: uuid.UUID, payload: RequirementUpdate, precondition: Precondition
    ) -> Answer[RequirementDetail]:
        async def change(made: Change) -> Answer[RequirementDetail]:
            async with self.work() as uow:
                requirement = await self._locked(uow, requirement_id, precondition)
                before, after = apply(requirement, payload, ("title", "description"))
                await self._change_rule(uow, requirement, payload, before, after)
                if "rule" in after:
                    await self._reconcile(uow, requirement, made)
                if after:
                    await uow.requirements.save(requirement)
                    action = AuditAction.REQUIREMENT_UPDATED
                    await uow.audit(action, requirement, before=before, after=after)
                return await _answer(uow, requirement)

        rule, day = given(payload.rule), given(payload.effective_from)
        asked = {"rule": record_of(rule) if rule else None, "effective_from": day and str(day)}
        return await by_two(self._database, self._context, requirement_id, asked, change)

    async def preview(
        self, requirement_id: uuid.UUID, payload: RequirementPreview
    ) -> Answer[Preview]:
        """Say whom a change would add and release, and change nothing."""
        async with self.snapshot() as uow:
            requirement = found(await uow.requirements.by_id(requirement_id), "requirement")
            versions = await uow.requirements.versions(requirement.id)
            rule = payload.rule
            if rule is MISSING:
                rule = (await _latest(uow, requirement)).rule_model
            if rule is not None:
                rule = await _checked(uow, rule, adds_words=self._adds_words)
            effect = await effect_of(uow, _facts(versions), rule, payload.effective_from)
            shown = [*effect.added[:SHOWN_PEOPLE], *effect.released[:SHOWN_PEOPLE]]
            names = await uow.employment.names(shown)
            preview = Preview(
                **effect.counts,
                added=_people(effect.added, names),
                released=_people(effect.released, names),
            )
            return await uow.answer(Answer(preview))

    async def archive(
        self, requirement_id: uuid.UUID, precondition: Precondition, *, confirm: bool
    ) -> None:
        """Withdraw the requirement from today on. What it was stays on record."""

        async def change(made: Change) -> None:
            async with self.work() as uow:
                requirement = await self._locked(uow, requirement_id, precondition)
                await self._guarded_version(uow, requirement, None, None, confirm=confirm)
                requirement.deleted_at = await uow.now()
                await uow.requirements.save(requirement)
                await uow.audit(AuditAction.REQUIREMENT_ARCHIVED, requirement)
                await self._reconcile(uow, requirement, made)

        asked = {"archived": True}
        await by_two(self._database, self._context, requirement_id, asked, change)

    async def restore(
        self, requirement_id: uuid.UUID, *, confirm: bool
    ) -> Answer[RequirementDetail]:
        """Put the last rule in force again, from today on."""
        async with self.work() as uow:
            requirement = found(
                await uow.requirements.by_id(requirement_id, lock=True), "requirement"
            )
            if requirement.deleted_at is not None:
                latest = await _latest(uow, requirement)
                requirement.deleted_at = None
                rule = latest.rule_model
                await self._guarded_version(uow, requirement, rule, None, confirm=confirm)
                await uow.audit(AuditAction.REQUIREMENT_RESTORED, requirement)
                await self._reconcile(uow, requirement)
            return await uow.answer(await _answer(uow, requirement))

    async def reconcile(self, requirement_id: uuid.UUID) -> Answer[RequirementDetail]:
        """Have everybody worked out again in the background."""
        async with self.work() as uow:
            requirement = found(await uow.requirements.by_id(requirement_id), "requirement")
            await uow.employment.close_staff()
            await queue_everybody(uow, [requirement.id])
            await uow.audit(AuditAction.REQUIREMENT_RECONCILIATION_STARTED, requirement)
            return await uow.answer(await _answer(uow, requirement))

    async def _locked(
        self, uow: UnitOfWork, requirement_id: uuid.UUID, precondition: Precondition
    ) -> Requirement:
        requirement = found(
            await uow.requirements.not_deleted(requirement_id, lock=True), "requirement"
        )
        precondition.require(requirement.etag)
        return requirement

    async def _change_rule(
        self,
        uow: UnitOfWork,
        requirement: Requirement,
        payload: RequirementUpdate,
        before: dict[str, object],
        after: dict[str, object],
    ) -> None:
        if payload.rule is MISSING:
            return
        latest = await _latest(uow, requirement)
        rule = await _checked(uow, payload.rule, adds_words=self._adds_words)
        day = given(payload.effective_from)
        if rule == latest.rule_model and day in {None, latest.effective_from}:
            return
        version = await self._guarded_version(
            uow, requirement, rule, day, confirm=payload.confirm is True
        )
        before["rule"], after["rule"] = latest.rule, version.rule
        after["effective_from"] = version.effective_from.isoformat()

    async def _guarded_version(
        self,
        uow: UnitOfWork,
        requirement: Requirement,
        rule: Rule | None,
        effective_from: date | None,
        *,
        confirm: bool,
    ) -> RequirementVersion:
        if not confirm:
            versions = await uow.requirements.versions(requirement.id)
            await self._guard(uow, _facts(versions), rule, effective_from)
        return await _add_version(uow, requirement, rule, effective_from)

    async def _guard(
        self,
        uow: UnitOfWork,
        before: tuple[RuleVersion, ...],
        rule: Rule | None,
        effective_from: date | None,
    ) -> None:
        effect = await effect_of(uow, before, rule, effective_from)
        people = await uow.employment.headcount()
        concerned = len(effect.added) + len(effect.released)
        share = self._limits.confirm_share * people
        if concerned > max(share, self._limits.confirm_people):
            raise NeedsConfirmationError(effect)

    async def _reconcile(
        self, uow: UnitOfWork, requirement: Requirement, made: Change = Change.RULE
    ) -> None:
        """Reconcile everybody now if they are few; else in the background."""
        await uow.requirements.save(requirement)
        await reconcile_if_few(uow, [requirement.id], made)
        await uow.requirements.reread(requirement)


async def add_requirement(
    uow: UnitOfWork,
    requirement: Requirement,
    rule: Rule,
    effective_from: date | None = None,
    *,
    adds_words: bool,
) -> Requirement:
    """Make a requirement with its first rule, within the caller's transaction."""
    checked = await _checked(uow, rule, adds_words=adds_words)
    requirement.version = 0
    await uow.requirements.add(requirement)
    version = await _add_version(uow, requirement, checked, effective_from)
    after = {"title": requirement.title, "rule": version.rule}
    await uow.audit(AuditAction.REQUIREMENT_CREATED, requirement, after=after)
    return requirement


async def _add_version(
    uow: UnitOfWork, requirement: Requirement, rule: Rule | None, effective_from: date | None
) -> RequirementVersion:
    today = await uow.requirements.organisation_day()
    requirement.version += 1
    version = RequirementVersion(
        requirement_id=requirement.id,
        number=requirement.version,
        effective_from=effective_from or today,
        recorded_on=today,
        rule=record_of(rule) if rule else None,
        recorded_by_id=uow.actor_id,
    )
    await uow.requirements.add_version(version)
    return version


async def _checked(uow: UnitOfWork, rule: Rule, *, adds_words: bool) -> Rule:
    """Return the rule with words spelled as they are listed; refuse what does not exist."""
    audience = rule.audience
    locations = await uow.employment.time_zones()
    modules = await uow.requirements.module_titles(rule.module_ids)
    people = audience.include | audience.exclude
    known_people = await uow.users.existing_ids(list(people)) if people else set()
    faults = [
        ("/rule/subject/any_of", "unknown_module", rule.module_ids - modules.keys()),
        (
            "/rule/audience/location_ids",
            "unknown_location",
            audience.location_ids - locations.keys(),
        ),
        ("/rule/audience/countries", "unknown_country", _unknown(audience.countries, is_country)),
        ("/rule/audience/states", "unknown_state", _unknown(audience.states, is_state)),
        ("/rule/audience", "unknown_user", people - known_people),
        *unknown_kinds(rule),
    ]
    errors = [
        FieldError(pointer, code, "Some of these do not exist")
        for pointer, code, unknown in faults
        if unknown
    ]
    departments, of_departments = await listed_names(
        *(uow, uow.departments, audience.departments, "/rule/audience/departments"),
        add=adds_words,
    )
    job_titles, of_titles = await listed_names(
        *(uow, uow.job_titles, audience.job_titles, "/rule/audience/job_titles"),
        add=adds_words,
    )
    if errors := [*errors, *of_departments, *of_titles, *citation_faults(rule)]:
        raise InvalidPayloadError(errors)
    called = {"departments": departments, "job_titles": job_titles}
    return as_cited(rule.model_copy(update={"audience": audience.model_copy(update=called)}))


def _unknown(codes: frozenset[str], is_known: Callable[[str], bool]) -> set[str]:
    return {code for code in codes if not is_known(code)}


async def _latest(uow: UnitOfWork, requirement: Requirement) -> RequirementVersion:
    return (await uow.requirements.latest_versions([requirement.id]))[requirement.id]


def _facts(versions: Sequence[RequirementVersion]) -> tuple[RuleVersion, ...]:
    return tuple(rule_version(version) for version in versions)


def _people(
    user_ids: Sequence[uuid.UUID], names: dict[uuid.UUID, tuple[str, str | None]]
) -> list[PersonReference]:
    return [
        PersonReference(id=user_id, display_name=names[user_id][0], email=names[user_id][1])
        for user_id in user_ids[:SHOWN_PEOPLE]
    ]


def _read(
    requirement: Requirement, latest: RequirementVersion, reconciling: float | None
) -> RequirementRead:
    rule = recorded_rule(latest.rule or {})
    return RequirementRead(
        etag=requirement.etag,
        id=requirement.id,
        title=requirement.title,
        description=requirement.description,
        citation=rule.citation,
        rule=rule,
        effective_from=latest.effective_from,
        version=requirement.version,
        reconciled=reconciling is None,
        reconciling=reconciling,
        archived=requirement.deleted_at is not None,
        created_at=requirement.created_at,
        updated_at=requirement.updated_at,
    )


async def _answer(
    uow: UnitOfWork, requirement: Requirement, *, created: bool = False
) -> Answer[RequirementDetail]:
    latest = await _latest(uow, requirement)
    versions = await uow.requirements.versions(requirement.id)
    shares = await uow.outdated.reconciling([requirement.id])
    detail = RequirementDetail(
        **dict(_read(requirement, latest, shares.get(requirement.id))),
        versions=[RequirementVersionRead.model_validate(version) for version in versions],
    )
    return Answer(detail, created)
