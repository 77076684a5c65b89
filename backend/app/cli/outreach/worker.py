"""`training worker`: does the jobs of the queue, and what schedules say is due."""

import asyncio
import signal

from app.cli.environment import entry_point, with_services
from app.services.factories import Services
from app.services.health import check_readiness


def worker() -> None:
    """Do jobs until SIGTERM, SIGINT or SIGHUP; any number of workers share them."""
    work = entry_point.get().work

    async def use(services: Services) -> None:
        await check_readiness(services.database)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        await work(services, stop)

    with_services(use)
