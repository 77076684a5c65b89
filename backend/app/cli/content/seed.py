"""`training seed`: the content that ships with the application."""

from typing import Annotated

import typer

from app.cli.environment import out, with_services
from app.services.context import SYSTEM
from app.services.factories import Services


def seed(
    demo: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--demo", help="Add the demonstration organisation too.")
    ] = False,
) -> None:
    """Make the modules and requirements that are not there yet. Again changes nothing."""

    async def use(services: Services) -> None:
        service = services.seeds(SYSTEM)
        if demo:
            people = await service.organisation()
            out.print(f"{people.locations} locations and {people.users} people are new.")
        modules = await service.modules()
        out.print(f"{len(modules.modules)} modules are new.")
        requirements = await service.requirements()
        out.print(f"{len(requirements.requirements)} requirements are new.")

    with_services(use)
