"""An enrollment in the form in which the API shows it, as a plain dictionary.

Building models for a page of enrollments takes several times as long as the statement
(docs/performance.md). Tests compare the dictionaries with `EnrollmentRead`.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, TypeAlias

from sqlalchemy import Integer, literal_column

from app.domain.people.display_name import display_name
from app.models import Enrollment, ModuleVersion, User

EnrollmentItem: TypeAlias = dict[str, Any]


def superseded_by(enrollment: str, version: str) -> str:
    """Return the module's current version, if one after the own has changed materially."""
    return f"""
    CASE WHEN {enrollment}.status = 'active' THEN (
        SELECT current.number
          FROM training_modules m JOIN module_versions current ON current.id = m.current_version_id
         WHERE m.id = {enrollment}.module_id AND m.status = 'published' AND m.deleted_at IS NULL
           AND current.id <> {version}.id AND EXISTS (
               SELECT 1 FROM module_versions newer
                WHERE newer.module_id = m.id AND newer.number > {version}.number
                  AND newer.material_change)) END"""  # noqa: S608  # made of constants


# For statements on the driver, over `enrollments e` of the caller and `module_versions v`. The ids
# are cast to text because the driver returns UUIDs of a subclass that orjson refuses.
ITEM = f"""
    e.id::text, e.user_id::text, (SELECT full_name FROM caller), (SELECT email FROM caller),
    e.module_id::text, v.title,
    v.category, v.number, e.status, e.source, e.progress_percent, e.due_on, e.enrolled_at,
    e.completed_at,
    {superseded_by("e", "v")} AS superseded_by
"""  # noqa: S608  # made of constants

# The same columns for statements in a session.
ITEM_COLUMNS = (
    Enrollment.id,
    Enrollment.user_id,
    User.full_name,
    User.email,
    Enrollment.module_id,
    ModuleVersion.title,
    ModuleVersion.category,
    ModuleVersion.number,
    Enrollment.status,
    Enrollment.source,
    Enrollment.progress_percent,
    Enrollment.due_on,
    Enrollment.enrolled_at,
    Enrollment.completed_at,
    literal_column(superseded_by("enrollments", "module_versions"), Integer),
)


def enrollment_etag(status: str, source: str, due_on: date | None) -> str:
    """Return the ETag of what managers change. A learner's progress does not change it."""
    return f'"{status}.{source}.{due_on}"'


def enrollment_item(row: Iterable[Any]) -> EnrollmentItem:
    (
        enrollment_id,
        user_id,
        full_name,
        email,
        module_id,
        title,
        category,
        version,
        status,
        source,
        percent,
        due_on,
        enrolled_at,
        completed_at,
        superseded_by,
    ) = row
    return {
        "etag": enrollment_etag(status, source, due_on),
        "id": enrollment_id,
        "user_id": user_id,
        "user": {"id": user_id, "display_name": display_name(full_name, email)},
        "module": {"id": module_id, "title": title, "category": category},
        "version": version,
        "status": status,
        "source": source,
        "progress_percent": percent,
        "due_on": due_on,
        "enrolled_at": enrolled_at,
        "completed_at": completed_at,
        "superseded_by": superseded_by,
    }
