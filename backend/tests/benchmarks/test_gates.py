"""Each gate on a result is shown failing on a planted fault."""

from typing import Any

import pytest

from benchmarks import gates
from benchmarks.harness import Result, Round
from benchmarks.operations import CONTENT, Variant
from benchmarks.servers import Cpu


def result(
    *, ours_us: float = 500, unchanged_us: float = 200, failures: int = 0, **faults: Any
) -> Result:
    cpu: dict[Variant, Cpu] = {
        "limit": Cpu(200, 400),
        "served": Cpu(ours_us, 0),
        "unchanged": Cpu(unchanged_us, 0),
    }
    one = Round(cpu=cpu, failures=failures)
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


@pytest.mark.parametrize(("unchanged_us", "held"), [(235, True), (236, False)])
def test_each_goal_counts(unchanged_us: float, held: bool) -> None:  # noqa: FBT001  # expected
    assert gates.meets_goal(result(unchanged_us=unchanged_us)) is held


def test_less_than_a_tick_is_no_fault() -> None:
    assert gates.meets_goal(result(unchanged_us=0))
