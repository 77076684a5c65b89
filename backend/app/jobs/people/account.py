from app.services.factories import Services


async def reconcile(services: Services) -> None:
    await services.account_sync().run()
