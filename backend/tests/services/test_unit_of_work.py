import re
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import lazyload
from sqlalchemy.orm.exc import DetachedInstanceError

from app.core.database import Database
from app.domain.audit import AuditAction
from app.models import AuditEvent, Location, TrainingModule
from app.services import unit_of_work
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, text_section
from tests.factories.user import make_location, make_user
from tests.services.conftest import acting


def new_location() -> Location:
    return Location(name="North", time_zone="UTC")


async def count(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Location)) or 0


async def fail(database: Database, error: type[BaseException]) -> None:
    async with UnitOfWork(database, SYSTEM) as uow:
        location = await uow.locations.add(new_location())
        await uow.audit(AuditAction.LOCATION_CREATED, location)
        raise error


class TestEnd:
    async def test_a_clean_exit_commits(self, committed_database: Database) -> None:
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            await uow.locations.add(new_location())
            assert await count(committed_database) == 0
        assert await count(committed_database) == 1

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
    async def test_any_exception_rolls_back(
        self, committed_database: Database, error: type[BaseException]
    ) -> None:
        with pytest.raises(error):
            await fail(committed_database, error)
        assert await count(committed_database) == 0

    async def test_what_was_not_flushed_is_committed_too(
        self, committed_database: Database
    ) -> None:
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            uow.locations.session.add(new_location())
        assert await count(committed_database) == 1

    async def test_a_failing_commit_is_told(self, committed_database: Database) -> None:
        """A failing commit is an error, so no success must have been answered before."""
        with pytest.raises(DBAPIError):
            async with UnitOfWork(committed_database, SYSTEM) as uow:
                uow.locations.session.add(Location(name="N" * 201, time_zone="UTC"))
        assert await count(committed_database) == 0

    async def test_connections_come_back(self, committed_database: Database) -> None:
        for _ in range(20):
            with pytest.raises(ZeroDivisionError):
                await fail(committed_database, ZeroDivisionError)
        assert committed_database.pool_status()["checked_out"] == 0


class TestUse:
    async def test_it_is_entered_once(self, committed_database: Database) -> None:
        uow = UnitOfWork(committed_database, SYSTEM)
        async with uow:
            with pytest.raises(RuntimeError, match="entered once"):
                await uow.__aenter__()
        with pytest.raises(RuntimeError, match="entered once"):
            await uow.__aenter__()

    async def test_unopened_it_has_no_session(self, committed_database: Database) -> None:
        with pytest.raises(RuntimeError, match="not open"):
            _ = UnitOfWork(committed_database, SYSTEM).users

    async def test_closed_it_has_none_either(self, committed_database: Database) -> None:
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            locations = uow.locations
        with pytest.raises(RuntimeError, match="not open"):
            _ = uow.users
        with pytest.raises(InvalidRequestError, match="permanently closed"):
            await locations.named("North")
        assert committed_database.pool_status()["checked_out"] == 0

    async def test_nothing_loads_lazily_afterwards(self, committed_database: Database) -> None:
        async with committed_database.writing() as session:
            module = await make_module(session, text_section())
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            read = await uow.locations.session.get_one(
                TrainingModule, module.id, options=[lazyload(TrainingModule.sections)]
            )
        assert read.title == module.title
        with pytest.raises(DetachedInstanceError):
            _ = read.sections

    async def test_what_was_read_stays_readable(self, committed_database: Database) -> None:
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            location = await uow.locations.add(new_location())
        assert (location.name, location.revision) == ("North", 1)
        assert location.created_at.tzinfo is not None


class TestReading:
    async def test_each_statement_is_its_own_transaction(
        self, committed_database: Database
    ) -> None:
        async with UnitOfWork(committed_database, SYSTEM, reads=True) as uow:
            assert await uow.locations.named("North") is None
            async with committed_database.writing() as session:
                await make_location(session, name="North")
            assert await uow.locations.named("North") is not None

    async def test_a_snapshot_sees_one_moment(self, committed_database: Database) -> None:
        async with UnitOfWork(committed_database, SYSTEM, isolation="REPEATABLE READ") as uow:
            assert await uow.locations.named("North") is None
            async with committed_database.writing() as session:
                await make_location(session, name="North")
            assert await uow.locations.named("North") is None

    async def test_an_isolation_level_ends_with_its_transaction(
        self, committed_database: Database
    ) -> None:
        async with UnitOfWork(committed_database, SYSTEM, isolation="SERIALIZABLE") as uow:
            level = await uow.locations.session.scalar(text("SHOW transaction_isolation"))
            assert level == "serializable"
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            level = await uow.locations.session.scalar(text("SHOW transaction_isolation"))
            assert level == "read committed"


