"""Life of an ephemeral Supabase branch, from creation to removal, in CI and by hand."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.engine import URL, make_url

from app.core.clock import Clock, utc_now
from app.core.postgres.table_security import API_ROLE
from branching import (
    HEALTHY,
    ApiKey,
    ApiRefusedError,
    ApiUnavailableError,
    Backoff,
    Branch,
    BranchApi,
    BranchCredentialsError,
    BranchDetail,
    BranchError,
    BranchFailedError,
    BranchNotFoundError,
    BranchProbe,
    BranchTimeoutError,
    PoolerConfig,
    ProbeError,
    ProtectedBranchError,
)

SESSION_PORT: Final = 5432
READY_SECONDS: Final = 900.0
FORBIDDEN: Final = frozenset({401, 402, 403})

Report = Callable[[str], None]
Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Platform:
    """How addresses of projects are made; the defaults are Supabase's own."""

    project_url: str = "https://{ref}.supabase.co"
    session_port: int = SESSION_PORT

    def supabase_url(self, ref: str) -> str:
        return self.project_url.format(ref=ref)


@dataclass(frozen=True, slots=True)
class BranchEnvironment:
    """What a client of the branch is configured with."""

    variables: dict[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """Values that must not appear in a log, longest first: a URL before its password."""


@dataclass(frozen=True, slots=True)
class Sweep:
    found: list[Branch]
    failures: list[BranchError]


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits for services that are starting, and prints what it waits for."""

    backoff: Backoff = field(default_factory=lambda: Backoff(first=2.0))
    report: Report = lambda _line: None

    async def until(self, name: str, checks: Sequence[Check], seconds: float) -> None:
        """Pass the checks in turn; each returns what is still missing, or None."""
        started = self.backoff.monotonic()
        attempt, said = 0, ""
        for check in checks:
            while missing := await _tried(check):
                left = seconds - (self.backoff.monotonic() - started)
                if left <= 0:
                    raise BranchTimeoutError(name, seconds, missing)
                if missing != said:
                    self.report(missing)
                said = missing
                await self.backoff.sleep(min(left, self.backoff.seconds(attempt)))
                attempt += 1


async def admit_api_role(
    probe: BranchProbe, patience: Patience, owner_url: str, api_url: str, *, seconds: float
) -> None:
    """Give the API's role the password of its URL, and wait until the pooler lets it in."""
    await probe.set_password(owner_url, API_ROLE, make_url(api_url).password or "")

    async def let_in() -> str | None:
        await probe.select_one(api_url)
        return None

    await patience.until(API_ROLE, [let_in], seconds)


class BranchService:
    """Nothing here changes the default branch or a persistent one."""

    def __init__(
        self,
        api: BranchApi,
        probe: BranchProbe,
        *,
        platform: Platform | None = None,
        patience: Patience | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._api = api
        self._probe = probe
        self._platform = platform or Platform()
        self._patience = patience or Patience()
        self._now = now

    async def create(self, name: str) -> Branch:
        """Create a branch, or take up the one of this name; leave none behind when interrupted."""
        creation = asyncio.ensure_future(self._api.create(name))
        try:
            # A request that is cut off may still be carried out, after we looked for its branch.
            branch = await asyncio.shield(creation)
        except asyncio.CancelledError:
            await asyncio.gather(creation, return_exceptions=True)
            await self._clean_up(name)
            raise
        except ApiUnavailableError:
            await self._clean_up(name)
            raise
        if branch.protected:
            raise ProtectedBranchError(name)
        return branch

    async def wait(
        self, name: str, *, seconds: float = READY_SECONDS, delete_on_failure: bool = False
    ) -> Branch:
        """Return when the branch's database and Auth answer; raise as soon as they never will."""
        try:
            await self._wait(name, seconds)
            return await self.find(name)
        except (BranchError, asyncio.CancelledError):
            if delete_on_failure:
                await self._clean_up(name)
            raise

    async def find(self, name: str) -> Branch:
        for branch in await self._api.branches():
            if branch.name == name:
                return branch
        raise BranchNotFoundError(name)

    async def environment(self, name: str) -> BranchEnvironment:
        """Read the branch's addresses and keys, and make a password for the API's role.

        The role gets the password in `admit_api_role`; until then DATABASE_URL does not work.
        """
        branch = await self._ephemeral(name)
        owner = await self._owner_url(branch)
        keys = await self._api.keys(branch.project_ref)
        supabase_url = self._platform.supabase_url(branch.project_ref)
        role = owner.set(username=_pooled(API_ROLE, owner), password=secrets.token_urlsafe(24))
        variables = {
            "DATABASE_URL": role.render_as_string(hide_password=False),
            "MIGRATION_DATABASE_URL": owner.render_as_string(hide_password=False),
            "SUPABASE_URL": supabase_url,
            "SUPABASE_PUBLISHABLE_KEY": _key(name, keys, "publishable", "anon"),
            "SUPABASE_SECRET_KEY": _key(name, keys, "secret", "service_role"),
        }
        if not await self._probe.signing_keys(supabase_url):
            variables["SUPABASE_JWT_SECRET"] = await self._shared_secret(branch)
        hidden = [value for key, value in variables.items() if key != "SUPABASE_URL"]
        hidden += [str(owner.password), str(role.password)]
        return BranchEnvironment(variables, tuple(sorted(hidden, key=len, reverse=True)))

    async def delete(self, name: str) -> bool:
        """Delete the branches of this name; return False if there are none."""
        named = [branch for branch in await self._api.branches() if branch.name == name]
        if any(branch.protected for branch in named):
            raise ProtectedBranchError(name)
        return any([await self._api.delete(branch) for branch in named])

    async def sweep(self, prefix: str, older_than: timedelta, *, dry_run: bool = False) -> Sweep:
        """Delete what ended jobs left behind; one that cannot be deleted does not stop the rest."""
        before = self._now() - older_than
        branches = await self._api.branches()
        found = [branch for branch in branches if _left_behind(branch, prefix, before)]
        failures: list[BranchError] = []
        for branch in [] if dry_run else found:
            try:
                await self.delete(branch.name)
            except BranchError as error:
                failures.append(error)
        return Sweep(found, failures)

    async def _wait(self, name: str, seconds: float) -> None:
        checks = [self._running, self._healthy, self._answering]
        await self._patience.until(name, [partial(check, name) for check in checks], seconds)

    async def _not_failed(self, name: str) -> Branch:
        branch = await self.find(name)
        if branch.failure:
            raise BranchFailedError(name, branch.failure)
        return branch

    async def _running(self, name: str) -> str | None:
        branch = await self._not_failed(name)
        if branch.preview_project_status == HEALTHY:
            return None
        return f"project: {branch.preview_project_status or branch.status}"

    async def _healthy(self, name: str) -> str | None:
        branch = await self._not_failed(name)
        services = await self._api.health(branch.project_ref)
        missing = [f"{item.name} {item.status}" for item in services if item.status != HEALTHY]
        if not services:
            return "services: none reported"
        return f"services: {', '.join(missing)}" if missing else None

    async def _answering(self, name: str) -> str | None:
        branch = await self._not_failed(name)
        owner = await self._owner_url(branch)
        await self._probe.select_one(owner.render_as_string(hide_password=False))
        await self._probe.signing_keys(self._platform.supabase_url(branch.project_ref))
        return None

    async def _owner_url(self, branch: Branch) -> URL:
        """Return the owner's address in session mode: the direct host has IPv6 alone."""
        ref = branch.project_ref
        detail = await self._api.detail(ref)
        pooler = _primary(branch.name, await self._api.poolers(ref))
        if detail.db_pass is None:
            raise BranchCredentialsError(branch.name, "database password")
        return URL.create(
            "postgresql",
            pooler.db_user,
            detail.db_pass.get_secret_value(),
            pooler.db_host,
            self._platform.session_port,
            pooler.db_name,
        )

    async def _shared_secret(self, branch: Branch) -> str:
        detail: BranchDetail = await self._api.detail(branch.project_ref)
        if detail.jwt_secret is None:
            raise BranchCredentialsError(branch.name, "JWT secret")
        return detail.jwt_secret.get_secret_value()

    async def _ephemeral(self, name: str) -> Branch:
        branch = await self.find(name)
        if branch.protected:
            raise ProtectedBranchError(name)
        return branch

    async def _clean_up(self, name: str) -> None:
        """Try to delete, and ignore failures: the error that led here is the one to report."""
        try:
            deleted = await self.delete(name)
        except BranchError as error:
            self._patience.report(f"{name} could not be deleted: {error}")
        else:
            self._patience.report(f"{name} deleted" if deleted else f"{name} is gone")


async def _tried(check: Check) -> str | None:
    """Return the error as text if waiting may help, so that it counts as still missing."""
    try:
        return await check()
    except (ProbeError, ApiUnavailableError) as error:
        return str(error)
    except ApiRefusedError as error:
        # A project that is just coming up is unknown (404) or not ready (400) to some services.
        if error.status in FORBIDDEN:
            raise
        return str(error)


def _left_behind(branch: Branch, prefix: str, before: datetime) -> bool:
    return (
        not branch.protected
        and bool(prefix)
        and branch.name.startswith(prefix)
        and branch.created_at <= before
    )


def _primary(name: str, poolers: list[PoolerConfig]) -> PoolerConfig:
    for pooler in poolers:
        if pooler.database_type == "PRIMARY":
            return pooler
    raise BranchCredentialsError(name, "pooler address")


def _pooled(role: str, owner: URL) -> str:
    """Supavisor finds the project by what follows the dot of the user name."""
    _, dot, tenant = (owner.username or "").partition(".")
    return f"{role}{dot}{tenant}"


def _key(name: str, keys: list[ApiKey], kind: str, legacy_name: str) -> str:
    current = [key for key in keys if key.type == kind]
    legacy = [key for key in keys if key.type in {None, "legacy"} and key.name == legacy_name]
    for key in [*sorted(current, key=lambda key: key.name != "default"), *legacy]:
        if key.api_key is not None:
            return key.api_key.get_secret_value()
    raise BranchCredentialsError(name, f"{kind} key")
