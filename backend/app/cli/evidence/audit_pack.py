"""`training audit-pack`: the auditor's pack, written to a file."""

import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import progress, report
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import AuditPack, PackQuery
from app.services.factories import Services


def audit_pack(  # noqa: PLR0913, PLR0917  # Typer reads one parameter an option
    out_file: Annotated[Path, typer.Option("--out", help="Where the ZIP goes.", dir_okay=False)],
    from_day: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, inclusive.")
    ] = None,
    to_day: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, inclusive.")
    ] = None,
    location: Annotated[uuid.UUID | None, typer.Option(help="Id of a location.")] = None,
    user: Annotated[uuid.UUID | None, typer.Option(help="Id of a person.")] = None,
    module: Annotated[uuid.UUID | None, typer.Option(help="Id of a module.")] = None,
) -> None:
    """Write the evidence of a scope and period as a ZIP that carries its own verifier."""
    query = PackQuery(_day(from_day), _day(to_day), location, user, module)
    pack = with_services(lambda services: _write(services, query, out_file))
    report(
        {
            "file": out_file,
            "records": pack.records,
            "manifest_sha256": pack.manifest_sha256,
            "seal_head": pack.seal_head,
        },
        f"{pack.records} records in {out_file}",
        f"SHA-256 of the manifest: {pack.manifest_sha256}",
        f"Head of the seals: {pack.seal_head}",
    )


async def _write(services: Services, query: PackQuery, target: Path) -> AuditPack:
    """Write to a file beside the target, which appears only when it is complete."""
    partial = target.with_name(target.name + ".part")
    with progress() as bar:
        task = bar.add_task("Records", total=None)
        service = services.audit_packs(SYSTEM)
        pack = await service.open(query, lambda done: bar.update(task, completed=done))
        bar.update(task, total=pack.records)
        with partial.open("wb") as file:
            async for piece in pack.stream:
                file.write(piece)
    partial.replace(target)
    return pack


def _day(value: datetime | None) -> date | None:
    return value.date() if value else None