class TestAudit:
    async def test_says_who_did_what_to_what(self, committed_database: Database) -> None:
        async with committed_database.writing() as session:
            user = await make_user(session)
        async with UnitOfWork(committed_database, acting(user)) as uow:
            await uow.audit(
                AuditAction.USER_UPDATED,
                user,
                before={"hired_on": user.created_at.date(), "manager_id": user.id},
                after={"role": user.role},
            )
        async with committed_database.reading() as session:
            event = (await session.scalars(select(AuditEvent))).one()
        assert (event.actor_id, event.target_id, event.request_id) == (
            user.id,
            user.id,
            "request-1",
        )
        assert (event.action, event.target_type) == ("user:updated", "user")
        assert event.before == {
            "hired_on": user.created_at.date().isoformat(),
            "manager_id": str(user.id),
        }

    async def test_the_clock_is_the_databases(self, committed_database: Database) -> None:
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            first, second = await uow.now(), await uow.now()
        assert first.tzinfo is not None
        assert first < second


def test_nobody_else_opens_sessions() -> None:
    """A session from elsewhere may have a transaction under way that others commit."""
    opening = re.compile(
        r"\.(writing|reading|session)\(\)(?! as uow)|AsyncSession\(|sessionmaker\("
    )
    app = Path(unit_of_work.__file__).parents[1]
    places = {
        str(file.relative_to(app))
        for folder in ("repositories", "services", "routers")
        for file in (app / folder).rglob("*.py")
        for line in file.read_text().splitlines()
        if opening.search(line) and "self.reading()" not in line and "def " not in line
    }
    assert places == {"services/unit_of_work.py"}


class TestAfterCommit:
    async def test_a_step_sees_what_was_committed(self, committed_database: Database) -> None:
        seen = []

        async def look(uow: UnitOfWork) -> None:
            seen.append(await count(committed_database))
            await uow.locations.add(Location(name="South", time_zone="UTC"))

        async with UnitOfWork(committed_database, SYSTEM) as uow:
            uow.after_commit(look)
            await uow.locations.add(new_location())
            assert seen == []
        assert seen == [1]
        assert await count(committed_database) == 2

    async def test_it_follows_a_statement_that_commits_itself(
        self, committed_database: Database
    ) -> None:
        seen = []

        async def look(_uow: UnitOfWork) -> None:
            seen.append(await count(committed_database))

        async with UnitOfWork(committed_database, SYSTEM, autocommit=True) as uow:
            uow.after_commit(look)
            await uow.locations.add(new_location())
        assert seen == [1]

    @pytest.mark.parametrize("ends", ["fails", "discarded"])
    async def test_nothing_follows_what_was_not_kept(
        self, committed_database: Database, ends: str
    ) -> None:
        async def never(_uow: UnitOfWork) -> None:
            pytest.fail("this was not committed")

        async def use() -> None:
            async with UnitOfWork(committed_database, SYSTEM) as uow:
                uow.after_commit(never)
                await uow.locations.add(new_location())
                if ends == "fails":
                    raise LookupError
                uow.discard()

        if ends == "fails":
            with pytest.raises(LookupError):
                await use()
        else:
            await use()
        assert await count(committed_database) == 0

    async def test_a_failing_step_takes_nothing_back(self, committed_database: Database) -> None:
        async def fails(_uow: UnitOfWork) -> None:
            raise LookupError

        async def use() -> None:
            async with UnitOfWork(committed_database, SYSTEM) as uow:
                uow.after_commit(fails)
                await uow.locations.add(new_location())

        with pytest.raises(LookupError):
            await use()
        assert await count(committed_database) == 1
