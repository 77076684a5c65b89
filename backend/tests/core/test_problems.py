import pytest

from app.core.errors import (
    AppError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
    NotAuthenticatedError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    UnavailableError,
    pointer_to,
)
from app.core.problems import problem


class TakenError(ConflictError):
    code = "taken"
    title = "Taken"


class AwayError(UnavailableError):
    code = "away"
    title = "Away"
    retry_after_seconds = 5


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAuthenticatedError(), 401, "not_authenticated"),
        (ForbiddenError(), 403, "forbidden"),
        (NotFoundError("training_record"), 404, "training_record_not_found"),
        (TakenError(), 409, "taken"),
        (PreconditionFailedError(), 412, "precondition_failed"),
        (InvalidPayloadError([]), 422, "invalid_payload"),
        (PreconditionRequiredError(), 428, "precondition_required"),
        (AwayError(), 503, "away"),
    ],
)
def test_members_of_rfc_9457(error: AppError, status: int, code: str) -> None:
    document = problem(error, "request-1")
    assert document["type"] == f"urn:problem:{code}"
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == "request-1"
    assert document["title"]
    assert document["detail"]


def test_detail_repeats_the_title_where_nothing_else_is_known() -> None:
    assert problem(NotFoundError("training_record"), None)["detail"] == (
        "There is no such training record"
    )


def test_extra_members() -> None:
    document = problem(TakenError(module_ids=["1"]), None)
    assert document["module_ids"] == ["1"]


def test_faults_name_the_place_and_not_the_value() -> None:
    error = InvalidPayloadError([FieldError("/title", "too_long", "At most 200 characters")])
    assert problem(error, None)["errors"] == [
        {"pointer": "/title", "code": "too_long", "detail": "At most 200 characters"}
    ]


def test_headers_that_clients_act_on() -> None:
    assert NotAuthenticatedError().headers == {"WWW-Authenticate": "Bearer"}
    assert AwayError().headers == {"Retry-After": "5"}
    assert ForbiddenError().headers == {}


def test_pointers_are_escaped() -> None:
    assert pointer_to("sections", 0, "a/b~c") == "/sections/0/a~1b~0c"
    assert pointer_to() == ""
