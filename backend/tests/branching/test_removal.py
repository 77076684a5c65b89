"""Deleting and sweeping remove old branches that we made, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from branching import ApiRefusedError, ProtectedBranchError
from branching.branch import BranchService
from tests.branching.conftest import FakeTime
from tests.branching.management_api import Fault, MockManagementApi

NAME = "ci-7-1"


class TestDelete:
    async def test_removes_it(self, branches: BranchService, supabase: MockManagementApi) -> None:
        supabase.add(NAME)
        assert await branches.delete(NAME)
        assert supabase.names == ["main"]

    async def test_one_that_is_gone_is_fine(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        assert not await branches.delete(NAME)
        assert supabase.count("DELETE") == 0

    async def test_removes_all_of_the_name(
        self, branches: BranchService, supabase: MockManagementApi
    ) -> None:
        supabase.add(NAME)
        supabase.add(NAME)
        assert await branches.delete(NAME)
        assert supabase.names == ["main"]

    @pytest.mark.parametrize("changes", [{"is_default": True}, {"persistent": True}])
    async def test_never_a_protected_one(
        self, branches: BranchService, supabase: MockManagementApi, changes: dict[str, bool]
    ) -> None:
        supabase.add(NAME, **changes)
        with pytest.raises(ProtectedBranchError):
            await branches.delete(NAME)
        assert supabase.count("DELETE") == 0


class TestSweep:
    @pytest.fixture
    def left(self, supabase: MockManagementApi) -> MockManagementApi:
        old = datetime.now(UTC) - timedelta(hours=5)
        supabase.add("ci-1-1", created_at=old)
        supabase.add("ci-2-1", created_at=old)
        supabase.add("ci-3-1")
        supabase.add("ci-default", created_at=old, is_default=True)
        supabase.add("ci-persistent", created_at=old, persistent=True)
        supabase.add("staging", created_at=old)
        return supabase

    KEPT = ("main", "ci-3-1", "ci-default", "ci-persistent", "staging")

    async def test_removes_what_is_old_and_ours(
        self, branches: BranchService, left: MockManagementApi
    ) -> None:
        result = await branches.sweep("ci-", timedelta(hours=3))
        assert [branch.name for branch in result.found] == ["ci-1-1", "ci-2-1"]
        assert result.failures == []
        assert tuple(left.names) == self.KEPT

    async def test_a_dry_run_removes_nothing(
        self, branches: BranchService, left: MockManagementApi
    ) -> None:
        result = await branches.sweep("ci-", timedelta(hours=3), dry_run=True)
        assert [branch.name for branch in result.found] == ["ci-1-1", "ci-2-1"]
        assert left.count("DELETE") == 0

    async def test_the_branches_of_one_run(
        self, branches: BranchService, left: MockManagementApi
    ) -> None:
        left.add("ci-3-2")
        left.add("ci-31-1")
        await branches.sweep("ci-3-", timedelta(0))
        assert "ci-3-1" not in left.names
        assert "ci-3-2" not in left.names
        assert "ci-31-1" in left.names

    async def test_an_empty_prefix_matches_nothing(
        self, branches: BranchService, left: MockManagementApi
    ) -> None:
        assert (await branches.sweep("", timedelta(0))).found == []

    async def test_one_failure_does_not_stop_the_rest(
        self, branches: BranchService, left: MockManagementApi
    ) -> None:
        left.faults.append(Fault("DELETE", "/v1/branches/", 403))
        result = await branches.sweep("ci-", timedelta(hours=3))
        assert [type(failure) for failure in result.failures] == [ApiRefusedError]
        assert "ci-1-1" in left.names
        assert "ci-2-1" not in left.names

    async def test_one_that_became_persistent_meanwhile_stays(
        self, branches: BranchService, left: MockManagementApi, time: FakeTime
    ) -> None:
        first, second = left.branches[1], left.branches[2]
        left.faults.append(Fault("DELETE", first.project_ref, 500))

        async def become_persistent() -> None:
            second.persistent = True

        time.on_sleep = become_persistent
        result = await branches.sweep("ci-", timedelta(hours=3))
        assert [type(failure) for failure in result.failures] == [ProtectedBranchError]
        assert second in left.branches
        assert first not in left.branches
