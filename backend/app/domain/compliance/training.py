"""What is asked of a person and what they chose themselves, as one list of trainings."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.compliance.status import ComplianceStatus

TO_DO = frozenset(
    {
        ComplianceStatus.NEVER_TRAINED,
        ComplianceStatus.DUE,
        ComplianceStatus.DUE_SOON,
        ComplianceStatus.OVERDUE,
        ComplianceStatus.EXPIRED,
    }
)


class DueBecause(StrEnum):
    REQUIREMENT = "requirement"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a requirement asks of the person today: one of the modules, or the credential."""

    requirement_id: uuid.UUID
    status: ComplianceStatus
    due_on: date | None
    module_ids: frozenset[uuid.UUID] = frozenset()
    credential_kind: str | None = None

    @property
    def is_to_do(self) -> bool:
        return self.status in TO_DO


@dataclass(frozen=True, slots=True)
class Held:
    """What the person has of a module. Dates are those of the open enrollment, the last record."""

    is_published: bool
    is_open: bool = False
    is_assigned: bool = False
    due_on: date | None = None
    completed_on: date | None = None

    @property
    def dated_because(self) -> DueBecause:
        return DueBecause.ASSIGNMENT if self.is_assigned else DueBecause.REQUIREMENT


@dataclass(frozen=True, slots=True)
class Training:
    """One module, or one credential. The requirement that is due first is the first one."""

    module_id: uuid.UUID | None
    asked: tuple[Asked, ...]
    due_on: date | None
    due_because: DueBecause | None
    is_to_do: bool


def trainings(asked: Iterable[Asked], held: Mapping[uuid.UUID, Held]) -> list[Training]:
    """Return what is to be done, the soonest due first, and then what is done."""
    by_module: dict[uuid.UUID, list[Asked]] = {module_id: [] for module_id in held}
    by_credential: dict[str | None, list[Asked]] = {}
    for each in asked:
        module_id = _module_of(each, held)
        if module_id is None:
            by_credential.setdefault(each.credential_kind, []).append(each)
        else:
            by_module[module_id].append(each)
    found = [
        _training(module_id, by_module[module_id], each)
        for module_id, each in held.items()
        if by_module[module_id] or each.is_open or each.completed_on
    ]
    found += [_training(None, each, None) for each in by_credential.values()]
    return sorted(found, key=lambda each: (not each.is_to_do, each.due_on or date.max))


def _module_of(asked: Asked, held: Mapping[uuid.UUID, Held]) -> uuid.UUID | None:
    """Return the module to go on with: the one that was begun, or done last, or comes first."""
    candidates = sorted(asked.module_ids & held.keys(), key=str)
    return max(candidates, key=lambda each: _preference(held[each], asked), default=None)


def _preference(held: Held, asked: Asked) -> tuple[bool, date, bool]:
    done = date.min if asked.is_to_do else held.completed_on or date.min
    return held.is_open and asked.is_to_do, done, held.is_published


def _training(module_id: uuid.UUID | None, asked: Sequence[Asked], held: Held | None) -> Training:
    ordered = sorted(asked, key=lambda each: (not each.is_to_do, each.due_on or date.max))
    due = [
        (each.due_on, DueBecause.REQUIREMENT) for each in ordered if each.is_to_do and each.due_on
    ]
    if held and held.is_open and held.due_on:
        due.append((held.due_on, held.dated_because))
    due_on, because = min(due, key=lambda each: each[0]) if due else (None, None)
    is_open = held is not None and held.is_open
    is_to_do = is_open or any(each.is_to_do for each in asked)
    return Training(module_id, tuple(ordered), due_on, because, is_to_do)
