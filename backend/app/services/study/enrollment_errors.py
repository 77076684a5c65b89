"""Why nobody enrolls, reports, signs or leaves just now."""

import uuid
from typing import Annotated, ClassVar

from pydantic import Field

from app.core.errors import AppError, ConflictError, ForbiddenError, NotFoundError
from app.domain.content.section_kind import CompletedBy, completed_otherwise


class PrerequisiteMissingError(ConflictError):
    code = "prerequisite_missing"
    title = "Other modules come first"
    members: ClassVar = {
        "module_ids": Annotated[
            list[uuid.UUID], Field(examples=[["0199f0d2-7c1e-7a3b-9d55-3f1f6f6b2a10"]])
        ]
    }

    def __init__(self, missing: list[uuid.UUID]) -> None:
        super().__init__(module_ids=[str(module_id) for module_id in missing])


class EnrollmentClosedError(ConflictError):
    code = "enrollment_closed"
    title = "This enrollment is no longer open"


class AssignedError(ForbiddenError):
    code = "assigned"
    detail = "Only a manager can withdraw an assigned training."


class CompletedOtherwiseError(ConflictError):
    """A report cannot complete the section."""


class QuizDecidesError(CompletedOtherwiseError):
    code = "quiz_decides"
    title = completed_otherwise(CompletedBy.ATTEMPT)


class SignatureRequiredError(CompletedOtherwiseError):
    code = "signature_required"
    title = completed_otherwise(CompletedBy.SIGNATURE)


class AttendanceRequiredError(CompletedOtherwiseError):
    code = "attendance_required"
    title = completed_otherwise(CompletedBy.ATTENDANCE)


class OwnEnrollmentError(ForbiddenError):
    code = "own_enrollment"
    detail = "Somebody else sets the date of yours."


class RuleDecidesError(ConflictError):
    code = "rule_decides"
    title = "The date comes from a requirement"
    detail = "Change the requirement, or grant an exemption from it."


class NoNewerVersionError(ConflictError):
    code = "no_newer_version"
    title = "No later version has changed materially"


class NotAnAcknowledgementError(ConflictError):
    code = "not_an_acknowledgement"
    title = "This section has nothing to sign"


def report_error(code: str) -> AppError:
    """Return the error that the database's progress function names."""
    match code:
        case "enrollment_not_found":
            return NotFoundError("enrollment")
        case "section_not_found":
            return NotFoundError("section")
        case "enrollment_closed":
            return EnrollmentClosedError()
        case _:
            kinds = CompletedOtherwiseError.__subclasses__()
            return next(kind for kind in kinds if kind.code == code)()
