"""One client process that acts as learners, authors and admins, and checks each answer.

It is started anew for each run, so it imports no more than it needs.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Course:
    module_id: str
    text_id: str
    policy_id: str
    quiz_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    origin: str
    course: Course
    learners: list[Person]
    author: Person
    admin: Person


@dataclass
class Report:
    answers: Counter[int] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


def run(plan: Plan) -> Report:
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> Report:
    report = Report()
    learners = iter(plan.learners)
    async with httpx.AsyncClient(base_url=plan.origin, timeout=60) as http:
        day = Day(http, plan, report)
        await asyncio.gather(*(_work(day, learners) for _ in range(CONCURRENCY)))
    return report


async def _work(day: "Day", learners: Iterator[Person]) -> None:
    for learner in learners:
        await day.study(learner)
        await day.administer(learner)
        await day.author()


@dataclass
class Day:
    http: httpx.AsyncClient
    plan: Plan
    report: Report

    async def ask(
        self, method: str, path: str, person: Person, status: int = 200, **arguments: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {person.token}", **arguments.pop("headers", {})}
        answer = await self.http.request(method, path, headers=headers, **arguments)
        self.report.answers[answer.status_code] += 1
        if answer.status_code != status:
            self.report.unexpected.append(
                f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            )
        return answer

    async def study(self, learner: Person) -> None:
        course = self.plan.course
        await self.ask("GET", "/users/me", learner)
        await self.ask("GET", "/modules", learner)
        body = {"module_id": course.module_id}
        enrolled = await self.ask("POST", "/enrollments", learner, 201, json=body)
        if not enrolled.is_success:
            return
        self.report.acknowledged["enrolled"] += 1
        enrollment = f"/enrollments/{enrolled.json()['id']}"
        await self.ask("GET", f"{enrollment}/content", learner)
        await self.read(learner, f"{enrollment}/sections/{course.text_id}/progress")
        signed = {"printed_name": learner.name, "meaning": "I will follow it."}
        policy = f"{enrollment}/sections/{course.policy_id}/acknowledge"
        await self.ask("POST", policy, learner, json=signed)
        await self.take_quiz(learner, f"{enrollment}/sections/{course.quiz_id}/attempts")
        state = (await self.ask("GET", enrollment, learner)).json()
        self.report.acknowledged["completed"] += state.get("status") == "completed"
        await self.ask("GET", "/enrollments", learner)
        records = (await self.ask("GET", "/training-records", learner)).json()
        self.report.acknowledged["records"] += len(records.get("items", ()))

    async def read(self, learner: Person, path: str) -> None:
        for report in (
            {"seconds_spent": 1, "position": 0.3},
            {"seconds_spent": 1, "position": 0.6},
            {"seconds_spent": 1, "position": 1, "completed": True},
        ):
            await self.ask("PUT", path, learner, json=report)

    async def take_quiz(self, learner: Person, path: str) -> None:
        started = await self.ask("POST", path, learner, 201)
        if not started.is_success:
            return
        attempt = started.json()
        answers = {"answers": {each["id"]: "a" for each in attempt["questions"]}}
        await self.ask("PUT", f"/attempts/{attempt['id']}/answers", learner, json=answers)
        submitted = await self.ask("POST", f"/attempts/{attempt['id']}/submit", learner, json={})
        self.report.acknowledged["passed"] += submitted.json().get("passed") is True

    async def administer(self, learner: Person) -> None:
        admin = self.plan.admin
        path = f"/users/{learner.id}"
        known = await self.ask("GET", path, admin)
        headers = {"If-Match": known.headers.get("ETag", "")}
        changes = {"hired_on": "2020-01-06"}
        changed = await self.ask("PATCH", path, admin, headers=headers, json=changes)
        self.report.acknowledged["edited"] += changed.is_success
        await self.ask("GET", "/reports/compliance", admin)
        await self.ask("GET", "/reports/compliance/people", admin)
        await self.ask("GET", "/audit-events", admin)

    async def author(self) -> None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"title": f"Module {uuid.uuid4()}"}
        for _ in range(2):
            made = await self.ask(
                "POST", "/modules", self.plan.author, 201, headers=headers, json=body
            )
        self.report.acknowledged["modules"] += made.is_success
        await self.ask("GET", f"/modules/{made.json().get('id')}", self.plan.author)
