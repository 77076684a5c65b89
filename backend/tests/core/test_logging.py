import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app.core.logging import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    output = captured.readouterr()
    assert output.out == ""
    return [json.loads(line) for line in output.err.splitlines()]


def logger(name: str) -> Any:
    return structlog.get_logger(name)


NASTY = (
    'a\r\nb\n{"level": "info", "event": "forged"}',
    "\u2028\u2029\x85\x0b\x0c\x1b[31m",
    "\x00",
    "\ud800",
    "\N{GRINNING FACE}",
)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_one_event_is_one_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    configure_logging("INFO")
    logger("app").info(text, value=text, nested={"deep": [text]})
    logging.getLogger("library").warning("said %s", text)
    output = capsys.readouterr().err
    assert output.count("\n") == 2
    assert "\r" not in output
    first, second = (json.loads(line) for line in output.split("\n")[:-1])
    assert (first["event"], first["nested"]["deep"]) == (text, [text])
    assert second["event"] == f"said {text}"


def test_lines_say_when_and_how_bad(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    logger("app").warning("slow_query", duration_ms=300)
    (line,) = lines(capsys)
    assert (line["level"], line["duration_ms"]) == ("warning", 300)
    assert line["timestamp"].endswith("Z")


def test_exceptions_are_named_without_their_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours and those of libraries, however they are handed over."""
    configure_logging("INFO")
    try:
        raise ValueError("canary")  # noqa: TRY301  # what is logged
    except ValueError as error:
        logger("app").exception("failed")
        logger("app").error("failed", exc_info=error)
        logging.getLogger("library").exception("failed")
        logging.getLogger("library").exception("failed", exc_info=error)
    logger("app").info("nothing failed", exc_info=True)
    *failed, nothing = lines(capsys)
    assert {line["kind"] for line in failed} == {"ValueError"}
    place = " test_exceptions_are_named_without_their_message"
    assert all(line["where"][-1].endswith(place) for line in failed)
    assert not [line for line in failed if "canary" in json.dumps(line)]
    assert nothing.keys().isdisjoint({"kind", "where", "exc_info"})


def test_the_request_id_is_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        logger("app").info("one")
        logging.getLogger("library").warning("two")
    assert [line["request_id"] for line in lines(capsys)] == ["r-1", "r-1"]


@pytest.mark.parametrize("value", [10**40, object(), {1: 2}, b"bytes", {"set"}])
def test_no_value_breaks_the_caller(capsys: pytest.CaptureFixture[str], value: object) -> None:
    configure_logging("INFO")
    logger("app").info("odd", value=value)
    (line,) = lines(capsys)
    assert "value" in line


def test_the_level_holds_for_us_and_for_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ERROR")
    logger("app").warning("hidden")
    logging.getLogger("library").warning("hidden")
    logger("app").error("shown")
    assert [line["event"] for line in lines(capsys)] == ["shown"]


@pytest.mark.parametrize("name", ["uvicorn.access", "httpx", "httpcore", "sqlalchemy.engine"])
def test_chatty_libraries_are_quiet(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """They would log URLs with tokens and statements with personal data."""
    configure_logging("INFO")
    logging.getLogger(name).info("GET /?token=canary")
    assert lines(capsys) == []


def test_people_get_lines_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", for_people=True)
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logger("app.access").info("request", status=200)
    logging.getLogger("a.library").warning("reconnecting")
    first, second = capsys.readouterr().err.splitlines()
    assert "request" in first
    assert "status=200" in first
    assert "request_id=r-1" in first
    assert "warning" in second
    assert "reconnecting" in second
    assert "{" not in first + second
