"""Who may do what: the declared outcome of every operation for every kind of actor.

A new route needs a row, here or in matrix_compliance: its operation id, who gets a success, and
what the others get. Ids in paths come from `path_ids`; If-Match is sent as `*` where it is needed.
Everything a row names belongs to `learner`, whose office `manager` answers for.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.models.people.word import Word
from tests.contracts.world import World

ANONYMOUS = "anonymous"
LEARNER = "learner"
OTHER_LEARNER = "other_learner"
MANAGER = "manager"
FAR_MANAGER = "far_manager"
AUTHOR = "author"
REGIONAL_MANAGER = "regional_manager"
OFFICER = "officer"
ADMIN = "admin"
SIGNED_IN = (
    LEARNER,
    OTHER_LEARNER,
    MANAGER,
    FAR_MANAGER,
    REGIONAL_MANAGER,
    AUTHOR,
    OFFICER,
    ADMIN,
)
ACTORS = (ANONYMOUS, *SIGNED_IN)

ANYBODY = frozenset(SIGNED_IN)
AUTHORS = frozenset({AUTHOR, ADMIN})
ADMINS = frozenset({ADMIN})
OVERSEERS = frozenset({OFFICER, ADMIN})
MANAGERS = frozenset({MANAGER, FAR_MANAGER, OFFICER, ADMIN})
MANAGER_AND_ADMIN = frozenset({MANAGER, ADMIN})
OWNER = frozenset({LEARNER})
OWNER_AND_ABOVE = frozenset({LEARNER, MANAGER, OFFICER, ADMIN})
OK = 200
FIRST_ACCOUNT = {"username": "maria", "password": "a first password"}


@dataclass(frozen=True, slots=True)
class Row:
    """`allowed` get `success`, anonymous 401 unless `public`, all others `otherwise`.

    `otherwise` is 403 where the role decides and 404 where the row does; `special` names actors
    with an outcome of their own. `note` tells several rows of one operation apart.
    """

    operation: str
    allowed: frozenset[str]
    otherwise: int = 403
    success: int = OK
    json: Any = None
    content: str | None = None
    query: Mapping[str, object] = field(default_factory=dict)
    path: Mapping[str, object] = field(default_factory=dict)
    special: Mapping[str, int] = field(default_factory=dict)
    public: bool = False
    note: str = ""

    def expected(self, actor: str) -> int:
        """Return the status; what is of several offices is as if each manager asked."""
        if actor == REGIONAL_MANAGER:
            actor = MANAGER
        if actor in self.special:
            return self.special[actor]
        if actor == ANONYMOUS and not self.public:
            return 401
        return self.success if actor in self.allowed or self.public else self.otherwise


def path_ids(world: World) -> dict[str, object]:
    training = world.training[LEARNER]
    quiz = world.module.sections[2]
    return {
        "assignment_id": uuid.uuid4(),
        "attempt_id": training.attempt_id,
        "department_id": world.department.id,
        "enrollment_id": training.enrollment_id,
        "job_id": world.given_up_job_id,
        "job_title_id": world.job_title.id,
        "location_id": world.office.id,
        "module_id": world.module.id,
        "number": 1,
        "position_id": world.people.learner.id,
        "question_id": quiz.questions[0].id,
        "record_id": training.record_id,
        "section_id": quiz.id,
        "user_id": world.people.learner.id,
    }


def core_rows(world: World) -> list[Row]:
    return [
        *_health(),
        *_users(world),
        *_organisation(world),
        *_modules(world),
        *_sections(world),
        *_enrollments(world),
        *_attempts(world),
        *_evidence(world),
        Row("report_assignments", MANAGERS),
        Row("list_assignments", MANAGERS),
    ]


def _health() -> list[Row]:
    return [
        Row("live", ANYBODY, public=True),
        # The tests' database has its tables, so it is ready for anybody who asks.
        Row("ready", ANYBODY, public=True),
    ]


def _users(world: World) -> list[Row]:
    stranger = {"email": "new@unified.example", "role": "admin"}
    newcomer = {"email": "new@unified.example", "location_id": str(world.office.id)}
    return [
        Row("sync", ANYBODY),
        Row("read_me", ANYBODY),
        Row("update_me", ANYBODY, json={"full_name": "Me"}),
        Row("list_users", MANAGERS),
        Row("create_user", ADMINS, success=201, json={"full_name": "New"}),
        Row("correct_email", ADMINS, json={"email": "corrected@unified.example"}),
        Row("open_account", ADMINS, success=409, json=FIRST_ACCOUNT, note="has an address"),
        Row("invite", ADMINS, success=201, json=stranger),
        Row("invite", MANAGER_AND_ADMIN, success=201, json=newcomer, note="to the office"),
        Row("read_user", OWNER_AND_ABOVE, 404),
        Row("update_user", ADMINS, json={"job_title": "Hygienist"}),
        Row("update_user", ADMINS, json={"role": "admin"}, note="promotion"),
        Row("confirm_name", MANAGER_AND_ADMIN, special={FAR_MANAGER: 404}),
        Row(
            "invite_again",
            MANAGER_AND_ADMIN,
            special={FAR_MANAGER: 404},
            note="has lost their account",
        ),
        *_positions(world),
        Row("sign_out", ADMINS, success=409, note="the stand-in knows no account"),
    ]


def _positions(world: World) -> list[Row]:
    primary = {"position_id": world.people.learner.id}
    begun = {"location_id": str(world.office.id), "starts_on": "2026-03-02"}
    readers, far = MANAGER_AND_ADMIN | {OFFICER}, {FAR_MANAGER: 404}
    return [
        Row("list_positions", readers, special=far),
        Row("create_position", ADMINS, success=201, json=begun),
        Row("read_position", readers, special=far, path=primary),
        Row("update_position", ADMINS, success=409, json={}, path=primary, note="primary"),
        Row(
            "make_position_primary",
            ADMINS,
            success=409,
            json={"effective_on": "2026-03-02"},
            path=primary,
            note="primary",
        ),
        Row("withdraw_position", ADMINS, success=409, path=primary, note="primary"),
    ]


def itself(word: Word) -> dict[str, str]:
    """A word cannot be merged into itself: whoever may merge words at all is told so."""
    return {"into_id": str(word.id)}


def _organisation(world: World) -> list[Row]:
    office = {"name": "New office", "time_zone": "America/Denver"}
    return [
        Row("list_locations", ANYBODY),
        Row("list_departments", ANYBODY),
        Row("create_department", ADMINS, success=201, json={"name": "New"}),
        Row("read_department", ANYBODY),
        Row("update_department", ADMINS, json={"name": "Renamed"}),
        Row("merge_department", ADMINS, 403, 422, json=itself(world.department)),
        Row("list_job_titles", ANYBODY),
        Row("create_job_title", ADMINS, success=201, json={"name": "New"}),
        Row("read_job_title", ANYBODY),
        Row("update_job_title", ADMINS, json={"name": "Renamed"}),
        Row("merge_job_title", ADMINS, 403, 422, json=itself(world.job_title)),
        Row("create_location", ADMINS, success=201, json=office),
        Row("read_location", ADMINS),
        Row("update_location", ADMINS, json={"name": "Renamed"}),
        Row("delete_location", ADMINS, success=409, note="people work there"),
        Row("restore_location", ADMINS),
        Row("list_site_fact_kinds", ANYBODY),
        Row("list_missing_site_facts", MANAGERS | {AUTHOR}),
        Row("read_site_facts", ANYBODY),
        Row(
            "update_site_facts",
            MANAGER_AND_ADMIN | {OFFICER},
            json={"facts": {"eyewash": "By the sink in the laboratory"}},
        ),
    ]


def _modules(world: World) -> list[Row]:
    draft = {"module_id": world.draft.id}
    learners_do_not_see = frozenset({AUTHOR, ADMIN})
    return [
        Row("list_modules", ANYBODY),
        Row("list_module_facets", ANYBODY),
        Row("create_module", AUTHORS, success=201, json={"title": "New"}),
        Row("read_module", ANYBODY),
        Row("read_module", learners_do_not_see, 404, path=draft, note="draft"),
        Row("update_module", AUTHORS, json={"title": "Renamed"}),
        Row("delete_module", AUTHORS, success=204, path=draft),
        Row("publish_module", AUTHORS, success=201, path=draft, json={}),
        Row("duplicate_module", AUTHORS, success=201),
        Row("archive_module", AUTHORS),
        Row("restore_module", AUTHORS),
        Row("list_versions", AUTHORS),
        Row("read_version", AUTHORS),
        Row("compare_versions", AUTHORS),
        Row("preview_module", AUTHORS),
        Row("preview_module", AUTHORS, path=draft, note="draft"),
        Row("preview_attempt", AUTHORS, json={}),
        Row("preview_result", AUTHORS, json={"seed": "0" * 32, "answers": {}}),
    ]


def _sections(world: World) -> list[Row]:
    order = [str(section.id) for section in reversed(world.module.sections)]
    question = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}
    return [
        Row("create_section", AUTHORS, success=201, json={"kind": "text", "title": "New"}),
        Row("reorder_sections", AUTHORS, json={"section_ids": order}),
        Row("read_section", AUTHORS),
        Row("duplicate_section", AUTHORS, success=201),
        Row("update_section", AUTHORS, json={"title": "Renamed"}),
        Row("delete_section", AUTHORS, success=204),
        Row("list_deleted_parts", AUTHORS),
        Row("restore_section", AUTHORS),
        Row("create_question", AUTHORS, success=201, json=question),
        Row("create_questions", AUTHORS, success=201, json={"items": [question]}),
        Row("duplicate_question", AUTHORS, success=201),
        Row("read_question", AUTHORS),
        Row("update_question", AUTHORS, json={"prompt": "Really?"}),
        Row("delete_question", AUTHORS, success=204),
        Row("restore_question", AUTHORS),
        Row("export_questions", AUTHORS, query={"format": "gift"}),
        Row("import_questions", AUTHORS, query={"format": "gift"}, content="Is it? {T}"),
    ]


def _enrollments(world: World) -> list[Row]:
    learner = world.people.learner.id
    text, policy, _ = world.module.sections
    somebody = {"user_id": learner}
    everybody = {"module_id": str(world.module.id), "user_ids": [str(learner)]}
    signature = {"printed_name": world.people.learner.display_name, "meaning": "I will follow it."}
    under_way = {LEARNER: OK, OTHER_LEARNER: OK}
    return [
        Row(
            "enroll",
            ANYBODY,
            success=201,
            json={"module_id": str(world.module.id)},
            special=under_way,
        ),
        Row("enroll", frozenset(), 404, json={"module_id": str(world.draft.id)}, note="draft"),
        Row("list_enrollments", ANYBODY),
        Row("list_enrollments", OWNER_AND_ABOVE, 404, query=somebody, note="of somebody"),
        Row("enroll_many", MANAGERS, json=everybody),
        # Assigned by nobody: whoever may assign does not find it.
        Row(
            "revert_assignment",
            frozenset(),
            special=dict.fromkeys((MANAGER, FAR_MANAGER, OFFICER, ADMIN), 404),
        ),
        Row("read_enrollment", OWNER_AND_ABOVE, 404),
        Row("read_content", OWNER, 404),
        Row(
            "report_progress",
            OWNER,
            404,
            path={"section_id": text.id},
            json={"seconds_spent": 5, "position": 0, "completed": True},
        ),
        Row("acknowledge", OWNER, 404, path={"section_id": policy.id}, json=signature),
        Row("list_signatures", OWNER_AND_ABOVE, 404),
        Row("move_enrollment", OWNER, 404, success=409, note="nothing newer"),
        Row(
            "update_enrollment",
            MANAGER_AND_ADMIN | {OFFICER},
            json={"due_on": "2030-01-31"},
            special={FAR_MANAGER: 404},
        ),
        Row("withdraw", OWNER_AND_ABOVE, 404),
    ]


def _attempts(world: World) -> list[Row]:
    question = str(world.module.sections[2].questions[0].id)
    answers = {"answers": {question: "a"}}
    correction = {
        "section_id": str(world.module.sections[2].id),
        "question_id": question,
        "kind": "void",
        "note": "The key was wrong.",
    }
    return [
        Row("start_attempt", OWNER, 404),
        Row("list_attempts", OWNER_AND_ABOVE, 404),
        Row("read_attempt", OWNER_AND_ABOVE, 404),
        Row("save_answers", OWNER, 404, json=answers),
        Row("submit_attempt", OWNER, 404, json=answers),
        Row("analyse_quiz", AUTHORS),
        Row("correct", AUTHORS, success=201, json=correction),
        Row("list_corrections", AUTHORS),
    ]


def _evidence(world: World) -> list[Row]:
    somebody = {"user_id": world.people.learner.id}
    return [
        Row("list_training_records", ANYBODY),
        Row("list_training_records", OWNER_AND_ABOVE, 404, query=somebody, note="of somebody"),
        Row("read_training_record", OWNER_AND_ABOVE, 404),
        Row("list_audit_events", OVERSEERS),
        Row("list_seals", OVERSEERS),
        Row("list_jobs", ADMINS),
        Row("retry_job", ADMINS),
        Row("list_schedules", ADMINS),
    ]
