"""What the stack says once it is ready."""

from ipaddress import IPv4Address
from typing import Final

import httpx
from rich.console import Console

from app.core.config import Settings
from app.core.postgres.table_security import API_ROLE
from app.services.content.seed import demonstration_identities
from devstack.options import (
    DATABASE,
    PASSWORD,
    PUBLISHABLE_KEY,
    SECRET_KEY,
    TOUR_EMAIL,
    Options,
    Seed,
)
from devstack.postgres import EmbeddedPostgres

_HEALTH: Final = ("/api/v1/health/ready", "/auth/v1/health", "/storage/v1/bucket", "/mailbox")


def announce(settings: Settings, postgres: EmbeddedPostgres, options: Options) -> None:
    origin = settings.supabase_url
    console = Console(soft_wrap=True, highlight=False)
    if not IPv4Address(options.host).is_loopback:
        console.print(
            "\nEverybody in this network can call the stack, with the passwords below.",
            style="bold red",
        )
    console.print(f"\n[bold]Unified Dental training is ready at {origin}[/bold]\n")
    console.print(f"  API        {origin}/api/v1    docs {origin}/docs")
    console.print(f"  Supabase   {origin}           (stand-in for Auth, Storage and Realtime)")
    console.print(f"  Key        {PUBLISHABLE_KEY}, as `apikey`")
    console.print(f"  Mailbox    {origin}/mailbox   (invitations, recovery, changes of address)")
    console.print(f"  Database   {postgres.dsn(DATABASE)}")
    console.print(f"  Data       {options.data_dir.resolve()}")
    if options.seed is not Seed.NOTHING:
        emails = ", ".join(person.email for person in demonstration_identities())
        console.print(f"  Sign in    {emails}")
        console.print(f"             all with the password {PASSWORD}")
    console.print("\nCommands beside it:\n", style="bold")
    console.print(_environment(settings, postgres), markup=False)
    if options.seed is not Seed.NOTHING:
        console.print("\nTry it:\n", style="bold")
        console.print(_tour(origin), markup=False)
    console.print("\nCtrl-C stops everything; the data stay.\n")


async def announce_health(origin: str) -> None:
    """Ask each part as a client does, and say on the last line where it answers."""
    async with httpx.AsyncClient(
        base_url=origin, headers={"apikey": SECRET_KEY}, trust_env=False
    ) as client:
        told = [f"{origin}{path} {await _status(client, path)}" for path in _HEALTH]
    Console(soft_wrap=True, highlight=False).print(f"Health: {', '.join(told)}\n", style="bold")


async def _status(client: httpx.AsyncClient, path: str) -> str:
    try:
        answer = await client.get(path)
    except httpx.HTTPError as error:
        return type(error).__name__
    return "ready" if answer.is_success else str(answer.status_code)


def announce_models_ahead(postgres: EmbeddedPostgres, missing: str) -> None:
    """Say what to run beside this stack: a revision is written by comparing its database."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(
        f"The models are ahead of the database ({missing}), so nothing was seeded. While this "
        "runs, write the revision in another terminal:\n\n"
        f"  MIGRATION_DATABASE_URL={postgres.dsn(DATABASE)} \\\n"
        '    uv run alembic revision --autogenerate -m "say what changes"\n\n'
        "Then start again: a start applies what is new.\n",
        markup=False,
    )


def _environment(settings: Settings, postgres: EmbeddedPostgres) -> str:
    return (
        f"  export ENVIRONMENT={settings.environment.value} \\\n"
        f"    SUPABASE_URL={settings.supabase_url} \\\n"
        f"    SUPABASE_SECRET_KEY={SECRET_KEY} \\\n"
        f"    DATABASE_URL={postgres.dsn(DATABASE, API_ROLE)} \\\n"
        f"    MIGRATION_DATABASE_URL={postgres.dsn(DATABASE)}\n"
        "  uv run training records verify"
    )


def _tour(origin: str) -> str:
    body = f'{{"email":"{TOUR_EMAIL}","password":"{PASSWORD}"}}'
    return (
        f"  TOKEN=$(curl -s '{origin}/auth/v1/token?grant_type=password' \\\n"
        f"    -H 'apikey: {PUBLISHABLE_KEY}' -H 'Content-Type: application/json' -d '{body}' \\\n"
        "    | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])')\n"
        f'  curl -s {origin}/api/v1/users/me -H "Authorization: Bearer $TOKEN"'
    )
