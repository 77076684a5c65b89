"""The client of the Management API: retries, refusals, and answers that are lost."""

import httpx
import pytest

from branching import (
    ApiRefusedError,
    ApiUnavailableError,
    Branch,
    ManagementApi,
)
from tests.branching.conftest import FakeTime
from tests.branching.management_api import PARENT, TOKEN, Fault, MockManagementApi

BRANCHES = "/branches$"


class TestCreate:
    async def test_makes_an_ephemeral_branch(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        branch = await api.create("ci-1-1")
        assert branch.name == "ci-1-1"
        assert not branch.protected
        assert supabase.names == ["main", "ci-1-1"]

    @pytest.mark.parametrize("carried_out", [False, True])
    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    async def test_repeats_without_making_a_second_one(
        self, api: ManagementApi, supabase: MockManagementApi, status: int, *, carried_out: bool
    ) -> None:
        supabase.faults.append(Fault("POST", BRANCHES, status, 2, carried_out))
        branch = await api.create("ci-1-1")
        assert branch.name == "ci-1-1"
        assert supabase.names == ["main", "ci-1-1"]

    async def test_gives_up_after_five_attempts(
        self, api: ManagementApi, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.faults.append(Fault("POST", BRANCHES, 500, 99))
        with pytest.raises(ApiUnavailableError, match="no answer in 5 attempts"):
            await api.create("ci-1-1")
        assert supabase.count("POST") == 5
        assert time.slept == [1, 2, 4, 8]

    async def test_takes_up_the_branch_of_an_earlier_attempt(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        earlier = supabase.add("ci-1-1")
        assert str((await api.create("ci-1-1")).id) == earlier.id

    async def test_says_why_it_was_refused(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        body = {"message": "Branching is not enabled"}
        supabase.faults.append(Fault("POST", BRANCHES, 422, body=body))
        with pytest.raises(ApiRefusedError, match="HTTP 422 Branching is not enabled"):
            await api.create("ci-1-1")
        assert supabase.count("POST") == 1

    async def test_a_conflict_without_such_a_branch_is_a_refusal(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        supabase.faults.append(Fault("POST", BRANCHES, 409))
        with pytest.raises(ApiRefusedError, match="HTTP 409"):
            await api.create("ci-1-1")


class TestRetries:
    async def test_waits_as_long_as_the_server_asks(
        self, api: ManagementApi, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.faults.append(Fault("GET", BRANCHES, 429, headers={"Retry-After": "17"}))
        supabase.faults.append(Fault("GET", BRANCHES, 429, headers={"X-RateLimit-Reset": "40"}))
        supabase.faults.append(Fault("GET", BRANCHES, 503, headers={"X-RateLimit-Reset": "40"}))
        await api.branches()
        assert time.slept == [17, 40, 4]

    async def test_waits_a_minute_at_most(
        self, api: ManagementApi, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        supabase.faults.append(Fault("GET", BRANCHES, 429, headers={"Retry-After": "86400"}))
        await api.branches()
        assert time.slept == [60]

    @pytest.mark.parametrize("status", [400, 401, 403])
    async def test_does_not_repeat_what_was_refused(
        self, api: ManagementApi, supabase: MockManagementApi, status: int
    ) -> None:
        supabase.faults.append(Fault("GET", BRANCHES, status))
        with pytest.raises(ApiRefusedError) as caught:
            await api.branches()
        assert caught.value.status == status
        assert len(supabase.seen) == 1

    async def test_repeats_after_a_broken_connection(
        self, supabase: MockManagementApi, time: FakeTime
    ) -> None:
        broken = [httpx.ConnectError("no route"), httpx.ReadTimeout("too slow")]
        inner = httpx.ASGITransport(supabase.app())

        async def handle(request: httpx.Request) -> httpx.Response:
            if broken:
                raise broken.pop()
            return await inner.handle_async_request(request)

        async with httpx.AsyncClient(
            transport=httpx.MockTransport(handle),
            base_url="http://management",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as http:
            listed = await ManagementApi(http, PARENT, time.backoff()).branches()
        assert [branch.name for branch in listed] == ["main"]


class TestAnswers:
    async def test_a_wrong_token_is_refused(self, supabase: MockManagementApi) -> None:
        transport = httpx.ASGITransport(supabase.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
            with pytest.raises(ApiRefusedError, match="HTTP 401 Unauthorized"):
                await ManagementApi(http, PARENT).branches()

    async def test_an_unexpected_answer_does_not_show_its_values(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        body = {"ref": ["not text"], "db_pass": {"value": "a secret"}}
        supabase.faults.append(Fault("GET", "/v1/branches/", 200, body=body))
        with pytest.raises(ApiRefusedError, match=r"unexpected answer \(db_pass, ref\)") as caught:
            await api.detail("x" * 20)
        assert "a secret" not in str(caught.value)

    async def test_a_state_that_is_new_to_us_is_read(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        resource = {**supabase.branches[0].resource(), "status": "BRAND_NEW"}
        supabase.faults.append(Fault("GET", BRANCHES, 200, body=[resource]))
        assert [branch.failure for branch in await api.branches()] == [None]


class TestDelete:
    async def _made(self, api: ManagementApi) -> Branch:
        return await api.create("ci-1-1")

    async def test_removes_the_branch(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        assert await api.delete(await self._made(api))
        assert supabase.names == ["main"]

    async def test_one_that_is_gone_is_fine(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        branch = await self._made(api)
        await api.delete(branch)
        assert not await api.delete(branch)

    async def test_a_lost_answer_is_asked_for_again(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        branch = await self._made(api)
        supabase.faults.append(Fault("DELETE", "/v1/branches/", 500, carried_out=True))
        assert not await api.delete(branch)
        assert supabase.names == ["main"]

    async def test_says_why_it_was_refused(
        self, api: ManagementApi, supabase: MockManagementApi
    ) -> None:
        branch = await self._made(api)
        supabase.faults.append(Fault("DELETE", "/v1/branches/", 403))
        with pytest.raises(ApiRefusedError, match="HTTP 403"):
            await api.delete(branch)
