"""The workflows give no secrets to forks and leave no branch behind."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tools, its stubs do not

ROOT = Path(__file__).parents[3]
NAMES = ("ci.yml", "supabase-branch.yml", "branch-sweeper.yml")
SECRETS = "${{ secrets."
UPKEEP = {"SUPABASE_ACCESS_TOKEN", "SUPABASE_PROJECT_REF"}
BASE = "${{ github.event.pull_request.base.sha }}"


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


def checkouts(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in job["steps"] if item.get("uses", "").startswith("actions/checkout@")]


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
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)


def test_secrets_stay_in_steps_of_jobs_with_the_environment(any_workflow: dict[str, Any]) -> None:
    for job in any_workflow["jobs"].values():
        shared = {key: value for key, value in job.items() if key != "steps"}
        assert SECRETS not in str(shared)
        if SECRETS in str(job):
            assert job["environment"].startswith("supabase-branch")
        for item in job["steps"]:
            assert SECRETS not in str(item.get("run"))
            assert SECRETS not in str(item.get("with"))


def test_who_is_given_no_secrets_is_told_why(jobs: dict[str, Any]) -> None:
    reason = step(jobs["decide"], "Say why there is none")["env"]["REASON"]
    assert "head.repo.full_name != github.repository" in reason
    assert "pull_request.user.login == 'dependabot[bot]'" in reason
    assert "pull_request.draft" in reason
    for name, job in jobs.items():
        if SECRETS in str(job) and name != "suite":
            assert "needs.decide.outputs.reason == ''" in job["if"]
    assert jobs["suite"]["needs"] == "create"


def test_the_account_s_token_is_where_the_base_s_code_runs(jobs: dict[str, Any]) -> None:
    """A process of the pull request's code could read whatever its job was given."""
    for job in jobs.values():
        if any(name in str(job) for name in UPKEEP):
            assert job["environment"] == "supabase-branch"
            assert [item["with"]["ref"] for item in checkouts(job)] == [BASE]


def test_the_tests_themselves_meet_what_opens_the_branch_alone(jobs: dict[str, Any]) -> None:
    assert re.findall(r"secrets\.(\w+)", str(jobs["suite"])) == ["BRANCH_HANDOVER_KEY"]
    assert jobs["suite"]["environment"] == "supabase-branch-tests"
    assert all("ref" not in item["with"] for item in checkouts(jobs["suite"]))


def test_the_branch_is_deleted_whatever_happens(jobs: dict[str, Any]) -> None:
    assert {"create", "suite"} <= set(jobs["delete"]["needs"])
    assert jobs["delete"]["if"].startswith("always() && ")
    assert "--delete-on-failure" in step(jobs["create"], "Create it and wait for it")["run"]


def test_ci_runs_on_every_python_that_is_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    classified = re.findall(r"Python :: (3\.\d+)", str(project["classifiers"]))
    quick = workflow("ci.yml")["jobs"]["quick"]
    assert quick["strategy"]["matrix"]["python"] == classified
    assert project["requires-python"] == f">={classified[0]}"


def test_one_version_of_each_dependency_runs_on_all_of_them() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    names = [package["name"] for package in lock["package"]]
    assert sorted(names) == sorted(set(names))


