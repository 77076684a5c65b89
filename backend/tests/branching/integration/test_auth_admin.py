"""What our admin client relies on, of the branch's own Auth."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from app.core.config import Settings
from app.integrations.auth_admin import AuthUnavailableError, AuthUser, SupabaseAuthAdmin
from tests.branching.integration.conftest import Account, AuthAdministrator

pytestmark = pytest.mark.branch


@pytest.fixture
async def directory(settings: Settings) -> AsyncIterator[SupabaseAuthAdmin]:
    client = SupabaseAuthAdmin(
        settings.supabase_url, settings.supabase_secret_key.get_secret_value()
    )
    yield client
    await client.close()


async def token(supabase: httpx.AsyncClient, grant: str, **body: str) -> httpx.Response:
    return await supabase.post(f"/auth/v1/token?grant_type={grant}", json=body)


async def test_accounts_are_looked_up(
    directory: SupabaseAuthAdmin, admin: AuthAdministrator, account: Account
) -> None:
    found = await directory.get_user(UUID(account.id))
    assert found == AuthUser(UUID(account.id), account.email, email_confirmed=True)
    await admin.remove(account.id)
    assert await directory.get_user(UUID(account.id)) is None
    assert not await directory.delete_user(UUID(account.id))


async def test_the_list_comes_in_pages_and_ends(
    directory: SupabaseAuthAdmin, admin: AuthAdministrator
) -> None:
    made = {UUID((await admin.create()).id) for _ in range(3)}
    listed: list[UUID] = []
    page = 0
    while users := await directory.list_users(page := page + 1, 2):
        listed += [user.id for user in users]
    assert made <= set(listed)


async def test_signing_out_ends_every_session(
    directory: SupabaseAuthAdmin, supabase: httpx.AsyncClient, account: Account
) -> None:
    credentials = {"email": account.email, "password": account.password}
    sessions = [(await token(supabase, "password", **credentials)).json() for _ in range(2)]
    assert await directory.sign_out(UUID(account.id))
    for session in sessions:
        refused = await token(supabase, "refresh_token", refresh_token=session["refresh_token"])
        assert refused.status_code == 400, refused.text
    assert (await token(supabase, "password", **credentials)).status_code == 200


async def test_another_key_is_refused(settings: Settings) -> None:
    client = SupabaseAuthAdmin(settings.supabase_url, "sb_secret_wrong")
    with pytest.raises(AuthUnavailableError):
        await client.list_users(1, 50)
    await client.close()
