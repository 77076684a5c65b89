"""`training seed`: the content that ships with the application."""

from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import report
from app.services.context import SYSTEM
from app.services.factories import Services


def seed(
    demo: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--demo", help="Add the demonstration organisation too.")
    ] = False,
) -> None:
    """Make the modules and requirements that are not there yet. Again changes nothing."""

    async def use(services: Services) -> tuple[dict[str, int], list[str]]:
        service = services.seeds(SYSTEM)
        counts: dict[str, int] = {}
        lines: list[str] = []
        if demo:
            people = await service.organisation()
            counts |= {"locations": people.locations, "users": people.users}
            lines += [f"{people.locations} locations and {people.users} people are new."]
        for noun, made in (
            ("modules", (await service.modules()).modules),
            ("requirements", (await service.requirements()).requirements),
        ):
            counts[noun] = len(made)
            lines += [f"{len(made)} {noun} are new."]
        return counts, lines

    counts, lines = with_services(use)
    report(counts, *lines)
