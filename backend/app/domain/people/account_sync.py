"""What differs between the people we know and the sign-in accounts that Supabase Auth lists."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.people.sign_up import may_sign_up


@dataclass(frozen=True, slots=True)
class LinkedPerson:
    """A row of ours that has an account."""

    id: uuid.UUID
    account_id: uuid.UUID
    email: str
    email_confirmed: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class Account:
    email: str | None
    email_confirmed: bool


@dataclass(frozen=True, slots=True)
class AddressChange:
    """The address of a person's account, which its owner has confirmed."""

    id: uuid.UUID
    account_id: uuid.UUID
    email: str


@dataclass(frozen=True, slots=True)
class Differences:
    """`changes` can be applied. `clashes` cannot: another account has the address, or none may."""

    changes: tuple[AddressChange, ...]
    clashes: tuple[AddressChange, ...]
    unconfirmed: int


def without_account(
    people: Iterable[LinkedPerson], accounts: Mapping[uuid.UUID, Account]
) -> list[LinkedPerson]:
    """Return the people whose account is not among `accounts`."""
    return [person for person in people if person.account_id not in accounts]


def differences(
    people: Iterable[LinkedPerson],
    accounts: Mapping[uuid.UUID, Account],
    domains: Collection[str] = (),
) -> Differences:
    """Compare the active people with their accounts. An address counts once it is confirmed.

    Where accounts are for `domains` only, an address of another is not taken over.
    """
    wanted: list[AddressChange] = []
    unconfirmed = 0
    for person in people:
        account = accounts.get(person.account_id)
        if not person.is_active or account is None or account.email is None:
            continue
        if not account.email_confirmed:
            unconfirmed += 1
        elif (person.email, person.email_confirmed) != (account.email, True):
            wanted.append(AddressChange(person.id, person.account_id, account.email))
    claims = Counter(change.email for change in wanted)
    allowed = [
        change for change in wanted if claims[change.email] == 1 and _may_have(change, domains)
    ]
    return Differences(
        changes=tuple(allowed),
        clashes=tuple(change for change in wanted if change not in allowed),
        unconfirmed=unconfirmed,
    )


def _may_have(change: AddressChange, domains: Collection[str]) -> bool:
    return not domains or may_sign_up(change.email, domains)


def is_too_many(missing: Sequence[object], people: Sequence[object], share: float) -> bool:
    """Whether so many accounts are missing that a fault is likelier than people leaving."""
    return len(missing) > share * len(people)
