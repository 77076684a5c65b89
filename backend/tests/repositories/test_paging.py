"""Keyset pages skip and repeat nothing, even with new rows and equal sort keys."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import InvalidPayloadError
from app.core.pagination import Page, PageRequest, encode_cursor
from app.domain.actor import Role
from app.models import AuditEvent
from app.repositories.content.module import ModuleFilter, ModuleRepository
from app.repositories.evidence.audit_event import AuditEventRepository, AuditFilter
from app.repositories.people.location import LocationRepository
from app.repositories.people.user import UserFilter, UserRepository
from tests.factories.module import make_module
from tests.factories.user import make_location, make_user
from tests.planting import plant
from tests.repositories.conftest import actor_of

Read = Callable[[PageRequest], Awaitable[Page[Any]]]
Insert = Callable[[], Awaitable[object]]


async def walk(read: Read, limit: int, between: Insert | None = None) -> list[Any]:
    """Read every page; put rows in between."""
    seen, cursor = [], None
    while True:
        page = await read(PageRequest(limit, cursor))
        assert len(page.items) <= limit
        seen += page.items
        if page.next_cursor is None:
            return seen
        cursor = page.next_cursor
        if between is not None:
            await between()


def moment(minute: int) -> datetime:
    return datetime(2026, 1, 1, 0, minute, tzinfo=UTC)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_people_while_people_join(store: AsyncSession, limit: int) -> None:
    admin = await make_user(store, role=Role.ADMIN, email="m@unified.example")
    for letter in "bdfhjlnprt":
        await make_user(store, email=f"{letter}@unified.example")
    before = {f"{letter}@unified.example" for letter in "bdfhjlmnprt"}
    newcomers = iter("gycqaxkouews")

    async def join() -> None:
        if letter := next(newcomers, None):
            await make_user(store, email=f"{letter}@unified.example")

    async def read(request: PageRequest) -> Page[Any]:
        page = await UserRepository(store).list_visible(actor_of(admin), UserFilter(), request)
        return Page([user.email for user in page.items], page.next_cursor, page.total)

    seen = await walk(read, limit, join)
    assert seen == sorted(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_equal_names_are_told_apart_by_id(store: AsyncSession, limit: int) -> None:
    modules = [await make_module(store, title="The same") for _ in range(5)]
    author = await make_user(store, role=Role.AUTHOR)

    async def read(request: PageRequest) -> Page[Any]:
        return await ModuleRepository(store).catalogue(actor_of(author), ModuleFilter(), request)

    seen = [card.id for card in await walk(read, limit)]
    assert seen == sorted(module.id for module in modules)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_newest_first_while_events_happen(session: AsyncSession, limit: int) -> None:
    async def happen(minute: int) -> AuditEvent:
        return await plant(
            session,
            AuditEvent,
            action="user:updated",
            target_type="user",
            target_id=target.id,
            created_at=moment(minute),
        )

    target = await make_user(session)
    events = [await happen(minute) for minute in (0, 0, 0, 1, 2, 2, 3)]
    await session.flush()
    repository, filters = AuditEventRepository(session), AuditFilter(target_ids=(target.id,))

    async def read(request: PageRequest) -> Page[Any]:
        return await repository.list_all(filters, request)

    async def between() -> None:
        await happen(59)

    seen = await walk(read, limit, between)
    expected = sorted(events, key=lambda event: (event.created_at, event.id), reverse=True)
    assert [event.id for event in seen] == [event.id for event in expected]


async def test_a_full_last_page_is_the_last(store: AsyncSession) -> None:
    for _ in range(4):
        await make_location(store)
    locations = LocationRepository(store)
    first = await locations.list_not_deleted(PageRequest(limit=2, include_total=True))
    assert first.total == 4
    second = await locations.list_not_deleted(PageRequest(2, first.next_cursor, include_total=True))
    assert (len(second.items), second.next_cursor, second.total) == (2, None, 4)
    assert (await locations.list_not_deleted(PageRequest(2))).total is None


async def test_an_empty_list_is_one_page(store: AsyncSession) -> None:
    page = await LocationRepository(store).list_not_deleted(PageRequest(include_total=True))
    assert (page.items, page.next_cursor, page.total) == ([], None, 0)


async def test_a_cursor_of_another_list_is_refused(store: AsyncSession) -> None:
    office = await make_location(store)
    cursor = encode_cursor((moment(0), office.id), order="name")
    with pytest.raises(InvalidPayloadError):
        await AuditEventRepository(store).list_all(AuditFilter(), PageRequest(1, "e30"))
    page = await LocationRepository(store).list_not_deleted(PageRequest(1, cursor))
    assert page.next_cursor is None
