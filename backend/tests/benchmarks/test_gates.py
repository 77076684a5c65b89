"""Each gate on a result is shown failing on a planted fault."""

from typing import Any

import pytest

from benchmarks import gates
from benchmarks.harness import Result, Round
from benchmarks.operations import OPERATIONS
from benchmarks.servers import Cpu

CONTENT = next(each for each in OPERATIONS if each.name == "content")


def result(*, ours_us: float = 500, failures: int = 0, **faults: Any) -> Result:
    one = Round(cpu={"limit": Cpu(200, 400), "served": Cpu(ours_us, 0)}, failures=failures)
    return Result(CONTENT, [one], **{"round_trips": 2.0, "statements": 2.0, **faults})


def test_all_hold_at_the_goal() -> None:
    assert set(gates.of_result(result()).values()) == {True}


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        ("content: round trips", {"round_trips": 2.05}),
        ("content: statements", {"statements": 3.0}),
        ("content: every answer 2xx", {"failures": 1}),
    ],
)
def test_a_fault_fails_its_gate_alone(gate: str, fault: dict[str, Any]) -> None:
    found = gates.of_result(result(**fault))
    assert [name for name, held in found.items() if not held] == [gate]


@pytest.mark.parametrize(("ours_us", "held"), [(588, True), (589, False)])
def test_the_goal_has_a_margin(ours_us: float, held: bool) -> None:  # noqa: FBT001  # expected
    assert gates.meets_goal(result(ours_us=ours_us)) is held
