"""The steps of people, made by the calls that a front end would make."""

from typing import Any

import httpx

from app.models import User
from tests.support import Api, etag


class Author:
    def __init__(self, api: Api, user: User) -> None:
        self.api = api
        self.user = user

    async def draft(self, title: str, *sections: dict[str, Any]) -> str:
        created = await self.api.post("/modules", self.user, json={"title": title})
        assert created.status_code == httpx.codes.CREATED
        module_id = str(created.json()["id"])
        for section in sections:
            added = await self.api.post(f"/modules/{module_id}/sections", self.user, json=section)
            assert added.status_code == httpx.codes.CREATED
        return module_id

    async def publish(self, module_id: str, **fields: Any) -> dict[str, Any]:
        path = f"/modules/{module_id}/publish"
        published = await self.api.post(path, self.user, json=fields)
        assert published.status_code == httpx.codes.CREATED
        return dict(published.json())

    async def rewrite(self, module_id: str, place: int, **fields: Any) -> None:
        module = await self.api.get(f"/modules/{module_id}", self.user)
        section = module.json()["sections"][place]
        changed = await self.api.patch(
            f"/modules/{module_id}/sections/{section['id']}",
            self.user,
            headers=etag(module),
            json=fields,
        )
        assert changed.is_success


class Learner:
    def __init__(self, api: Api, user: User) -> None:
        self.api = api
        self.user = user

    async def enroll(self, module_id: str) -> dict[str, Any]:
        enrolled = await self.api.post("/enrollments", self.user, json={"module_id": module_id})
        assert enrolled.is_success
        return await self.see(enrolled.json()["id"])

    async def see(self, enrollment_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/enrollments/{enrollment_id}", self.user)).json())

    async def read(self, enrollment_id: str, section: dict[str, Any]) -> dict[str, Any]:
        path = f"/enrollments/{enrollment_id}/sections/{section['section_id']}/progress"
        report = {"seconds_spent": 60, "position": 1, "completed": True}
        return dict((await self.api.put(path, self.user, json=report)).json()["enrollment"])

    async def sign(self, enrollment_id: str, section: dict[str, Any]) -> dict[str, Any]:
        signed = {"printed_name": self.user.display_name, "meaning": "I have read the plan."}
        path = f"/enrollments/{enrollment_id}/sections/{section['section_id']}/acknowledge"
        return dict((await self.api.post(path, self.user, json=signed)).json())

    async def records(self) -> list[dict[str, Any]]:
        return list((await self.api.get("/training-records", self.user)).json()["items"])
