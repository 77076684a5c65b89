"""Whose rows an actor may read: their own, those of the people they manage, or all."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    and_,
    false,
    func,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.domain.actor import Actor, Role
from app.domain.people.manager_change import Oversight
from app.models import LocationManager, Position, User
from app.repositories.people.position import IN_FORCE, held_by

_ENTRY = aliased(User)


class Scope(StrEnum):
    MINE = "mine"
    TEAM = "team"
    """Of the people one answers for, without oneself."""

    ALL = "all"
    """Of everybody whom one may see."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose rows a list is asked for: one's own, unless people or a scope are named."""

    user_ids: tuple[uuid.UUID, ...] = ()
    scope: Scope | None = None

    @property
    def reach(self) -> Scope:
        return self.scope or (Scope.ALL if self.user_ids else Scope.MINE)


ONES_OWN = Whose()


def managed_by(actor: Actor) -> ColumnElement[bool]:
    """Match the people a manager answers for.

    Those who name them as manager, and those of their own and of their assigned locations, in the
    primary position or in another.
    """
    scopes = [User.manager_id == actor.id, User.location_id.in_(offices_of(actor))]
    posted = [Position.manager_id == actor.id, Position.location_id.in_(offices_of(actor))]
    if actor.location_id is not None:
        scopes.append(User.location_id == actor.location_id)
        posted.append(Position.location_id == actor.location_id)
    return or_(*scopes, User.id.in_(held_by(or_(*posted))))


def offices_of(actor: Actor) -> CompoundSelect[uuid.UUID]:
    """Return the locations of a manager besides that of their primary position."""
    return union(
        select(LocationManager.location_id).where(LocationManager.user_id == actor.id),
        select(Position.location_id).where(IN_FORCE, Position.user_id == actor.id),
    )


def managing(oversight: Oversight) -> ColumnElement[bool]:
    """Match the managers who see somebody: the other direction of `managed_by`."""
    scopes = [User.id == oversight.manager_id]
    if oversight.location_id is not None:
        assigned = select(LocationManager.user_id).where(
            LocationManager.location_id == oversight.location_id
        )
        posted = held_by(Position.location_id == oversight.location_id)
        scopes += [User.location_id == oversight.location_id]
        scopes += [User.id.in_(assigned), User.id.in_(posted)]
    return and_(User.is_active, User.role == Role.MANAGER, or_(*scopes))


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Match the people whose rows, enrollments and records the actor may read."""
    if actor.sees_everybody:
        return true()
    if actor.is_manager:
        return or_(User.id == actor.id, managed_by(actor))
    return User.id == actor.id


def visible_to_any(actors: Collection[Actor]) -> ColumnElement[bool]:
    return or_(*(visible_to(actor) for actor in actors))


def owner_visible_to(actor: Actor, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    """Match rows whose `owner` column names somebody the actor may see, under any entry."""
    if actor.sees_everybody:
        return true()
    if actor.is_manager:
        return or_(owner.in_(actor.entry_ids), owned_by_those(owner, managed_by(actor)))
    return owner.in_(actor.entry_ids)


def owned_by_person(
    owner: InstrumentedAttribute[uuid.UUID], user_id: uuid.UUID
) -> ColumnElement[bool]:
    """Match the rows of a person, under whichever of their entries they were recorded."""
    return owner.in_(
        select(_ENTRY.id).where(or_(_ENTRY.id == user_id, _ENTRY.merged_into_id == user_id))
    )


def any_persons(
    owner: InstrumentedAttribute[uuid.UUID], user_ids: Collection[uuid.UUID]
) -> list[ColumnElement[bool]]:
    """Match the rows of any of the people of a filter, as `any_of` does; without people, all."""
    return [owned_by_people(owner, user_ids)] if user_ids else []


def owned_by_people(
    owner: InstrumentedAttribute[uuid.UUID], user_ids: Collection[uuid.UUID]
) -> ColumnElement[bool]:
    own = or_(_ENTRY.id.in_(user_ids), _ENTRY.merged_into_id.in_(user_ids))
    return owner.in_(select(_ENTRY.id).where(own))


def person_of(owner: InstrumentedAttribute[uuid.UUID]) -> ScalarSelect[uuid.UUID]:
    """Return the entry under which the person of a row goes on."""
    person = select(func.coalesce(_ENTRY.merged_into_id, _ENTRY.id)).where(_ENTRY.id == owner)
    return person.scalar_subquery()


def owned_by_those(
    owner: InstrumentedAttribute[uuid.UUID], criterion: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Match the rows of people who meet a criterion, under whichever of their entries."""
    people = select(User.id).where(criterion)
    merged = select(_ENTRY.id).where(_ENTRY.merged_into_id.in_(people))
    # Two lists, so that PostgreSQL hashes each of them and reads the rows in the order of an index.
    # One list would be joined, and every row compared with everybody.
    return or_(owner.in_(people), owner.in_(merged))


def owned_by(
    whose: Whose, actor: Actor, owner: InstrumentedAttribute[uuid.UUID]
) -> list[ColumnElement[bool]]:
    """Match the rows that are asked for, of those that the actor may see."""
    criteria = any_persons(owner, whose.user_ids)
    match whose.reach:
        case Scope.MINE:
            criteria.append(owner.in_(actor.entry_ids))
        case Scope.TEAM:
            criteria.append(_of_team(actor, owner))
        case Scope.ALL:
            criteria.append(owner_visible_to(actor, owner))
    return criteria


def _of_team(actor: Actor, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    if not (actor.is_manager or actor.sees_everybody):
        return false()
    return owned_by_those(owner, and_(managed_by(actor), User.id.not_in(actor.entry_ids)))
