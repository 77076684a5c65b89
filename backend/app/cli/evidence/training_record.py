"""`training records`: verifies and seals the evidence."""

from collections.abc import Sequence
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import err, report
from app.models import RecordSeal
from app.services.context import SYSTEM
from app.services.evidence.verification import RECORDS, BrokenLink, Verification
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Training records as evidence.")


@cli.command()
def verify(
    seal_head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A seal's hash that was kept elsewhere."),
    ] = None,
) -> None:
    """Recompute every hash, link and seal; name the first that does not hold and exit with 1."""

    async def use(services: Services) -> Verification:
        return await services.training_records(SYSTEM).verify(seal_head=seal_head)

    result = with_services(use)
    read = f"{result.records} records of {result.people} people and {result.seals} seals read"
    lines = [
        f"{read}, {result.unsealed} rows not sealed yet.",
        f"{result.sealed} rows under seals: records, what they rest on, and the audit trail.",
    ]
    if result.erased:
        lines += [f"{result.erased} people were erased after their time; their links are kept."]
    if result.broken is None:
        report(result, *lines, "Every link holds.")
        return
    report(result, *lines)
    err.print(f"BROKEN: {_place(result.broken)}: {result.broken.reason}", markup=False)
    raise typer.Exit(1)


def _place(broken: BrokenLink) -> str:
    noun = "record" if broken.kind == RECORDS else f"row of {broken.kind}"
    seal = None if broken.seal_number is None else f"seal {broken.seal_number}"
    row = None if broken.record_id is None else f"{noun} {broken.record_id}"
    return ", ".join(filter(None, (seal, row))) or "seals"


@cli.command()
def seal() -> None:
    """Put all evidence that is not sealed yet under Merkle seals, and print the seals' hashes."""

    async def use(services: Services) -> list[RecordSeal]:
        service = services.training_records(SYSTEM)
        seals = []
        while (seal := await service.seal()) is not None:
            seals.append(seal)
        return seals

    _tell(with_services(use), "Everything was under a seal already.")


@cli.command()
def seals() -> None:
    """Print the seals that were made before, as `seal` did: their hashes belong elsewhere, too."""
    made = with_services(lambda services: services.seals(SYSTEM).all())
    _tell(made, "There are no seals yet.")


def _tell(seals: Sequence[RecordSeal], nothing: str) -> None:
    lines = [f"Seal {it.number} covers {it.record_count} rows: {it.hash}" for it in seals]
    values = [{"number": it.number, "records": it.record_count, "hash": it.hash} for it in seals]
    report(values, *(lines or [nothing]))
