"""The department and job title that a person is given. Steps that services share."""

from dataclasses import dataclass
from typing import Any

from pydantic import MISSING

from app.models import Department, User
from app.schemas.people.employment import RehireCreate, TransferCreate
from app.schemas.people.user import UserCreate, UserInvite, UserUpdate
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_word, listing


@dataclass(frozen=True, slots=True)
class HeldWords:
    """The listed words that a payload means; MISSING where it leaves them as they are."""

    department: Department | MISSING | None
    job_title: str | MISSING | None


async def held_words(
    uow: UnitOfWork,
    payload: UserUpdate | UserCreate | UserInvite | RehireCreate | TransferCreate,
    *,
    add: bool,
) -> HeldWords:
    """Look up the words; raise InvalidPayloadError for one that is in no list, unless `add`."""
    department: Department | MISSING | None = MISSING
    job_title = payload.job_title
    if payload.department is None:
        department = None
    elif payload.department is not MISSING:
        department = await listed_word(
            uow, uow.departments, payload.department, "/department", add=add
        )
    if job_title is not MISSING and job_title is not None:
        title = await listed_word(uow, uow.job_titles, job_title, "/job_title", add=add)
        job_title = title.name
    return HeldWords(department, job_title)


async def sent_attributes(
    uow: UnitOfWork, payload: RehireCreate | TransferCreate, *, add: bool
) -> dict[str, Any]:
    """Return what a payload says of an employment, without what it leaves as it is."""
    words = await held_words(uow, payload, add=add)
    department = words.department
    sent = {
        "location_id": payload.location_id,
        "department": department.name if isinstance(department, Department) else department,
        "job_title": words.job_title,
        "role": MISSING if payload.role is None else payload.role,
        "worker_kind": payload.worker_kind,
    }
    return {name: value for name, value in sent.items() if value is not MISSING}


async def recorded_department(uow: UnitOfWork, name: str | None) -> Department | None:
    """Return the department that an employment was recorded with, by whatever name it has now."""
    if name is None:
        return None
    return await uow.departments.spelled(name) or await listing(uow, uow.departments, name)


async def recorded_job_title(uow: UnitOfWork, name: str | None) -> str | None:
    word = await uow.job_titles.spelled(name) if name else None
    return word.name if word else name


def move_department(
    user: User,
    department: Department | None,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    if (department.id if department else None) == user.department_id:
        return
    before["department"] = user.department.name if user.department else None
    after["department"] = department.name if department else None
    user.department_id = department.id if department else None
