"""From a question bank in a file to a training record, and on to its correction."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import User
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.user import make_location, make_user
from tests.support import Api

BANK = b"""
// Two questions about needle sticks. The key of the first one will turn out to be too narrow.
::First aid:: What comes first after a needle stick? {
    =Wash the wound with soap and water
    ~Finish the procedure
    ~Report it, then wash the wound
}

::Evaluation:: A medical evaluation may wait until the next week. {F####It is immediate.}
"""


@dataclass
class Caller:
    api: Api
    user: User

    async def ask(self, method: str, path: str, status: int = 200, **arguments: Any) -> Any:
        response: httpx.Response = await self.api.request(method, path, self.user, **arguments)
        assert response.status_code == status, response.text
        return response.json()


async def write_module(author: Caller) -> tuple[str, str]:
    """Make and publish a module whose quiz comes from a file; return its and its quiz's id."""
    module = await author.ask("POST", "/modules", 201, json={"title": "Sharps injuries"})
    sections = f"/modules/{module['id']}/sections"
    settings = {"pass_mark": 100, "max_attempts": 2, "shuffle": True, "feedback": "after_pass"}
    quiz = {"kind": "quiz", "title": "Check", "settings": settings}
    section = await author.ask("POST", sections, 201, json=quiz)
    bank = f"{sections}/{section['id']}/questions"
    preview = await author.ask("POST", f"{bank}/import?format=gift&dry_run=true", content=BANK)
    assert (preview["created"], preview["problems"]) == (2, [])
    await author.ask("POST", f"{bank}/import?format=gift", content=BANK)
    exported = await author.api.get(f"{bank}/export?format=moodle_xml", author.user)
    again = await author.ask("POST", f"{bank}/import?format=moodle_xml", content=exported.content)
    assert again["unchanged"] == 2
    await author.ask("POST", f"/modules/{module['id']}/publish", 201, json={"note": "First"})
    return module["id"], section["id"]


def by_kind(attempt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {question["kind"]: question for question in attempt["questions"]}


def option(question: dict[str, Any], beginning: str) -> str:
    (found,) = [each["id"] for each in question["options"] if each["text"].startswith(beginning)]
    return str(found)


@pytest.mark.full
async def test_from_question_bank_to_corrected_record(
    committed_api: Api, session: AsyncSession, committed_database: Database, author: User
) -> None:
    office = await make_location(session)
    person = await make_user(session, location_id=office.id)
    boss = await make_user(session, location_id=office.id, role=Role.MANAGER)
    learner, manager, writer = (Caller(committed_api, user) for user in (person, boss, author))
    module_id, section_id = await write_module(writer)
    enrolled = await learner.ask("POST", "/enrollments", 201, json={"module_id": module_id})
    attempts = f"/enrollments/{enrolled['id']}/sections/{section_id}/attempts"

    # Continued on another device, it is the same attempt with the answers given so far.
    phone = await learner.ask("POST", attempts, 201)
    choice, decision = by_kind(phone)["single_choice"], by_kind(phone)["true_false"]
    answers = f"/attempts/{phone['id']}/answers"
    report_first = {choice["id"]: option(choice, "Report")}
    await learner.ask("PUT", answers, json={"answers": report_first})
    desk = await learner.ask("POST", attempts, 200)
    assert (desk["id"], desk["answers"]) == (phone["id"], report_first)
    last = {"answers": {decision["id"]: False}}
    failed = await learner.ask("POST", f"/attempts/{phone['id']}/submit", json=last)
    assert (failed["score_percent"], failed["passed"], "feedback" in failed) == (50, False, False)

    # The manager sees the result, and not the answers.
    seen = await manager.ask("GET", f"/attempts/{phone['id']}")
    assert (seen["score_percent"], seen["questions"], seen["answers"]) == (50, [], {})

    # The second attempt is right, which ends the training.
    second = await learner.ask("POST", attempts, 201)
    right = {choice["id"]: option(choice, "Wash"), decision["id"]: False}
    submit = f"/attempts/{second['id']}/submit"
    passed = await learner.ask("POST", submit, json={"answers": right})
    assert (passed["number"], passed["passed"]) == (2, True)
    explained = {each["question_id"]: each for each in passed["feedback"]["questions"]}
    assert explained[decision["id"]]["explanation"] == "It is immediate."
    (record,) = (await learner.ask("GET", "/training-records"))["items"]
    assert (record["score_percent"], record["module_title"]) == (100, "Sharps injuries")
    assert (await learner.ask("POST", attempts, 409))["code"] == "already_passed"

    # A year later the key is corrected: another answer is right too.
    correction = {
        "section_id": section_id,
        "question_id": choice["id"],
        "kind": "accept",
        "answer": option(choice, "Report"),
        "note": "Reporting calls the first aider, who washes the wound.",
    }
    corrections = f"/modules/{module_id}/versions/1/corrections"
    preview = await writer.ask("POST", f"{corrections}?dry_run=true", json=correction)
    # Authors learn how many people a correction concerns, but not who they are.
    assert (preview["newly_passed"], preview["changes"]) == (1, [])
    applied = await writer.ask("POST", corrections, 201, json=correction)
    assert (applied["newly_passed"], applied["kept_passes"]) == (1, 0)
    first = await learner.ask("GET", f"/attempts/{phone['id']}")
    assert (first["score_percent"], first["passed"]) == (100, True)
    newest, oldest = (await learner.ask("GET", "/training-records"))["items"]
    assert {newest["corrects_id"], oldest["corrects_id"]} == {None, record["id"]}
    verification = await TrainingRecordService(committed_database, SYSTEM).verify()
    assert (verification.records, verification.broken) == (2, None)

    analysis = await writer.ask(
        "GET", f"/modules/{module_id}/versions/1/sections/{section_id}/analysis"
    )
    assert (analysis["attempts"], analysis["pass_rate"]) == (2, 1)
