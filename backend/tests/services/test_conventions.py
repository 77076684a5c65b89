"""What holds for every service, read from their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import app.services

ROOT = Path(app.services.__path__[0])
OF_SESSIONS = {"session", "flush", "refresh", "expire", "expunge", "merge", "no_autoflush"}
"""Methods of sessions, which only repositories and the unit of work may call."""


def services() -> Iterator[Path]:
    return (path for path in ROOT.rglob("*.py") if path.name != "unit_of_work.py")


def session_uses(source: str) -> list[str]:
    attributes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    return [f"{node.attr}, line {node.lineno}" for node in attributes if node.attr in OF_SESSIONS]


def test_sessions_are_private_to_repositories() -> None:
    found = {str(path.relative_to(ROOT)): session_uses(path.read_text()) for path in services()}
    assert {name: uses for name, uses in found.items() if uses} == {}


def test_a_use_of_the_session_would_be_seen() -> None:
    assert session_uses("await uow.users.session.flush()") == ["flush, line 1", "session, line 1"]
