"""Describes errors in the OpenAPI document: a schema for each code, by which clients narrow them.

Routes name the errors that only they answer with; what follows from an operation's form is added.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from app.core.auth.jwks import KeysUnavailableError
from app.core.auth.security import InvalidTokenError
from app.core.errors import (
    AppError,
    ForbiddenError,
    InvalidPayloadError,
    NotAuthenticatedError,
    NotFoundError,
    OverloadedError,
    PreconditionFailedError,
    PreconditionRequiredError,
)
from app.core.postgres.failure import DatabaseUnavailableError, ReadOnlyError
from app.core.problems import MEDIA_TYPE
from app.integrations.auth_admin import AuthLimitError, AuthUnavailableError
from app.routers.errors import NothingHereError
from app.routers.middleware.request import BodyTooLargeError
from app.services.answer import IdempotencyKeyReusedError
from app.services.base import MfaRequiredError
from app.services.people.user import AccountInUseError
from app.services.people.user_sync import (
    EmailInUseError,
    EmailMissingError,
    EmailNotAllowedError,
    EmailNotConfirmedError,
    UserInactiveError,
)

Schema: TypeAlias = dict[str, Any]
Refusal: TypeAlias = AppError | type[AppError]

_PREFIX = "#/components/schemas/"
_TITLES = {
    401: "No valid access token",
    403: "Signed in, but not allowed",
    404: "Not there, or not yours to see",
    409: "The state of the resource does not allow it",
    412: "If-Match does not name the current version",
    413: "The body is too large",
    422: "The request is not valid",
    428: "If-Match is missing",
    503: "Something that is needed is away, or there is too much to do: try again later",
}
_STATUS_NAMES = {
    304: "NotModified",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "TooLarge",
    422: "Invalid",
    428: "PreconditionRequired",
    503: "Unavailable",
}
# A first request makes or updates the caller's own row, whatever it asks for.
_SIGNED_IN = (
    NotAuthenticatedError,
    InvalidTokenError,
    ForbiddenError,
    UserInactiveError,
    EmailMissingError,
    EmailNotConfirmedError,
    EmailNotAllowedError,
    EmailInUseError,
    AccountInUseError,
    BodyTooLargeError,
    InvalidPayloadError,
    OverloadedError,
    DatabaseUnavailableError,
    ReadOnlyError,
    KeysUnavailableError,
    AuthUnavailableError,
    AuthLimitError,
)
_NOUNS = {
    "change_id": "employment_change",
    "evidence_id": "external_training",
    "hold_id": "legal_hold",
    "assignment_id": "assignment",
    "grant_id": "attempt_grant",
    "number": "version",
    "record_id": "training_record",
    "session_id": "live_session",
    "step_id": "corrective_step",
}
_named: dict[str, dict[int, Refusal]] = {}
"""The errors that were named, by schema and status. A few codes come with two."""


def refusals(*errors: Refusal) -> dict[int | str, Schema]:
    """Describe errors that do not follow from the operation's form."""
    return {status: _response(status, names) for status, names in _names(errors).items()}


def problems_of(path: str, method: str, operation: Schema) -> dict[str, Schema]:
    """Describe all errors of an operation: those that its route names, and the common ones."""
    common = _common(path, method, operation) if operation["security"] else ()
    names = _names(common)
    for status, response in operation["responses"].items():
        for reference in _references(response):
            names.setdefault(int(status), []).append(reference.removeprefix(_PREFIX))
    return {str(status): _response(status, names[status]) for status in names}


def name_of(status: str, response: Schema) -> str:
    """Name an answer after its status, and after what it may say beyond the common errors."""
    common = _names((*_SIGNED_IN, NothingHereError)).get(int(status), [])
    names = [reference.removeprefix(_PREFIX) for reference in _references(response)]
    own = [name.removesuffix("Problem") for name in names if name not in common]
    is_common = bool(common) and set(common) <= set(names)
    return "Or".join(own if own and not is_common else [_STATUS_NAMES[int(status)], *own])


def schemas() -> dict[str, Schema]:
    """Return the schemas of all errors that were named."""
    found: dict[str, Schema] = {}
    for name, errors in sorted(_named.items()):
        found[name] = _schema(name, errors, found)
    return found


def _common(path: str, method: str, operation: Schema) -> Iterator[Refusal]:
    parameters = {each["name"]: each for each in operation.get("parameters", [])}
    yield from _SIGNED_IN
    for name, parameter in parameters.items():
        if (parameter["in"] == "path" and "$ref" not in parameter["schema"]) or name == "user_id":
            yield NotFoundError(_NOUNS.get(name, name.removesuffix("_id")))
            yield NothingHereError
    if "/users/me" in path:
        yield NotFoundError("user")
    if method != "get":
        yield MfaRequiredError
    if method == "post":
        yield IdempotencyKeyReusedError
    if "If-Match" in parameters:
        yield PreconditionFailedError
        if parameters["If-Match"]["required"]:
            yield PreconditionRequiredError


def _names(errors: Iterable[Refusal]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for error in errors:
        name = "".join(word.title() for word in error.code.split("_")) + "Problem"
        _named.setdefault(name, {}).setdefault(error.status, error)
        found.setdefault(error.status, []).append(name)
    return found


def _response(status: int, names: Iterable[str]) -> Schema:
    references = [{"$ref": _PREFIX + name} for name in dict.fromkeys(names)]
    schema = {"oneOf": references} if len(references) > 1 else references[0]
    return {"description": _TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}


def _references(response: Schema) -> Iterator[str]:
    schema = response.get("content", {}).get(MEDIA_TYPE, {}).get("schema", {})
    yield from (each["$ref"] for each in schema.get("oneOf", [schema]) if each)


def _schema(name: str, errors: dict[int, Refusal], schemas: dict[str, Schema]) -> Schema:
    (status, error), *_ = errors.items()
    members = {member: _form(form, schemas) for member, form in error.members.items()}
    text: Schema = {"type": "string"}
    example = {member: schema["examples"][0] for member, schema in members.items()}
    fields: Schema = {
        "type": text | {"const": f"urn:problem:{error.code}"},
        "title": text | {"description": "What happened, always in the same words"},
        "status": {
            "type": "integer",
            "enum": sorted(errors),
            "description": "The status of the HTTP answer",
        },
        "detail": text | {"description": "What to tell a person"},
        "code": text | {"const": error.code},
        "request_id": text | {"description": "Names the request in the logs"},
        **members,
    }
    shown = {
        "type": f"urn:problem:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.detail or error.title,
        "code": error.code,
        "request_id": "0199f0d2-7c1e-7a3b-9d55-3f1f6f6b2a10",
    }
    return {
        "title": name,
        "description": error.detail or error.title,
        "type": "object",
        "required": list(fields),
        "properties": fields,
        "examples": [shown | example],
    }


def _form(form: Any, schemas: dict[str, Schema]) -> Schema:  # noqa: ANN401  # a type
    schema = TypeAdapter(form).json_schema(ref_template=_PREFIX + "{model}")
    schemas.update(schema.pop("$defs", {}))
    return schema
