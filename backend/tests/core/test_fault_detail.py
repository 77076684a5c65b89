"""The words of faults are for whoever sends JSON."""

import re
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.core.errors import fault_detail

PYTHON = re.compile(r"tuple|frozenset|\bset\b|dictionary|instance|dataclass|iterable|after valid")


class Named(BaseModel):
    name: str


@pytest.mark.parametrize(
    "kind", [tuple[str, ...], list[str], dict[str, str], set[str], frozenset[str], Named]
)
def test_speak_of_json(kind: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(1)
    (error,) = raised.value.errors()
    assert not PYTHON.search(fault_detail(error["type"], error["msg"]))
