"""The life of a branch: every way in which it can end, and which branches must be left then."""

import asyncio
from collections import deque

import httpx
import pytest
from sqlalchemy.engine import make_url

from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import PoolerMode, parse_database_url
from branching import (
    ApiRefusedError,
    ApiUnavailableError,
    BranchCredentialsError,
    BranchFailedError,
    BranchNotFoundError,
    BranchTimeoutError,
    ManagementApi,
    ProtectedBranchError,
)
from branching.branch import BranchService, Patience, admit_api_role
from tests.branching.conftest import FakeProbe, FakeTime, Serve
from tests.branching.management_api import (
    JWT_SECRET,
    PARENT,
    PASSWORD,
    READY,
    STARTING,
    TOKEN,
    Fault,
    MockManagementApi,
)

NAME = "ci-7-1"


class TestCreate:
    async def test_an_outage_leaves_no_branch(
        self, branches: BranchService, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        """Every answer to the creation is lost, and the list is down until the attempts end."""
        supabase.faults.append(Fault("POST", "/branches$", 500, 5, carried_out=True))
        supabase.faults.append(Fault("GET", "/branches$", 503, 5))
        with pytest.raises(ApiUnavailableError):
            await branches.create(NAME)
        assert supabase.names == ["main"]

    async def test_cancelled_while_the_request_is_under_way(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        fault = Fault("POST", "/branches$", 500, carried_out=True, delay=0.01)
        supabase.faults.append(fault)
        creation = asyncio.create_task(branches.create(NAME))
        await fault.met.wait()
        assert NAME in supabase.names
        creation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creation
        assert supabase.names == ["main"]

    async def test_cancelled_before_the_request_is_carried_out(
        self, supabase: MockManagementApi, probe: FakeProbe, time: FakeTime, serve: Serve
    ) -> None:
        """The server carries out the request after its client has given it up."""
        fault = Fault("POST", "/branches$", 201, late=True, delay=0.2)
        supabase.faults.append(fault)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            serve(supabase.app()) as origin,
            httpx.AsyncClient(base_url=origin, headers=headers) as http,
        ):
            branches = BranchService(ManagementApi(http, PARENT, time.backoff()), probe)
            creation = asyncio.create_task(branches.create(NAME))
            await fault.met.wait()
            assert NAME not in supabase.names
            creation.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creation
        assert supabase.count("DELETE") == 1
        assert supabase.names == ["main"]

    async def test_does_not_take_up_a_protected_one(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        with pytest.raises(ProtectedBranchError):
            await branches.create("main")
        assert supabase.names == ["main"]


class TestWait:
    async def test_slow_health(
        self,
        branches: BranchService,
        supabase: MockManagementApi,
        probe: FakeProbe,
        said: list[str],
    ) -> None:
        supabase.add(
            NAME, states=deque([STARTING, STARTING, ("RUNNING_MIGRATIONS", "COMING_UP"), READY])
        )
        coming_up = {"auth": "COMING_UP", "db": "COMING_UP"}
        supabase.health = deque([coming_up, {"auth": "UNHEALTHY"}, {}])
        branch = await branches.wait(NAME)
        assert branch.preview_project_status == "ACTIVE_HEALTHY"
        assert said == [
            "project: COMING_UP",
            "services: auth COMING_UP, db COMING_UP",
            "services: auth UNHEALTHY",
        ]

    async def test_early_healthy(
        self,
        branches: BranchService,
        supabase: MockManagementApi,
        probe: FakeProbe,
        time: FakeTime,
    ) -> None:
        """All states say healthy while the database still refuses connections."""
        supabase.add(NAME)
        probe.refusals = 6
        await branches.wait(NAME)
        assert time.slept == [2, 4, 8, 15, 15, 15]
        assert len(probe.urls) == 8  # seven times the database, then Auth

    @pytest.mark.parametrize(
        "state",
        [
            ("MIGRATIONS_FAILED", "ACTIVE_HEALTHY"),
            ("FUNCTIONS_FAILED", "ACTIVE_HEALTHY"),
            ("CREATING_PROJECT", "INIT_FAILED"),
            ("MIGRATIONS_PASSED", "GOING_DOWN"),
            ("MIGRATIONS_PASSED", "REMOVED"),
            ("MIGRATIONS_PASSED", "INACTIVE"),
        ],
    )
    async def test_a_failure_ends_it_at_once(
        self,
        branches: BranchService,
        supabase: MockManagementApi,
        time: FakeTime,
        state: tuple[str, str],
    ) -> None:
        supabase.add(NAME, states=deque([STARTING, state]))
        with pytest.raises(BranchFailedError) as caught:
            await branches.wait(NAME, delete_on_failure=True)
        assert caught.value.state in state
        assert time.slept == [2]
        assert supabase.names == ["main"]

    async def test_a_failure_after_healthy_ends_it_too(
        self, branches: BranchService, supabase: MockManagementApi, probe: FakeProbe
    ) -> None:
        failed = ("FUNCTIONS_FAILED", "ACTIVE_HEALTHY")
        supabase.add(NAME, states=deque([READY, READY, READY, failed]))
        probe.refusals = 99
        with pytest.raises(BranchFailedError, match="FUNCTIONS_FAILED"):
            await branches.wait(NAME)
        assert NAME in supabase.names

    async def test_a_branch_that_vanishes_ends_it(
        self, branches: BranchService, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        branch = supabase.add(NAME, states=deque([STARTING]))

        async def vanish() -> None:
            supabase.branches.remove(branch)

        time.on_sleep = vanish
        with pytest.raises(BranchNotFoundError):
            await branches.wait(NAME)

    async def test_the_time_out_says_what_was_missing(
        self, branches: BranchService, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.add(NAME)
        supabase.health = deque([{"pooler": "COMING_UP"}])
        with pytest.raises(BranchTimeoutError) as caught:
            await branches.wait(NAME, seconds=100, delete_on_failure=True)
        assert caught.value.missing == "services: pooler COMING_UP"
        assert time.now == 100
        assert supabase.names == ["main"]

    @pytest.mark.parametrize("status", [500, 503, 429])
    async def test_outlasts_an_outage_of_the_api(
        self, branches: BranchService, supabase: MockManagementApi, status: int
    ) -> None:
        supabase.add(NAME)
        supabase.faults.append(Fault("GET", "/branches$", status, 7))
        supabase.faults.append(Fault("GET", "/health$", status, 7))
        await branches.wait(NAME)

    @pytest.mark.parametrize("status", [400, 404])
    async def test_outlasts_services_that_do_not_know_the_project_yet(
        self, branches: BranchService, supabase: MockManagementApi, status: int
    ) -> None:
        supabase.add(NAME)
        supabase.faults.append(Fault("GET", "/health$", status, 2))
        supabase.faults.append(Fault("GET", "/pooler$", status, 2))
        await branches.wait(NAME)

    async def test_a_withdrawn_token_ends_it(
        self, branches: BranchService, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.add(NAME)
        supabase.faults.append(Fault("GET", "/health$", 401, 99))
        with pytest.raises(ApiRefusedError, match="HTTP 401"):
            await branches.wait(NAME)
        assert time.slept == []

    async def test_cancelled(
        self, branches: BranchService, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.add(NAME, states=deque([STARTING]))
        waiting = asyncio.create_task(branches.wait(NAME, delete_on_failure=True))

        async def cancel() -> None:
            waiting.cancel()

        time.on_sleep = cancel
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert supabase.names == ["main"]

    async def test_a_deletion_that_fails_does_not_hide_the_reason(
        self, branches: BranchService, supabase: MockManagementApi, said: list[str]
    ) -> None:
        supabase.add(NAME, states=deque([("MIGRATIONS_FAILED", "ACTIVE_HEALTHY")]))
        supabase.faults.append(Fault("DELETE", "/v1/branches/", 403))
        with pytest.raises(BranchFailedError):
            await branches.wait(NAME, delete_on_failure=True)
        assert said[-1].startswith(f"{NAME} could not be deleted")


class TestEnvironment:
    async def test_uses_the_pooler_in_session_mode(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        ref = supabase.add(NAME).project_ref
        variables = (await branches.environment(NAME)).variables
        owner = make_url(variables["MIGRATION_DATABASE_URL"])
        role = make_url(variables["DATABASE_URL"])
        for url in (owner, role):
            assert (url.host, url.port) == ("aws-0-xx-test-1.pooler.supabase.com", 5432)
            assert parse_database_url(str(url)).mode is PoolerMode.SESSION
        assert (owner.username, owner.password) == (f"postgres.{ref}", PASSWORD)
        assert role.username == f"{API_ROLE}.{ref}"
        assert len(role.password or "") == 32
        assert variables["SUPABASE_URL"] == f"https://{ref}.supabase.co"
        assert variables["SUPABASE_PUBLISHABLE_KEY"] == "sb_publishable_mock"
        assert variables["SUPABASE_SECRET_KEY"] == "sb_secret_mock"
        assert "SUPABASE_JWT_SECRET" not in variables

    async def test_hides_every_credential(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        supabase.add(NAME)
        environment = await branches.environment(NAME)
        public = {"SUPABASE_URL"}
        for name, value in environment.variables.items():
            assert (value in environment.secrets) == (name not in public)
        role = make_url(environment.variables["DATABASE_URL"])
        assert {PASSWORD, role.password} <= set(environment.secrets)
        lengths = [len(value) for value in environment.secrets]
        assert lengths == sorted(lengths, reverse=True)
        assert PASSWORD not in repr(environment)

    async def test_a_project_with_a_shared_secret(
        self, branches: BranchService, supabase: MockManagementApi, probe: FakeProbe
    ) -> None:
        supabase.add(NAME)
        probe.keys = 0
        environment = await branches.environment(NAME)
        assert environment.variables["SUPABASE_JWT_SECRET"] == JWT_SECRET
        assert JWT_SECRET in environment.secrets

    async def test_falls_back_to_the_legacy_keys(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        supabase.add(NAME)
        supabase.keys = [
            {"name": "anon", "api_key": "legacy.anon"},
            {"name": "service_role", "type": "legacy", "api_key": "legacy.service"},
        ]
        variables = (await branches.environment(NAME)).variables
        assert variables["SUPABASE_PUBLISHABLE_KEY"] == "legacy.anon"
        assert variables["SUPABASE_SECRET_KEY"] == "legacy.service"

    async def test_a_token_that_may_not_read_credentials(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        supabase.add(NAME)
        supabase.detail_hidden = True
        with pytest.raises(BranchCredentialsError, match="database password"):
            await branches.environment(NAME)
        supabase.detail_hidden, supabase.keys = False, []
        with pytest.raises(BranchCredentialsError, match="publishable key"):
            await branches.environment(NAME)

    @pytest.mark.parametrize("changes", [{"is_default": True}, {"persistent": True}])
    async def test_gives_away_no_protected_branch(
        self, branches: BranchService, supabase: MockManagementApi, changes: dict[str, bool]
    ) -> None:
        supabase.add(NAME, **changes)
        with pytest.raises(ProtectedBranchError):
            await branches.environment(NAME)


class TestAdmitApiRole:
    OWNER = "postgresql://postgres.ref:owner@h.pooler.supabase.com:5432/postgres"
    ROLE = "postgresql://training_api.ref:its%2Fown@h.pooler.supabase.com:5432/postgres"

    async def test_waits_until_the_pooler_lets_the_role_in(
        self, probe: FakeProbe, time: FakeTime
    ) -> None:
        probe.refusals = 3
        patience = Patience(time.backoff())
        await admit_api_role(probe, patience, self.OWNER, self.ROLE, seconds=60)
        assert probe.passwords == {API_ROLE: "its/own"}
        assert probe.urls == [self.ROLE] * 4

    async def test_gives_up(self, probe: FakeProbe, time: FakeTime) -> None:
        probe.refusals = 99
        patience = Patience(time.backoff())
        with pytest.raises(BranchTimeoutError, match="ConnectionRefusedError"):
            await admit_api_role(probe, patience, self.OWNER, self.ROLE, seconds=60)
