"""A value of another kind is another value, though to Python 3 equals 3.0, and 1 equals true."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.content.verifier.pack_verifier.reading import same
from tests.content.verifier.packs import Forged, refusal

Place = tuple[str | int, ...]
OTHER_KINDS: dict[str, Callable[[int | float], object]] = {
    "fraction": lambda number: float(number) if isinstance(number, int) else int(number),
    "text": str,
    "truth": bool,
    "list": lambda number: [number],
}


def numbers(value: object, place: Place = ()) -> Iterator[Place]:
    match value:
        case dict():
            for name, each in value.items():
                yield from numbers(each, (*place, name))
        case list():
            for index, each in enumerate(value):
                yield from numbers(each, (*place, index))
        case bool():
            pass
        case int() | float():
            yield place


def one_of_each(content: object) -> list[Place]:
    """Return the first number of each name, since all items of a list are read alike."""
    places = numbers(content)
    by_name = {tuple(step for step in it if isinstance(step, str)): it for it in places}
    return list(by_name.values())


def replaced(content: object, place: Place, change: Callable[[Any], object]) -> Any:
    changed: Any = copy.deepcopy(content)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = change(inner[place[-1]])
    return changed


def with_another_kind(pack: Forged, kind: str) -> Iterator[tuple[str, Place, Forged]]:
    for name in pack:
        if not name.endswith(".json") or name.startswith("content/"):
            continue
        content = json.loads(pack[name])
        for place in one_of_each(content):
            changed = Forged(pack)
            other = replaced(content, place, OTHER_KINDS[kind])
            if name == "manifest.json":
                changed[name] = json.dumps(other).encode()
            elif isinstance(other, list) and not name.startswith("outlines/"):
                changed.put(name, other)
                changed.tabulate(name.removesuffix(".json"))
                changed.state()
            else:
                changed[name] = json.dumps(other).encode()
                changed.state()
            yield name, place, changed


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_no_number_may_be_of_another_kind(everything: Forged, tmp_path: Path, kind: str) -> None:
    changed = list(with_another_kind(everything, kind))
    assert {
        "manifest.json",
        "records.json",
        "chains.json",
        "seals.json",
        "evidence.json",
        "rosters.json",
        "external_trainings.json",
    } <= {name for name, _, _ in changed}
    for _, _, pack in changed:
        assert refusal(pack, tmp_path)


@pytest.mark.parametrize("value", [7.0, "7", True, None, [7], 6, 8])
def test_a_format_is_a_whole_number(everything: Forged, tmp_path: Path, value: object) -> None:
    everything.state(format=value)
    assert refusal(everything, tmp_path) == "this verifier does not know the pack's format"


@pytest.mark.parametrize("size", [-1, -2, 3.0, True, "3", None])
def test_a_size_is_a_whole_number(everything: Forged, tmp_path: Path, size: object) -> None:
    files = everything.manifest["files"]
    everything.state(files={**files, "records.csv": {**files["records.csv"], "bytes": size}})
    assert refusal(everything, tmp_path) == "records.csv has no size in the manifest"


@pytest.mark.parametrize(("one", "other"), [(3, 3.0), (1, True), (0, False), ([1], [1.0])])
def test_equal_to_python_and_not_the_same(one: object, other: object) -> None:
    assert one == other
    assert not same(one, other)
    assert not same({"a": one}, {"a": other})


def test_the_same_in_another_order() -> None:
    assert same({"a": 1, "b": [{"c": 2, "d": None}]}, {"b": [{"d": None, "c": 2}], "a": 1})
