from http import HTTPStatus
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUser
from app.models import InvitationClaim, User
from tests.concurrency.race import ROUNDS, count, race, statuses
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api

pytestmark = pytest.mark.full


async def test_row_and_account_have_one_address(
    committed_api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
) -> None:
    """While somebody else is entered with one of the addresses, too."""
    for turn in range(ROUNDS):
        account = AuthUser(uuid4(), f"old{turn}@unified.example", email_confirmed=True)
        auth_admin.put(account)
        person = await make_user(session, supabase_id=account.id, email=account.email)
        addresses = [f"new{turn}-{place}@unified.example" for place in range(5)]
        headers = {"If-Match": "*"}
        path = f"/users/{person.id}/email"
        newcomer = {"full_name": "Somebody", "email": addresses[0]}
        made, *corrected = await race(
            [
                committed_api.post("/users", admin, json=newcomer),
                *(
                    committed_api.put(path, admin, json={"email": email}, headers=headers)
                    for email in addresses
                ),
            ]
        )
        assert {*statuses(corrected), made.status_code} <= {200, 201, 409, 412}
        row = (await committed_api.get(f"/users/{person.id}", admin)).json()
        kept = await auth_admin.get_user(account.id)
        assert kept is not None
        assert kept.email == row["email"]
        assert made.status_code == HTTPStatus.CREATED or row["email"] == addresses[0]
        assert await count(session, User, User.email == addresses[0]) <= 1
    assert await count(session, InvitationClaim) == 0
