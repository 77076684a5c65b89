"""`training media`: removes files from the bucket that are not needed any more."""

from datetime import timedelta
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import report
from app.domain.content.media.file import UPLOAD_LIFETIME
from app.services.content.media_sweep import Swept
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Files of sections and of evidence.")

MINIMUM_HOURS = UPLOAD_LIFETIME // timedelta(hours=1) + 1


@cli.command()
def sweep(
    older_than: Annotated[
        int, typer.Option(min=MINIMUM_HOURS, help="Hours that a file has been unused for.")
    ] = 24,
    dry_run: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    confirm: Annotated[  # noqa: FBT002  # an option
        bool, typer.Option("--confirm", help="Even if most of the bucket is unknown.")
    ] = False,
) -> None:
    """Remove uploads that were never finished, refused or are used by nothing.

    What content, drafts or evidence name is never touched.
    """

    async def use(services: Services) -> Swept:
        return await services.media_sweep().sweep(
            timedelta(hours=older_than), dry_run=dry_run, confirmed=confirm
        )

    _tell(with_services(use), dry_run=dry_run)


def _tell(swept: Swept, *, dry_run: bool) -> None:
    verb = "would be removed" if dry_run else "removed"
    report(
        swept,
        *(f"{path} was used by nothing" for path in swept.abandoned),
        *(f"{path} had no row" for path in swept.strays),
        f"{len(swept.abandoned)} unused and {len(swept.strays)} unknown files {verb}.",
    )
