"""`training records`: the evidence."""

import typer

from app.cli.environment import err, out, with_services
from app.models import RecordSeal
from app.services.context import SYSTEM
from app.services.evidence.training_record import Verification
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Training records as evidence.")


@cli.command()
def verify() -> None:
    """Recompute every hash, link and seal; name the first that does not hold and exit with 1."""

    async def use(services: Services) -> Verification:
        return await services.training_records(SYSTEM).verify()

    result = with_services(use)
    out.print(
        f"{result.records} records of {result.people} people and {result.seals} seals read, "
        f"{result.unsealed} records not sealed yet."
    )
    if result.erased:
        out.print(f"{result.erased} people were erased after their time; their links are kept.")
    if result.broken is None:
        out.print("Every link holds.")
        return
    broken = result.broken
    where = f"seal {broken.seal_number}, " if broken.seal_number is not None else ""
    err.print(f"BROKEN: {where}record {broken.record_id}: {broken.reason}", markup=False)
    raise typer.Exit(1)


@cli.command()
def seal() -> None:
    """Put the records that are not sealed yet under Merkle seals, and print the seals' hashes."""

    async def use(services: Services) -> list[RecordSeal]:
        service = services.training_records(SYSTEM)
        seals = []
        while (seal := await service.seal()) is not None:
            seals.append(seal)
        return seals

    for made in with_services(use):
        _print(made)


@cli.command()
def seals() -> None:
    """Print the seals that were made before, as `seal` did: their hashes belong elsewhere, too."""
    for made in with_services(lambda services: services.seals(SYSTEM).all()):
        _print(made)


def _print(made: RecordSeal) -> None:
    out.print(f"Seal {made.number} covers {made.record_count} records: {made.hash}")
