from http import HTTPStatus
from typing import Any

import httpx

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the shape that every error has (RFC 9457), and return it."""
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.keys() >= MEMBERS
    assert problem["status"] == status
    assert problem["type"] == f"urn:problem:{code}"
    assert problem["request_id"] == response.headers["X-Request-Id"]
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        assert problem["errors"]
        members = [error.keys() - {"near"} for error in problem["errors"]]
        assert all(member == {"pointer", "code", "detail"} for member in members)
    return problem


def assert_anonymous(response: httpx.Response) -> None:
    assert_problem(response, 401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def pointers(response: httpx.Response) -> list[tuple[str, str]]:
    """Return (pointer, code) of each fault of a 422."""
    assert response.status_code == 422, response.text
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]
