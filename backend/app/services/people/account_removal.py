"""Removes sign-in accounts that were given up. A step that services share."""

from app.core.database import Database
from app.integrations.auth_admin import AuthAdmin
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork


async def remove_accounts(database: Database, auth: AuthAdmin) -> None:
    """Delete the noted accounts; forget each once Auth has said that it is gone.

    Raises AuthUnavailableError. What is left is removed by the next call.
    """
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        noted = await uow.account_removals.noted()
    for account_id in noted:
        await auth.delete_user(account_id)
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.account_removals.done(account_id)