def test_commits_of_main_are_each_checked() -> None:
    ci = workflow("ci.yml")
    assert {"push", "pull_request", "merge_group"} == ci["on"].keys()
    assert "github.sha" in ci["concurrency"]["group"]
    assert ci["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


@pytest.mark.parametrize(
    ("changed", "asks"),
    [
        ("backend/app/main.py", True),
        ("backend/alembic/versions/0001_create_tables.py", True),
        ("supabase/config.toml", True),
        ("uv.lock", True),
        ("pyproject.toml", True),
        (".github/workflows/supabase-branch.yml", True),
        ("docs/api.md", False),
        ("README.md", False),
    ],
)
def test_what_could_change_the_result_asks_for_a_branch(changed: str, asks: bool) -> None:  # noqa: FBT001  # a parameter of the cases
    pull_request = workflow("supabase-branch.yml")["on"]["pull_request"]
    assert (ROOT / changed).exists()
    # In these globs `**` at the end stands for whatever is below, as `*` does for fnmatch.
    assert any(fnmatch(changed, path) for path in pull_request["paths"]) is asks
    assert {"opened", "synchronize", "reopened", "ready_for_review"} <= set(pull_request["types"])


def test_a_run_is_cancelled_by_its_successor() -> None:
    concurrency = workflow("supabase-branch.yml")["concurrency"]
    assert "github.event.pull_request.number" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "true"


def test_the_sweeper_leaves_running_jobs_alone(jobs: dict[str, Any]) -> None:
    sweep = step(workflow("branch-sweeper.yml")["jobs"]["sweep"], "Sweep")["run"]
    minutes = re.search(r"--older-than (\d+)", sweep)
    assert minutes is not None
    together = sum(int(jobs[name]["timeout-minutes"]) for name in ("create", "suite", "delete"))
    assert int(minutes[1]) > together
    assert "--prefix ci-" in sweep
    assert jobs["create"]["env"]["BRANCH_NAME"].startswith("ci-")


class TestScripts:
    """The shell of the steps, with programs that write down how they were called."""

    @pytest.fixture
    def programs(self, tmp_path: Path) -> Path:
        for name, says in (("gh", "printf '11\\n22\\n'"), ("uv", "true")):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> "$0.log"\n{says}\n')
            program.chmod(0o755)
        return tmp_path

    def run(self, script: str, programs: Path, **environment: str) -> str:
        return subprocess.run(  # noqa: S603  # our own script
            ["/bin/bash", "-e", "-o", "pipefail", "-c", script],
            cwd=programs,
            env={"PATH": f"{programs}:/usr/bin:/bin", **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

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
        ("summary", "said"), [("33 passed in 6 s", "33 passed"), ("", "did not run")]
    )
    def test_the_result_is_commented(
        self, jobs: dict[str, Any], programs: Path, summary: str, said: str
    ) -> None:
        script = step(jobs["delete"], "Comment the result")["run"]
        values = {"BRANCH_NAME": "ci-1-1", "RESULT": "success", "RUN_URL": "https://x"}
        self.run(script, programs, PULL_REQUEST="7", SUMMARY=summary, **values)
        comment = (programs / "gh.log").read_text()
        assert comment.startswith("gh pr comment 7 --body Supabase branch `ci-1-1`: **success**.")
        assert said in comment

    def test_what_opens_the_branch_is_handed_over_sealed(
        self, jobs: dict[str, Any], programs: Path
    ) -> None:
        said = "DATABASE_URL=postgresql://a:p=1@h/d\nSUPABASE_URL=https://x.supabase.co\n"
        # The driver would write this file; here a small program does it instead.
        (programs / "uv").write_text(f"#!/bin/sh\nprintf '{said}' > branch.env\n")
        key = {"HANDOVER_KEY": "between two jobs"}
        outputs, variables = programs / "outputs", programs / "variables"
        seal = step(jobs["create"], "Seal what opens it")["run"]
        self.run(seal, programs, GITHUB_OUTPUT=str(outputs), **key)
        sealed = outputs.read_text().removeprefix("sealed=").strip()
        assert "postgresql" not in sealed
        unseal = step(jobs["suite"], "Open what was sealed, masked")["run"]
        hidden = self.run(unseal, programs, GITHUB_ENV=str(variables), SEALED=sealed, **key)
        assert variables.read_text() == said
        assert hidden.splitlines() == [
            "::add-mask::postgresql://a:p=1@h/d",
            "::add-mask::https://x.supabase.co",
        ]

    @pytest.mark.parametrize(("failures", "code", "creations"), [(0, 0, 1), (2, 0, 3), (3, 1, 3)])
    def test_provisioning_is_tried_again(
        self,
        jobs: dict[str, Any],
        programs: Path,
        failures: int,
        code: int,
        creations: int,
    ) -> None:
        driver = programs / ".venv" / "bin" / "python"
        driver.parent.mkdir(parents=True)
        driver.write_text(
            '#!/bin/sh\necho "$3" >> calls\n'
            f'[ "$3" = create ] || [ "$(grep -c wait calls)" -gt {failures} ]\n'
        )
        (programs / "sleep").write_text("#!/bin/sh\n")
        for program in (driver, programs / "sleep"):
            program.chmod(0o755)
        script = step(jobs["create"], "Create it and wait for it")["run"]
        if code:
            with pytest.raises(subprocess.CalledProcessError):
                self.run(script, programs)
        else:
            self.run(script, programs)
        assert (programs / "calls").read_text().splitlines().count("create") == creations
