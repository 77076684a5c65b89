"""`training jobs`: what waits, what was given up, and whether anybody does it."""

from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import err, report, table
from app.core.pagination import MAX_LIMIT, PageRequest
from app.domain.outreach.job import JobStatus
from app.schemas.outreach.job import JobRead
from app.schemas.outreach.schedule import ScheduleRead
from app.services.context import SYSTEM
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Work in the background.")

LATE_SECONDS = 900
JobId = Annotated[int, typer.Argument(help="The job's id, as `jobs list` shows it.")]


@cli.command("list")
def list_jobs(
    status: Annotated[
        list[JobStatus] | None, typer.Option(help="Only jobs of this status; may be repeated.")
    ] = None,
) -> None:
    """Show the newest jobs that wait, are under way or were given up."""

    async def use(services: Services) -> list[JobRead]:
        page = PageRequest(limit=MAX_LIMIT)
        return (await services.jobs(SYSTEM).list(page, statuses=status or [])).items

    jobs = with_services(use)
    table(
        ("id", "job", "status", "failures", "not before", "last failure"),
        (
            (
                *(str(job.id), job.name, job.status, str(job.failures)),
                *(job.run_after.isoformat(), job.last_failure or ""),
            )
            for job in jobs
        ),
    )
    report(jobs, f"{len(jobs)} jobs.")


@cli.command()
def retry(job_id: JobId) -> None:
    """Have a job that was given up done again."""
    with_services(lambda services: services.jobs(SYSTEM).retry(job_id))
    report({"retried": job_id}, f"Job {job_id} is to be done again.")


@cli.command()
def drop(job_id: JobId) -> None:
    """Remove a job that was given up."""
    with_services(lambda services: services.jobs(SYSTEM).drop(job_id))
    report({"dropped": job_id}, f"Job {job_id} is dropped.")


@cli.command()
def schedules(
    late_after: Annotated[
        int, typer.Option(min=1, help="Seconds after which a schedule that is due is late.")
    ] = LATE_SECONDS,
) -> None:
    """Show when jobs are due; exit with 1 if one is late: no worker runs, or it fails."""

    async def use(services: Services) -> list[ScheduleRead]:
        return (await services.schedules(SYSTEM).list()).items

    rows = with_services(use)
    table(
        ("job", "next", "last success", "late", "last failure"),
        (
            (
                *(row.name, row.next_run_at.isoformat()),
                row.last_success_at.isoformat() if row.last_success_at else "never",
                *(f"{row.late_seconds} s", row.last_failure or ""),
            )
            for row in rows
        ),
    )
    late = [row.name for row in rows if row.late_seconds > late_after]
    report(rows, f"{len(rows)} schedules.")
    if late:
        err.print(f"Late: {', '.join(late)}", markup=False)
        raise typer.Exit(1)
