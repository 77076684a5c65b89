import structlog

from app.services.context import SYSTEM
from app.services.factories import Services

log = structlog.get_logger(__name__)


async def seal(services: Services) -> None:
    """Seal what is new. The log has the hashes, since they prove most outside of the database."""
    service = services.training_records(SYSTEM)
    while (seal := await service.seal()) is not None:
        log.info("sealed", number=seal.number, records=seal.record_count, hash=seal.hash)
