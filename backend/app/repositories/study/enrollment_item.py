"""An enrollment in the form in which the API shows it, as a plain dictionary.

Building models for a page of enrollments takes several times as long as the statement
(docs/performance.md). Tests compare the dictionaries with `EnrollmentRead`.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from app.models import Enrollment, ModuleVersion

EnrollmentItem: TypeAlias = dict[str, Any]

# For statements on the driver, over `enrollments e` and `module_versions v`. The ids are cast to
# text because the driver returns UUIDs of a subclass that orjson refuses.
ITEM = """
    e.id::text, e.user_id::text, e.module_id::text, v.title, v.category, v.number, e.status,
    e.source, e.progress_percent, e.due_on, e.enrolled_at, e.completed_at
"""

# The same columns for statements in a session.
ITEM_COLUMNS = (
    Enrollment.id,
    Enrollment.user_id,
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
)


def enrollment_item(row: Iterable[Any]) -> EnrollmentItem:
    (
        enrollment_id,
        user_id,
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
    ) = row
    return {
        "id": enrollment_id,
        "user_id": user_id,
        "module": {"id": module_id, "title": title, "category": category},
        "version": version,
        "status": status,
        "source": source,
        "progress_percent": percent,
        "due_on": due_on,
        "enrolled_at": enrolled_at,
        "completed_at": completed_at,
    }
