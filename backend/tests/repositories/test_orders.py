"""Lists may be sorted as they say: by an index, and without losing or repeating a row."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

import app.repositories
from app.core.errors import InvalidPayloadError
from app.core.pagination import Key, Page, PageRequest, encode_cursor
from app.domain.actor import Role
from app.domain.content.media.file import MediaPurpose
from app.models import Enrollment, Location, Media, ModuleVersion, QuizAttempt, User
from app.repositories.base import Order, Orders
from app.repositories.people.user import USER_ORDERS, UserFilter, UserRepository
from app.repositories.people.visibility import Scope, Whose, owned_by
from app.repositories.study.enrollment import (
    ENROLLMENT_ORDERS,
    EnrollmentFilter,
    EnrollmentRepository,
)
from tests.factories.enrollment import make_enrollment
from tests.factories.user import make_user
from tests.repositories.conftest import actor_of

NOBODY = "00000000-0000-0000-0000-000000000000"
# What besides the order selects the rows of a list, and is a part of its index.
SELECTED: dict[str, tuple[ColumnElement[bool], ...]] = {
    "ATTEMPT_ORDERS": (QuizAttempt.enrollment_id == NOBODY, QuizAttempt.section_id == NOBODY),
    "LOCATION_ORDERS": (Location.deleted_at.is_(None),),
    "MEDIA_ORDERS": (Media.purpose == MediaPurpose.SECTION,),
    "VERSION_ORDERS": (ModuleVersion.module_id == NOBODY,),
}
# Lists of what one person or one version has are a few rows, which are sorted after an index found
# them; of those that are used up it is the enrollments' order that counts.
SHORT = {"CORRECTION_ORDERS", "EMPLOYMENT_ORDERS", "USED_UP_ORDERS"}


def declared() -> Iterator[tuple[str, Orders]]:
    for module in pkgutil.walk_packages(app.repositories.__path__, "app.repositories."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Orders):
                yield name, value


ORDERS = dict(declared())
SORTS = [
    pytest.param(name, orders.named(sort), id=f"{name} {sort}")
    for name, orders in ORDERS.items()
    if name not in SHORT
    for sort in orders.names
]


async def plan(session: AsyncSession, statement: Select[Any]) -> str:
    """Return how PostgreSQL would do it if it had more rows than fit into memory."""
    for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
        await session.execute(text(f"SET LOCAL {setting} = off"))
    explained = await session.execute(
        text(f"EXPLAIN {statement.compile(session.get_bind(), compile_kwargs=LITERAL)}")
    )
    return "\n".join(explained.scalars())


# An incremental sort is only of rows with equal values.
SORTING = re.compile(r"(?<!Incremental )Sort  \(cost")
LITERAL = {"literal_binds": True}
BEFORE: dict[type, Key] = {
    str: "m",
    int: 7,
    date: date(2026, 1, 1),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
}


class TestIndexes:
    @pytest.mark.parametrize(("name", "order"), SORTS)
    async def test_give_the_rows_in_order(
        self, session: AsyncSession, name: str, order: Order
    ) -> None:
        statement = select(order.row_id).where(*SELECTED.get(name, ()))
        first = await plan(session, order.of(statement).limit(51))
        assert SORTING.search(first) is None, first

    @pytest.mark.parametrize(("name", "order"), SORTS)
    async def test_find_where_a_page_begins(
        self, session: AsyncSession, name: str, order: Order
    ) -> None:
        key = BEFORE[order.by.type.python_type]
        cursor = encode_cursor((key, NOBODY), order=order.name)
        statement = order.after(select(order.row_id).where(*SELECTED.get(name, ())), cursor)
        later = await plan(session, order.of(statement).limit(51))
        assert "Index Cond" in later, later

    @pytest.mark.parametrize("scope", [Scope.TEAM, Scope.ALL])
    async def test_are_read_in_order_whomever_a_manager_sees(
        self, session: AsyncSession, manager: User, scope: Scope
    ) -> None:
        """Their people are a filter beside the index: joined, each would be compared with each."""
        whose = owned_by(Whose(scope=scope), actor_of(manager), Enrollment.user_id)
        order = ENROLLMENT_ORDERS.named(None)
        read = await plan(session, order.of(select(Enrollment.id).where(*whose)).limit(51))
        outer = read.partition("SubPlan")[0]
        assert "ix_enrollments_sort_enrolled_at" in outer, read
        assert re.search("Loop|Join", outer) is None, read

    async def test_an_order_without_one_would_be_seen(self, session: AsyncSession) -> None:
        order = Orders("previous_name", User.id, previous_name=User.previous_name).named(None)
        assert SORTING.search(await plan(session, order.of(select(User.id)).limit(51)))


async def walk(read: Any, limit: int, sort: str) -> list[Any]:
    seen: list[Any] = []
    cursor = None
    while True:
        page: Page[Any] = await read(PageRequest(limit, cursor, sort=sort))
        seen += page.items
        if (cursor := page.next_cursor) is None:
            return seen


LIMITS = pytest.mark.parametrize("limit", [1, 2, 100])


class TestUsers:
    @pytest.fixture
    async def admin(self, session: AsyncSession) -> User:
        """Among people with the same name, the same day, or none."""
        days = (None, None, date(2020, 1, 1), date(2020, 1, 1), date(2024, 5, 6))
        for number, day in enumerate(days):
            signed_in = day and datetime(day.year, 1, 1, number // 2, tzinfo=UTC)
            await make_user(
                session,
                email=f"{number}@unified.example",
                full_name=None if number == 1 else f"Name {number // 2}",
                hired_on=day,
                last_sign_in=signed_in,
            )
        return await make_user(session, role=Role.ADMIN, full_name="ada", hired_on=None)

    @LIMITS
    @pytest.mark.parametrize("sort", USER_ORDERS.names)
    async def test_every_row_is_there_once(
        self, session: AsyncSession, admin: User, limit: int, sort: str
    ) -> None:
        async def read(request: PageRequest) -> Page[User]:
            users = UserRepository(session)
            return await users.list_visible(actor_of(admin), UserFilter(), request)

        seen = await walk(read, limit, sort)
        upwards = await walk(read, 100, sort.removeprefix("-"))
        assert seen == (upwards[::-1] if sort.startswith("-") else upwards)
        assert len({user.id for user in seen}) == len(seen) == 6

    async def test_rows_without_a_value_come_at_one_end(
        self, session: AsyncSession, admin: User
    ) -> None:
        users = UserRepository(session)
        order: dict[str, list[object]] = {}
        for sort in ("last_sign_in", "hired_on", "name"):
            page = await users.list_visible(actor_of(admin), UserFilter(), PageRequest(sort=sort))
            column = "full_name" if sort == "name" else sort
            order[sort] = [getattr(user, column) for user in page.items]
        assert order["last_sign_in"][:2] == [None] * 2
        assert order["hired_on"][-3:] == [None] * 3
        assert order["name"] == [None, "ada", "Name 0", "Name 1", "Name 1", "Name 2"]

    async def test_a_cursor_belongs_to_its_order(self, session: AsyncSession, admin: User) -> None:
        users = UserRepository(session)
        first = await users.list_visible(actor_of(admin), UserFilter(), PageRequest(2, sort="name"))
        for sort in ("-name", "email", None):
            with pytest.raises(InvalidPayloadError):
                await users.list_visible(
                    actor_of(admin), UserFilter(), PageRequest(2, first.next_cursor, sort=sort)
                )


class TestEnrollments:
    @LIMITS
    @pytest.mark.parametrize("sort", ENROLLMENT_ORDERS.names)
    async def test_every_row_is_there_once(
        self, session: AsyncSession, admin: User, learner: User, limit: int, sort: str
    ) -> None:
        for due_on in (None, date(2026, 2, 1), None, date(2026, 1, 1), date(2026, 2, 1)):
            await make_enrollment(session, learner, due_on=due_on)

        async def read(request: PageRequest) -> Page[Any]:
            filters = EnrollmentFilter(Whose(scope=Scope.ALL))
            return await EnrollmentRepository(session).list_visible(
                actor_of(admin), filters, request
            )

        seen = await walk(read, limit, sort)
        upwards = await walk(read, 100, sort.removeprefix("-"))
        assert seen == (upwards[::-1] if sort.startswith("-") else upwards)
        assert len({item["id"] for item in seen}) == 5
        if sort == "due_on":
            assert [item["due_on"] for item in seen[-2:]] == [None, None]


def test_the_planner_is_asked_about_all_of_them() -> None:
    assert {*SELECTED, *SHORT} <= ORDERS.keys()
    assert len(ORDERS) >= 20
