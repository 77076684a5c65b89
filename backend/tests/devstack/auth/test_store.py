import asyncio

from devstack.auth import AuthStore, Identity, identity_id, seed_identities
from tests.devstack.auth.conftest import Stack


async def test_tables_are_created_once_by_many_at_the_same_time(database: str) -> None:
    async def open_and_count() -> int:
        async with AuthStore.open(database) as store:
            return (await store.users.page(1, 1))[1]

    assert await asyncio.gather(*(open_and_count() for _ in range(5))) == [0] * 5


async def test_users_survive_a_restart(database: str) -> None:
    person = Identity("a@example.org", "correct horse", "A", identity_id("a@example.org"))
    async with AuthStore.open(database) as store:
        await seed_identities(store, [person])
    async with AuthStore.open(database) as store:
        user = await store.users.get(person.id)
    assert user is not None
    assert user.email == "a@example.org"


async def test_seeding_again_changes_nothing(stack: Stack) -> None:
    people = [
        Identity(f"p{n}@example.org", "correct horse", f"P{n}", identity_id(f"p{n}@example.org"))
        for n in range(3)
    ]
    assert await seed_identities(stack.store, people) == 3
    before = await stack.store.users.page(1, 10)
    assert await seed_identities(stack.store, people) == 0
    assert await stack.store.users.page(1, 10) == before


def test_ids_belong_to_addresses() -> None:
    assert identity_id(" A@Example.org") == identity_id("a@example.org")
    assert identity_id("a@example.org") != identity_id("b@example.org")
    assert str(identity_id("a@example.org")) == "6c408e42-5244-5471-b21d-310bfc0b3afd"
