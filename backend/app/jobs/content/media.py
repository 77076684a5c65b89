from datetime import timedelta
from typing import Final

from app.services.factories import Services

UNUSED_FOR: Final = timedelta(hours=24)


async def sweep(services: Services) -> None:
    await services.media_sweep().sweep(UNUSED_FOR)
