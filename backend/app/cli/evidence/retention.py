"""`training retention`: whose data may be erased, and erasing it."""

import uuid
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import err, report, table
from app.schemas.evidence.retention import Erased, ErasureDue
from app.services.context import SYSTEM
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Retention clocks and erasure.")


@cli.command()
def due(
    everybody: Annotated[bool, typer.Option("--all", help="Also those whose time runs.")] = False,  # noqa: FBT002  # an option
) -> None:
    """List leavers whose data may be erased. Changes nothing."""
    found = with_services(_due)
    shown = [item for item in found if item.due or everybody]
    headers = ("Person", "Name", "Left on", "Records", "Hold", "Erasable from", "Due")
    table(headers, map(_cells, shown))
    report(shown, f"{sum(item.due for item in found)} of {len(found)} leavers are due.")


@cli.command()
def erase(
    confirm: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--confirm", help="Really erase; else only say whom.")
    ] = False,
    user: Annotated[uuid.UUID | None, typer.Option(help="Only this person.")] = None,
) -> None:
    """Replace the personal data of those who are due by pseudonyms, for good.

    Needs MIGRATION_DATABASE_URL: the API's own role may not erase.
    """

    async def use(services: Services) -> tuple[list[ErasureDue], list[Erased]]:
        people = [
            item for item in await _due(services) if item.due and user in {None, item.user_id}
        ]
        return people, await _erase(services, people) if confirm else []

    people, erased = with_services(use, owner=True)
    if not confirm:
        would = f"{len(people)} people would be erased. Say --confirm to erase them."
        report(people, *map(_whom, people), would)
        return
    lines = [
        f"{person.user_id} is now {person.pseudonym}: {person.records} records erased."
        for person in erased
    ]
    report(erased, *lines, f"{len(erased)} people erased.")
    if user is not None and not people:
        err.print("This person's data may not be erased yet.")
        raise typer.Exit(1)


async def _due(services: Services) -> list[ErasureDue]:
    return await services.retention(SYSTEM).due()


async def _erase(services: Services, people: list[ErasureDue]) -> list[Erased]:
    """Seal all evidence, then erase.

    The database erases nobody who has a training record without a seal.
    """
    while await services.training_records(SYSTEM).seal() is not None:
        pass
    return [await services.retention(SYSTEM).erase(item.user_id) for item in people]


def _whom(item: ErasureDue) -> str:
    return f"{item.user_id} {item.full_name or ''}".rstrip()


def _cells(item: ErasureDue) -> list[str]:
    return [
        str(item.user_id),
        item.full_name or "",
        str(item.left_on or "unknown"),
        str(item.records),
        "yes" if item.held else "",
        str(item.erasable_from or "unknown"),
        "yes" if item.due else "",
    ]
