"""`training records`: the evidence."""

from collections.abc import Sequence

import typer

from app.cli.environment import with_services
from app.cli.report import err, report
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
    read = f"{result.records} records of {result.people} people and {result.seals} seals read"
    lines = [f"{read}, {result.unsealed} records not sealed yet."]
    if result.erased:
        lines += [f"{result.erased} people were erased after their time; their links are kept."]
    if result.broken is None:
        report(result, *lines, "Every link holds.")
        return
    report(result, *lines)
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

    _tell(with_services(use), "Every record was under a seal already.")


@cli.command()
def seals() -> None:
    """Print the seals that were made before, as `seal` did: their hashes belong elsewhere, too."""
    made = with_services(lambda services: services.seals(SYSTEM).all())
    _tell(made, "There are no seals yet.")


def _tell(seals: Sequence[RecordSeal], nothing: str) -> None:
    lines = [f"Seal {it.number} covers {it.record_count} records: {it.hash}" for it in seals]
    values = [{"number": it.number, "records": it.record_count, "hash": it.hash} for it in seals]
    report(values, *(lines or [nothing]))
