from datetime import timedelta

from app.services.context import SYSTEM
from app.services.factories import Services


async def prune_log(services: Services) -> None:
    await services.jobs(SYSTEM).prune_log(timedelta(days=services.settings.job_log_days))


async def prune_idempotency_keys(services: Services) -> None:
    await services.idempotency_keys().prune(timedelta(hours=services.settings.idempotency_hours))
