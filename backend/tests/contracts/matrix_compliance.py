"""The matrix' rows about rules, external evidence, employment and reports."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.evidence.ce_profile import LicenceProfile
from app.domain.evidence.retention import RetentionClass
from app.models import User
from tests.contracts.matrix import (
    ADMIN,
    ADMINS,
    ANYBODY,
    AUTHORS,
    FAR_MANAGER,
    LEARNER,
    MANAGER,
    MANAGERS,
    OFFICER,
    OVERSEERS,
    OWNER_AND_ABOVE,
    Row,
)
from tests.contracts.world import World
from tests.factories.requirement import rule_json
from tests.support import Api

REVIEWERS = frozenset({MANAGER, OFFICER})
MANAGER_OR_ADMIN = frozenset({MANAGER, ADMIN})
SOURCE_CHECK = {"source": "The board's register", "checked_on": "2026-01-05", "result": "confirmed"}
REASON = {"reason": "Checked with the provider."}
# Until noon UTC, today has not begun in some offices. Yesterday has ended in all of them.
YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


def rule(world: World) -> dict[str, Any]:
    """One that does not mean those who keep it, of whom nobody ends or moves their own alone."""
    return rule_json(world.short_module.id, audience={"roles": ["learner"]})


def external_evidence(world: World) -> dict[str, Any]:
    return {
        "user_id": str(world.people.learner.id),
        "provider": "Red Cross",
        "title": "BLS",
        "credential_kind": "BLS",
        "printed_expiry": "2099-12-31",
        "completed_on": YESTERDAY,
        "hours": 4,
    }


def live_session(module_id: object) -> dict[str, Any]:
    return {
        "module_id": str(module_id),
        "starts_at": "2030-01-07T17:00:00Z",
        "duration_minutes": 60,
        "instructor_name": "Ada Floss",
        "instructor_qualification": "RDH",
    }


def exemption(world: World, requirement_id: object) -> dict[str, Any]:
    return {
        "kind": "waiver",
        "user_id": str(world.people.learner.id),
        "requirement_id": str(requirement_id),
        "reason": "On leave.",
        "starts_on": YESTERDAY,
    }


def merge(world: World) -> dict[str, str]:
    entries = {
        "user_id": str(world.people.learner.id),
        "merged_id": str(world.people.other_learner.id),
    }
    return {**entries, **REASON}


def incident(world: World, requirement_id: object) -> dict[str, Any]:
    step = {"step": "New sharps boxes.", "owner_id": str(world.people.manager.id)}
    return {
        "kind": "exposure",
        "day": YESTERDAY,
        "requirement_id": str(requirement_id),
        "user_ids": [str(world.people.learner.id)],
        "retrain_by": "2100-01-01",
        "description": "A needlestick.",
        "steps": [{**step, "due_on": "2100-01-01"}],
    }


def evidence_file(world: World) -> dict[str, Any]:
    file = {"purpose": "evidence", "content_type": "image/png", "size_bytes": 9}
    return {**file, "user_id": str(world.people.learner.id)}


def hold(world: World) -> dict[str, Any]:
    return {"user_id": str(world.people.learner.id), "reason": "Litigation."}


async def failed_quizzes(api: Api, world: World) -> tuple[str, list[str]]:
    """Let the learner use up the attempts at two quizzes; return the enrollment and both."""
    learner, admin = world.people.learner, world.people.admin
    module = (await api.post("/modules", admin, json={"title": "Quizzes"})).json()["id"]
    question = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}
    quiz = {"kind": "quiz", "title": "Quiz", "settings": {"max_attempts": 1}}
    sections = []
    for _ in range(2):
        section = (await api.post(f"/modules/{module}/sections", admin, json=quiz)).json()["id"]
        await api.post(f"/modules/{module}/sections/{section}/questions", admin, json=question)
        sections.append(section)
    await api.post(f"/modules/{module}/publish", admin, json={})
    enrolled = await api.post("/enrollments", learner, json={"module_id": module})
    enrollment: str = enrolled.json()["id"]
    for section in sections:
        path = f"/enrollments/{enrollment}/sections/{section}/attempts"
        attempt = (await api.post(path, learner)).json()["id"]
        await api.post(f"/attempts/{attempt}/submit", learner, json={})
    return enrollment, sections


async def made(api: Api, world: World) -> dict[str, object]:
    """Make one of each noun, the live session as a manager. Return the ids by path parameter."""
    admin, manager = world.people.admin, world.people.manager

    async def post(path: str, body: dict[str, Any], user: User = admin) -> str:
        response = await api.post(path, user, json=body)
        assert response.is_success, response.text
        return str(response.json()["id"])

    live_module_id = await post("/modules", {"title": "Live"})
    section = {"kind": "live_session", "title": "Live"}
    await post(f"/modules/{live_module_id}/sections", section)
    await post(f"/modules/{live_module_id}/publish", {})
    requirement_id = await post("/requirements", {"title": "Rule", "rule": rule(world)})
    happened = await api.post("/incidents", admin, json=incident(world, requirement_id))
    incident_id, step_id = happened.json()["id"], happened.json()["steps"][0]["id"]
    failed, (granted, used_up) = await failed_quizzes(api, world)
    return {
        "failed_enrollment_id": failed,
        "used_up_section_id": used_up,
        "grant_id": await post(f"/enrollments/{failed}/sections/{granted}/attempt-grants", REASON),
        "requirement_id": requirement_id,
        "exemption_id": await post("/exemptions", exemption(world, requirement_id)),
        "incident_id": incident_id,
        "step_id": step_id,
        "evidence_id": await post("/external-trainings", external_evidence(world)),
        "live_module_id": live_module_id,
        "session_id": await post("/live-sessions", live_session(live_module_id), manager),
        "media_id": await post("/media", evidence_file(world)),
        "hold_id": await post("/legal-holds", hold(world)),
        "change_id": await post(
            f"/users/{world.people.learner.id}/terminate", {"effective_on": "2100-01-01"}
        ),
        "merge_id": await post("/merges", merge(world)),
        "retention_class": next(iter(RetentionClass)).value,
    }


def compliance_rows(world: World, ids: dict[str, object]) -> list[Row]:
    return [
        *_requirements(world, ids),
        *_incidents(world, ids),
        *_merges(world),
        *_external_evidence(world),
        *_live_sessions(world, ids),
        *_media(world),
        *_retention(world),
        *_employment(world),
        *_attempt_grants(ids),
        *_reports(),
    ]


def _requirements(world: World, ids: dict[str, object]) -> list[Row]:
    somebody = {"user_id": world.people.learner.id}
    granted = exemption(world, ids["requirement_id"])
    new = {"title": "New", "rule": rule(world)}
    return [
        Row("list_requirements", OVERSEERS),
        Row("create_requirement", OVERSEERS, success=201, json=new),
        Row("read_requirement", OVERSEERS),
        Row("update_requirement", OVERSEERS, json={"title": "Renamed"}),
        Row("archive_requirement", OVERSEERS, success=204),
        Row("restore_requirement", OVERSEERS),
        Row("preview_requirement", OVERSEERS, json={}),
        Row("reconcile_requirement", OVERSEERS, success=202),
        Row("read_compliance", OWNER_AND_ABOVE, 404),
        Row("read_trainings", OWNER_AND_ABOVE, 404),
        Row("list_exemptions", ANYBODY),
        Row("list_exemptions", OWNER_AND_ABOVE, 404, query=somebody, note="of somebody"),
        Row("grant_exemption", OVERSEERS, success=201, json=granted),
        Row("read_exemption", OWNER_AND_ABOVE, 404),
        Row("revoke_exemption", OVERSEERS, json=REASON),
    ]


def _merges(world: World) -> list[Row]:
    other = {**merge(world), "merged_id": str(world.people.author.id)}
    return [
        Row("list_merges", ADMINS),
        Row("propose_merge", ADMINS, success=201, json=other),
        Row("read_merge", ADMINS),
        Row("confirm_merge", ADMINS, success=403, note="whoever proposed it"),
        Row("refuse_merge", ADMINS),
    ]


def _incidents(world: World, ids: dict[str, object]) -> list[Row]:
    happened = incident(world, ids["requirement_id"])
    done = {"done_on": YESTERDAY, "note": "Hung in each room."}
    far = {FAR_MANAGER: 404}
    return [
        Row("list_incidents", ANYBODY),
        Row(
            "record_incident",
            REVIEWERS | ADMINS,
            success=201,
            json=happened,
            special={FAR_MANAGER: 422},
        ),
        Row("read_incident", REVIEWERS | ADMINS, 404),
        Row("withdraw_incident", REVIEWERS | ADMINS, json=REASON, special=far),
        Row("complete_corrective_step", REVIEWERS | ADMINS, 404, json=done),
    ]


def _attempt_grants(ids: dict[str, object]) -> list[Row]:
    used_up = {
        "enrollment_id": ids["failed_enrollment_id"],
        "section_id": ids["used_up_section_id"],
    }
    return [
        Row(
            "grant_attempt",
            frozenset({MANAGER, OFFICER, ADMIN}),
            success=201,
            json=REASON,
            path=used_up,
            special={FAR_MANAGER: 404},
        ),
        Row("read_attempt_grant", OWNER_AND_ABOVE, 404),
        Row("list_used_up_attempts", MANAGERS),
    ]


def _external_evidence(world: World) -> list[Row]:
    cycle = {"profile": next(iter(LicenceProfile)).value, "cycle_end": "2027-12-31"}
    somebody = {"user_id": world.people.learner.id}
    return [
        Row("list_external_evidence", ANYBODY),
        Row("list_external_evidence", OWNER_AND_ABOVE, 404, query=somebody, note="of somebody"),
        Row(
            "enter_external_evidence",
            OWNER_AND_ABOVE,
            422,
            success=201,
            json=external_evidence(world),
            note="for somebody, who is unknown to others",
        ),
        Row("read_external_evidence", OWNER_AND_ABOVE, 404),
        Row(
            "update_external_evidence",
            frozenset({LEARNER, ADMIN}),
            404,
            json={"hours": 5},
            special={MANAGER: 403, OFFICER: 403},
        ),
        # The admin entered it, and nobody verifies what they entered themselves.
        Row("verify_external_evidence", REVIEWERS, json=REASON, special={FAR_MANAGER: 404}),
        Row("reject_external_evidence", REVIEWERS, json=REASON, special={FAR_MANAGER: 404}),
        Row(
            "withdraw_external_evidence",
            REVIEWERS | ADMINS,
            success=409,
            json=REASON,
            special={FAR_MANAGER: 404},
            note="before it is verified",
        ),
        Row("read_ce_credits", OWNER_AND_ABOVE, 404, query=cycle),
        Row("read_licence_cycles", OWNER_AND_ABOVE, 404),
        Row("list_credential_kinds", ANYBODY),
        Row("read_credentials", OWNER_AND_ABOVE, 404),
        Row("list_expiring_credentials", ANYBODY),
        Row(
            "record_source_check",
            REVIEWERS | ADMINS,
            success=201,
            json=SOURCE_CHECK,
            special={FAR_MANAGER: 404},
        ),
        Row("list_source_checks_due", ANYBODY),
    ]


def _live_sessions(world: World, ids: dict[str, object]) -> list[Row]:
    people = {"user_ids": [str(world.people.learner.id)]}
    question = {"question": "Why?", "answer": "Because."}
    marks = {"attended": [str(world.people.learner.id)]}
    # Planned by the manager: a manager of another office has nothing to do with it.
    far = {FAR_MANAGER: 404}
    sees = {OFFICER: 403}
    planned = live_session(ids["live_module_id"])
    return [
        Row("list_live_sessions", ANYBODY),
        Row("create_live_session", MANAGERS - {OFFICER}, success=201, json=planned),
        Row("read_live_session", MANAGER_OR_ADMIN | {OFFICER}, 404),
        Row("update_live_session", MANAGER_OR_ADMIN, json={"place": "Room 2"}, special=far),
        Row("cancel_live_session", MANAGER_OR_ADMIN, special=far),
        Row("register_attendees", MANAGER_OR_ADMIN, json=people, special=far),
        Row("unregister_attendee", MANAGER_OR_ADMIN, success=404, special=far),
        Row(
            "mark_attendance",
            MANAGER_OR_ADMIN,
            404,
            success=422,
            json=marks,
            special=sees,
            note="of strangers",
        ),
        Row(
            "record_question",
            MANAGER_OR_ADMIN,
            404,
            success=201,
            json=question,
            special=sees,
        ),
        Row(
            "close_live_session",
            MANAGER_OR_ADMIN,
            404,
            success=409,
            special=sees,
            note="before it began",
        ),
        Row("read_module_teaching", AUTHORS),
        Row("set_module_teaching", AUTHORS, json={}),
    ]


def _media(world: World) -> list[Row]:
    video = {"purpose": "section", "content_type": "video/mp4", "size_bytes": 9}
    return [
        Row("list_media", AUTHORS),
        Row("declare_media", AUTHORS, success=201, json=video, note="for a section"),
        Row(
            "declare_media",
            OWNER_AND_ABOVE,
            422,
            success=201,
            json=evidence_file(world),
            note="of somebody, who is unknown to others",
        ),
        Row("read_media", OWNER_AND_ABOVE, 404),
        Row("complete_media", OWNER_AND_ABOVE, 404, success=409, note="before the upload"),
        Row("sign_media_download", OWNER_AND_ABOVE, 404, success=409, note="before the upload"),
        Row("sign_media_downloads", ANYBODY, query={"media_id": world.people.learner.id}),
        Row("delete_media", OWNER_AND_ABOVE, 404, success=204),
    ]


def _retention(world: World) -> list[Row]:
    return [
        Row("list_legal_holds", ADMINS),
        Row("place_legal_hold", ADMINS, success=201, json=hold(world)),
        Row("read_legal_hold", ADMINS),
        Row("release_legal_hold", ADMINS, success=204),
        Row("list_retention_periods", ADMINS),
        Row("read_retention_period", ADMINS),
        Row("set_retention_period", ADMINS, json={"years": 30}),
        Row("read_audit_pack", OVERSEERS),
    ]


def _employment(world: World) -> list[Row]:
    return [
        Row("list_employment", MANAGER_OR_ADMIN | {OFFICER}, special={FAR_MANAGER: 404}),
        Row("void_termination", ADMINS, success=201, json=REASON),
        Row(
            "leave",
            MANAGER_OR_ADMIN,
            success=201,
            json={"starts_on": YESTERDAY},
            special={FAR_MANAGER: 404},
        ),
        Row(
            "come_back",
            MANAGER_OR_ADMIN,
            success=409,
            json={"effective_on": YESTERDAY},
            special={FAR_MANAGER: 404},
            note="is here",
        ),
        Row("terminate", ADMINS, success=201, json={"effective_on": YESTERDAY}),
        Row("rehire", ADMINS, success=409, json={"hired_on": YESTERDAY}, note="works here"),
        Row(
            "transfer",
            ADMINS,
            success=201,
            json={"effective_on": YESTERDAY, "location_id": str(world.far_office.id)},
        ),
    ]


def _reports() -> list[Row]:
    names = ("matrix", "people", "forecast", "csv", "json", "xlsx")
    verbs = {"matrix": "read", "people": "list", "forecast": "read"}
    return [Row(f"{verbs.get(name, 'export')}_{name}", MANAGERS) for name in names]
