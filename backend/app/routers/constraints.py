"""Errors for requests that pass all checks and then violate a constraint of the database.

That happens when another request changes the same rows between the checks and the commit.
"""

from collections.abc import Callable

from sqlalchemy.exc import IntegrityError

from app.core.errors import (
    AppError,
    InvalidPayloadError,
    PreconditionFailedError,
)
from app.core.postgres.failure import constraint_name
from app.services.base import EntryMergedError
from app.services.compliance.exemption import AlreadyRevokedError
from app.services.compliance.incident import IncidentWithdrawnError, StepDoneError
from app.services.compliance.requirement import RequirementTitleTakenError
from app.services.content.question import QuestionExistsError
from app.services.evidence.external_evidence import AlreadyWithdrawnError
from app.services.outreach.job import JobNotGivenUpError
from app.services.people.location import LocationNameTakenError
from app.services.people.merge.service import AlreadyMergedError
from app.services.people.user import (
    AccountInUseError,
    EmployeeNumberTakenError,
    LastAdminError,
)
from app.services.people.user_sync import EmailInUseError
from app.services.people.word import WordTakenError
from app.services.study.attempt_errors import AttemptStartedError


def _gone(pointer: str, noun: str) -> Callable[[], AppError]:
    code, detail = f"unknown_{noun}", f"This {noun} was removed meanwhile"
    return lambda: InvalidPayloadError.at(pointer, code, detail)


def _name_required() -> AppError:
    detail = "Whoever has no e-mail address is known by name"
    return InvalidPayloadError.at("/full_name", "name_required", detail)


ERRORS: dict[str, Callable[[], AppError]] = {
    "uq_users_email_active": EmailInUseError,
    "uq_users_employee_number_active": EmployeeNumberTakenError,
    "uq_users_supabase_id": AccountInUseError,
    "uq_departments_name": WordTakenError,
    "ck_users_email": _name_required,
    "last_admin": LastAdminError,
    "uq_quiz_attempts_open": AttemptStartedError,
    "uq_quiz_attempts_enrollment_id_section_id_number": AttemptStartedError,
    "uq_exemption_revocations_exemption_id": AlreadyRevokedError,
    "uq_incident_withdrawals_incident_id": IncidentWithdrawnError,
    "uq_corrective_step_completions_step_id": StepDoneError,
    "uq_evidence_withdrawals_evidence_id": AlreadyWithdrawnError,
    "uq_module_teachings_module_id": PreconditionFailedError,
    "uq_retention_periods_retention_class": PreconditionFailedError,
    "pk_quiz_questions": QuestionExistsError,
    "uq_locations_name_live": LocationNameTakenError,
    "uq_requirements_title_live": RequirementTitleTakenError,
    "ck_users_merged": EntryMergedError,
    "uq_merges_merged_id": AlreadyMergedError,
    "refuse_merged_person": EntryMergedError,
    "jobs_unique_dedupe_key": JobNotGivenUpError,
    "uq_positions_position_id_number": PreconditionFailedError,
    "fk_positions_manager_id": _gone("/manager_id", "manager"),
    "fk_users_location_id": _gone("/location_id", "location"),
    "fk_users_manager_id": _gone("/manager_id", "manager"),
    "fk_manager_changes_manager_id": _gone("/manager_id", "manager"),
    "fk_location_managers_user_id": _gone("/manager_ids", "user"),
    "fk_module_prerequisites_requires_id": _gone("/prerequisite_ids", "module"),
}


def error_for(error: IntegrityError) -> AppError | None:
    """Return the error of a known constraint. An unknown one is a bug and is answered with 500."""
    make = ERRORS.get(constraint_name(error) or "")
    return None if make is None else make()
