"""What the workflows must never lose: no secrets for forks, and no branch left behind."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tools, its stubs do not

ROOT = Path(__file__).parents[3]
NAMES = ("supabase-branch.yml", "branch-sweeper.yml")
SECRETS = "${{ secrets."
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
UPKEEP = {"SUPABASE_ACCESS_TOKEN", "SUPABASE_PROJECT_REF"}


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text()
    parsed: dict[str, Any] = yaml.load(text, yaml.BaseLoader)  # noqa: S506  # strings alone
    return parsed


@pytest.fixture(params=NAMES)
def any_workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    return workflow(request.param)


@pytest.fixture
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = workflow("supabase-branch.yml")["jobs"]
    return found


def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in job["steps"] if item.get("name") == name)


def test_nothing_is_permitted_by_default(any_workflow: dict[str, Any]) -> None:
    assert any_workflow["permissions"] == {}
    assert "pull_request_target" not in any_workflow["on"]
    for job in any_workflow["jobs"].values():
        assert int(job["timeout-minutes"]) <= 45
        assert job["permissions"]["contents"] == "read"


def test_actions_are_pinned_by_commit(any_workflow: dict[str, Any]) -> None:
    used = [
        item["uses"]
        for job in any_workflow["jobs"].values()
        for item in job["steps"]
        if "uses" in item
    ]
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)


def test_secrets_stay_in_steps_of_jobs_with_the_environment(any_workflow: dict[str, Any]) -> None:
    for job in any_workflow["jobs"].values():
        shared = {key: value for key, value in job.items() if key != "steps"}
        assert SECRETS not in str(shared)
        if SECRETS in str(job):
            assert job["environment"] == "supabase-branch"
        for item in job["steps"]:
            assert SECRETS not in str(item.get("run"))
            assert SECRETS not in str(item.get("with"))


def test_forks_meet_no_secret(jobs: dict[str, Any]) -> None:
    with_secrets = {name for name, job in jobs.items() if SECRETS in str(job)}
    assert with_secrets == {"branch", "closed"}
    for name in with_secrets:
        assert SAME_REPOSITORY in jobs[name]["if"]


def test_the_tests_themselves_meet_no_upkeep_secret(jobs: dict[str, Any]) -> None:
    """The code under test runs in these steps; it needs the branch, not the account."""
    for name in ("Run the integration suite", "Migrate it and compare it with the models"):
        assert not UPKEEP & step(jobs["branch"], name).get("env", {}).keys()
    assert not UPKEEP & jobs["branch"]["env"].keys()


def test_the_branch_is_deleted_whatever_happens(jobs: dict[str, Any]) -> None:
    names = [item.get("name") for item in jobs["branch"]["steps"]]
    assert names.index("Delete the branch") > names.index("Run the integration suite")
    assert step(jobs["branch"], "Delete the branch")["if"] == "always()"
    assert "--delete-on-failure" in step(jobs["branch"], "Wait for it")["run"]


def test_a_run_is_cancelled_by_its_successor() -> None:
    concurrency = workflow("supabase-branch.yml")["concurrency"]
    assert "github.event.pull_request.number" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "true"


def test_the_sweeper_leaves_running_jobs_alone(jobs: dict[str, Any]) -> None:
    sweep = step(workflow("branch-sweeper.yml")["jobs"]["sweep"], "Sweep")["run"]
    minutes = re.search(r"--older-than (\d+)", sweep)
    assert minutes is not None
    assert int(minutes[1]) > int(jobs["branch"]["timeout-minutes"])
    assert "--prefix ci-" in sweep
    assert jobs["branch"]["env"]["BRANCH_NAME"].startswith("ci-")


class TestScripts:
    """The shell of two steps, with programs that write down how they were called."""

    @pytest.fixture
    def programs(self, tmp_path: Path) -> Path:
        for name, says in (("gh", "printf '11\\n22\\n'"), ("uv", "true")):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> "$0.log"\n{says}\n')
            program.chmod(0o755)
        return tmp_path

    def run(self, script: str, programs: Path, **environment: str) -> None:
        subprocess.run(  # noqa: S603  # our own script
            ["/bin/bash", "-e", "-c", script],
            cwd=programs,
            env={"PATH": f"{programs}:/usr/bin:/bin", **environment},
            check=True,
        )

    def test_a_closed_pull_request_is_swept_by_run(
        self, jobs: dict[str, Any], programs: Path
    ) -> None:
        script = step(jobs["closed"], "Delete the branches of its runs")["run"]
        self.run(script, programs, HEAD_REF="topic; rm -rf /")
        assert "--branch topic; rm -rf /" in (programs / "gh.log").read_text()
        swept = (programs / "uv.log").read_text().splitlines()
        assert [line.split("--prefix ")[1] for line in swept] == [
            "ci-11- --older-than 0",
            "ci-22- --older-than 0",
        ]

    @pytest.mark.parametrize(
        ("result", "said"), [("33 passed in 6 s\n", "33 passed"), (None, "did not run")]
    )
    def test_the_result_is_commented(
        self, jobs: dict[str, Any], programs: Path, result: str | None, said: str
    ) -> None:
        if result is not None:
            (programs / "result.txt").write_text(f"...\n{result}")
        script = step(jobs["branch"], "Comment the result")["run"]
        values = {"BRANCH_NAME": "ci-1-1", "JOB_STATUS": "success", "RUN_URL": "https://x"}
        self.run(script, programs, PULL_REQUEST="7", **values)
        comment = (programs / "gh.log").read_text()
        assert comment.startswith("gh pr comment 7 --body Supabase branch `ci-1-1`: **success**.")
        assert said in comment
