from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from app.core.clock import utc_now
from devstack.auth.passwords import hash_password
from devstack.auth.store import AuthStore
from devstack.auth.users import NewUser

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:unified-dental-training:identities")


@dataclass(frozen=True)
class Identity:
    email: str
    password: str
    full_name: str
    id: UUID


def identity_id(email: str) -> UUID:
    """Return the id that the address has on every machine."""
    return uuid5(_NAMESPACE, email.strip().lower())


async def seed_identities(store: AuthStore, identities: Iterable[Identity]) -> int:
    """Create confirmed users and leave those that exist as they are; return how many are new.

    Equal passwords share one hash, so that a thousand accounts cost no thousand derivations.
    """
    hashes: dict[str, str] = {}
    created = 0
    for identity in identities:
        if await store.users.get(identity.id):
            continue
        if identity.password not in hashes:
            hashes[identity.password] = await hash_password(identity.password)
        new = NewUser(
            id=identity.id,
            email=identity.email.strip().lower(),
            encrypted_password=hashes[identity.password],
            email_confirmed_at=utc_now(),
            user_metadata={"full_name": identity.full_name},
        )
        created += await store.users.create(new) is not None
    return created
