"""The database gives evidence its time: nothing that writes rows reads this process's clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app

APP = Path(app.__path__[0])
LAYERS = ("domain", "models", "schemas", "repositories", "services", "routers")
CLOCKS = {"now", "utcnow", "today", "time", "utc_now"}
OWNERS = {"datetime", "date", "time", "dt", "clock"}
# The expiry of a link, which is sent to the client and not stored.
TOLD = {"services/content/media.py"}


def asked(source: str) -> Iterator[str]:
    """Yield each use of the process's clock: `datetime.now(...)`, `utc_now`, and the like."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            owner = ast.unparse(node.value).rpartition(".")[2]
            if owner in OWNERS:
                yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.Name) and node.id == "utc_now":
            yield node.id


@pytest.mark.full
def test_nobody_asks_the_process_for_the_time() -> None:
    files = [path for layer in LAYERS for path in (APP / layer).rglob("*.py")]
    assert len(files) > 100
    found = {str(path.relative_to(APP)) for path in files if list(asked(path.read_text()))}
    assert found == TOLD


@pytest.mark.parametrize(
    "source",
    [
        "at = datetime.now(UTC)",
        "at = datetime.datetime.utcnow()",
        "mapped_column(default=datetime.now)",
        "day = date.today()",
        "stamp = time.time()",
        "stamp = utc_now()",
    ],
)
def test_would_be_seen(source: str) -> None:
    assert list(asked(source))


def test_other_questions_are_free() -> None:
    assert not list(asked("row.time; uow.now(); time.perf_counter(); reports.today()"))
