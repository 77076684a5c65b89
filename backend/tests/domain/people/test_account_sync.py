import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.people.account_sync import (
    Account,
    AddressChange,
    LinkedPerson,
    differences,
    is_too_many,
    without_account,
)

OLD, NEW = "old@unified.example", "new@unified.example"


def person(email: str = OLD, *, confirmed: bool = True, active: bool = True) -> LinkedPerson:
    return LinkedPerson(uuid.uuid4(), uuid.uuid4(), email, confirmed, active)


def change(who: LinkedPerson, email: str) -> AddressChange:
    return AddressChange(who.id, who.account_id, email)


class TestDifferences:
    def test_nothing_differs(self) -> None:
        who = person()
        found = differences([who], {who.account_id: Account(OLD, email_confirmed=True)})
        assert (found.changes, found.clashes, found.unconfirmed) == ((), (), 0)

    def test_a_confirmed_address_counts(self) -> None:
        who = person()
        found = differences([who], {who.account_id: Account(NEW, email_confirmed=True)})
        assert found.changes == (change(who, NEW),)

    def test_a_confirmation_counts(self) -> None:
        who = person(confirmed=False)
        found = differences([who], {who.account_id: Account(OLD, email_confirmed=True)})
        assert found.changes == (change(who, OLD),)

    def test_an_unconfirmed_address_does_not(self) -> None:
        who = person()
        found = differences([who], {who.account_id: Account(NEW, email_confirmed=False)})
        assert (found.changes, found.unconfirmed) == ((), 1)

    def test_everybody_is_looked_at(self) -> None:
        """An account that is passed over does not keep later ones from being looked at."""
        left, missing, without, waiting, last = (
            person(active=False),
            person(),
            person(),
            person(),
            person(),
        )
        accounts = {
            left.account_id: Account(NEW, email_confirmed=True),
            without.account_id: Account(None, email_confirmed=True),
            waiting.account_id: Account(NEW, email_confirmed=False),
            last.account_id: Account(NEW, email_confirmed=False),
        }
        found = differences([left, missing, without, waiting, last], accounts)
        assert (found.changes, found.clashes, found.unconfirmed) == ((), (), 2)

    def test_accounts_without_an_address(self) -> None:
        who = person()
        found = differences([who], {who.account_id: Account(None, email_confirmed=True)})
        assert (found.changes, found.unconfirmed) == ((), 0)

    def test_leavers_stay_as_they_left(self) -> None:
        who = person(active=False)
        assert not differences([who], {who.account_id: Account(NEW, True)}).changes  # noqa: FBT003  # confirmed
        assert without_account([who], {}) == [who]

    def test_an_address_that_nobody_may_have(self) -> None:
        """Supabase's hook is not called for changes of address, so the rule is applied here too."""
        who = person()
        accounts = {who.account_id: Account("a@elsewhere.example", email_confirmed=True)}
        found = differences([who], accounts, {"unified.example"})
        assert (found.changes, len(found.clashes)) == ((), 1)
        assert differences([who], accounts, {"elsewhere.example"}).clashes == ()

    def test_one_address_for_two(self) -> None:
        people = [person("a@unified.example"), person("b@unified.example")]
        accounts = {who.account_id: Account(NEW, email_confirmed=True) for who in people}
        found = differences(people, accounts)
        assert (found.changes, len(found.clashes)) == ((), 2)


people_lists = st.lists(
    st.builds(
        LinkedPerson,
        st.uuids(),
        st.uuids(),
        st.sampled_from(["a@x.example", "b@x.example", "c@x.example"]),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=(lambda who: who.id, lambda who: who.account_id),
)


@given(people_lists, st.data())
def test_once_followed_nothing_differs(people: list[LinkedPerson], data: st.DataObject) -> None:
    accounts = {
        who.account_id: Account(
            data.draw(st.sampled_from(["a@x.example", "d@x.example", None])),
            data.draw(st.booleans()),
        )
        for who in people
        if data.draw(st.booleans())
    }
    gone = {who.id for who in without_account(people, accounts)}
    assert gone == {who.id for who in people if who.account_id not in accounts}
    changes = {each.id: each.email for each in differences(people, accounts).changes}
    followed = [
        replace(
            who,
            email=changes.get(who.id, who.email),
            email_confirmed=who.email_confirmed or who.id in changes,
        )
        for who in people
        if who.id not in gone
    ]
    assert without_account(followed, accounts) == []
    assert differences(followed, accounts).changes == ()


def test_how_many_are_too_many() -> None:
    people = range(100)
    assert not is_too_many(range(10), people, 0.1)
    assert is_too_many(range(11), people, 0.1)
    assert is_too_many(range(1), range(1), 0.1)
    assert not is_too_many((), (), 0.1)
