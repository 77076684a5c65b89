"""An enrollment in the form in which the API shows it, whichever statement read it.

As plain values: for a page of them, models cost several times what the statement does
(docs/performance.md). Tests hold them against `EnrollmentRead`.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from app.models import Enrollment, ModuleVersion

EnrollmentItem: TypeAlias = dict[str, Any]

# On the driver, of `enrollments e` and `module_versions v`. The ids are text because the driver's
# UUIDs are of a subclass that orjson refuses.
ITEM = """
    e.id::text, e.user_id::text, e.module_id::text, v.title, v.category, v.number, e.status,
    e.source, e.progress_percent, e.due_on, e.enrolled_at, e.completed_at
"""

# The same in a session.
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
