"""`training audit-pack` and `training verify`: makes and checks the auditor's pack."""

import hashlib
import subprocess
import sys
import tempfile
import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import err, progress, report
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import VERIFIER, AuditPack, PackQuery, verifier
from app.services.factories import Services

NOTHING = "name a pack, or ask for --hash or --save"


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
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose compliance it shows; else today."),
    ] = None,
    known_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose knowledge that is; else today."),
    ] = None,
) -> None:
    """Write the evidence of a scope and period as a ZIP that carries its own verifier."""
    days = (_day(as_of), _day(known_on))
    query = PackQuery(_day(from_day), _day(to_day), location, user, module, *days)
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


def verify(  # noqa: PLR0913, PLR0917  # Typer reads one parameter an option
    pack: Annotated[Path | None, typer.Argument(help="The ZIP, or where it was unpacked.")] = None,
    manifest_sha256: Annotated[
        str | None, typer.Option(help="The one in the audit trail, if it is to be this pack.")
    ] = None,
    seal_head: Annotated[str | None, typer.Option(help="One that was known before.")] = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="Refuse what is not sealed.")] = False,  # noqa: FBT002  # an option
    minutes: Annotated[float | None, typer.Option(help="How long it may take. An hour.")] = None,
    sha256: Annotated[bool, typer.Option("--hash", help="Print the verifier's SHA-256.")] = False,  # noqa: FBT002  # an option
    save: Annotated[Path | None, typer.Option(help="Write the verifier here.")] = None,
) -> None:
    """Verify an auditor's pack with the verifier of this release, never with the pack's own."""
    if save is not None:
        save.write_bytes(verifier())
    if sha256:
        typer.echo(f"{hashlib.sha256(verifier()).hexdigest()}  {VERIFIER}")
    if pack is not None:
        options = {
            "--manifest-sha256": manifest_sha256,
            "--seal-head": seal_head,
            "--minutes": minutes and str(minutes),
        }
        named = [part for name, value in options.items() if value for part in (name, value)]
        raise typer.Exit(_run(pack, *named, *(["--sealed"] if sealed else [])))
    if not (save or sha256):
        raise typer.BadParameter(NOTHING, param_hint="PACK")


def _run(pack: Path, *arguments: str) -> int:
    """Run the released verifier in a process of its own, as auditors do."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / VERIFIER
        script.write_bytes(verifier())
        command = [sys.executable, "-I", str(script), str(pack), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    said = "Verified with this release's verifier, not with the one in the pack."
    report({"holds": not done.returncode}, said, *done.stdout.splitlines())
    if done.returncode:
        err.print(done.stderr.rstrip(), markup=False)
    return done.returncode


def _day(value: datetime | None) -> date | None:
    return value.date() if value else None
