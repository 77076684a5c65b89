from app.services.context import SYSTEM
from app.services.factories import Services


async def close_overdue(services: Services) -> None:
    service = services.attempts(SYSTEM)
    while await service.close_overdue():
        pass
