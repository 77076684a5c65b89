from app.services.compliance.reconciliation import Reconciled
from app.services.context import SYSTEM
from app.services.factories import Services


class ReconciliationFailedError(Exception):
    """It failed for some people, whom the log names; all others were reconciled."""


async def reconcile(services: Services) -> None:
    _require_all(await services.reconciliation(SYSTEM).run())


async def reconcile_completions(services: Services) -> None:
    _require_all(await services.reconciliation(SYSTEM).run_pending())


async def apply_rules(services: Services) -> None:
    service = services.reconciliation(SYSTEM)
    while await service.run_queued():
        pass


def _require_all(done: Reconciled) -> None:
    if done.failed:
        raise ReconciliationFailedError
