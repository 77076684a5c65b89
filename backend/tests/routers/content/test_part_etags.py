"""Every answer that changes a part of a draft has the ETags from the part up to the module."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.factories.module import make_module, quiz_section, single_choice, text_section
from tests.routers.problems import assert_anonymous
from tests.support import Api

ANY = {"If-Match": "*"}
TRUE_FALSE = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}
SECTION, QUIZ = "/sections/{section}", "/sections/{quiz}"
QUESTION = f"{QUIZ}/questions/{{question}}"


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    quiz = quiz_section(single_choice(), single_choice())
    return await make_module(session, text_section(), quiz)


class Editor:
    """Edits with what the answers said, and reads nothing."""

    def __init__(self, api: Api, author: User, module: TrainingModule) -> None:
        section, quiz = module.sections
        self._ids = {"section": section.id, "quiz": quiz.id, "question": quiz.questions[0].id}
        self._api, self._author, self._path = api, author, f"/modules/{module.id}"

    async def send(
        self, method: str, path: str, body: Any = None, if_match: str = "*", **arguments: Any
    ) -> httpx.Response:
        headers = {"If-Match": if_match} | arguments.pop("headers", {})
        address = self._path + path.format(**self._ids)
        response = await self._api.request(
            method, address, self._author, headers=headers, json=body, **arguments
        )
        assert response.is_success, response.text
        return response

    async def etag_of(self, path: str) -> str:
        return (await self.send("GET", path)).headers["ETag"]


@pytest.fixture
def editor(api: Api, author: User, module: TrainingModule) -> Editor:
    return Editor(api, author, module)


async def test_anonymous(api: Api, module: TrainingModule) -> None:
    path = f"/modules/{module.id}/sections/{module.sections[0].id}"
    assert_anonymous(await api.patch(path, headers=ANY, json={"title": "New"}))


async def test_sections(editor: Editor) -> None:
    for method, path, body in (
        ("GET", SECTION, None),
        ("POST", "/sections", {"kind": "text", "title": "New"}),
        ("POST", f"{SECTION}/duplicate", None),
        ("PATCH", SECTION, {"title": "Renamed"}),
    ):
        answer = await editor.send(method, path, body)
        assert answer.json()["module_etag"] == await editor.etag_of("")
        assert answer.json()["etag"] == answer.headers["ETag"]


async def test_questions(editor: Editor) -> None:
    for method, path, body in (
        ("GET", QUESTION, None),
        ("POST", f"{QUIZ}/questions", TRUE_FALSE),
        ("POST", f"{QUESTION}/duplicate", None),
        ("PATCH", QUESTION, {"prompt": "Really?"}),
    ):
        answer = (await editor.send(method, path, body)).json()
        assert answer["module_etag"] == await editor.etag_of("")
        assert answer["section_etag"] == await editor.etag_of(QUIZ)


async def test_many_questions(editor: Editor) -> None:
    made = await editor.send("POST", f"{QUIZ}/questions/bulk", {"items": [TRUE_FALSE] * 2})
    etags = {(each["section_etag"], each["module_etag"]) for each in made.json()["items"]}
    assert etags == {(await editor.etag_of(QUIZ), await editor.etag_of(""))}


async def test_imports(editor: Editor) -> None:
    report = await editor.send(
        "POST",
        f"{QUIZ}/questions/import?format=gift",
        headers={"Content-Type": "text/plain"},
        content="Is it? {T}",
    )
    assert report.json()["section_etag"] == await editor.etag_of(QUIZ)
    assert report.json()["module_etag"] == await editor.etag_of("")


async def test_deletions(editor: Editor) -> None:
    gone = await editor.send("DELETE", QUESTION)
    assert gone.headers["X-Section-ETag"] == await editor.etag_of(QUIZ)
    assert gone.headers["X-Module-ETag"] == await editor.etag_of("")
    gone = await editor.send("DELETE", SECTION)
    assert gone.headers["X-Module-ETag"] == await editor.etag_of("")
    assert "X-Section-ETag" not in gone.headers


async def test_a_long_edit_rereads_nothing(editor: Editor) -> None:
    etag = await editor.etag_of("")
    changed = await editor.send("PATCH", QUESTION, {"prompt": "Really?"}, etag)
    etag = changed.json()["module_etag"]
    renamed = await editor.send("PATCH", SECTION, {"title": "Renamed"}, etag)
    gone = await editor.send("DELETE", SECTION, None, renamed.json()["module_etag"])
    etag = gone.headers["X-Module-ETag"]
    module = await editor.send("PATCH", "", {"title": "Needles"}, etag)
    await editor.send("POST", "/publish", None, module.headers["ETag"])


async def test_within_others_parts_leave_them_out(editor: Editor) -> None:
    quiz = (await editor.send("GET", "")).json()["sections"][1]
    assert {"section_etag", "module_etag"} & {*quiz, *quiz["questions"][0]} == set()


async def test_a_repeated_answer_has_them_too(editor: Editor) -> None:
    key = {"Idempotency-Key": "part-1"}
    first = await editor.send("POST", f"{QUIZ}/questions", TRUE_FALSE, headers=key)
    again = await editor.send("POST", f"{QUIZ}/questions", TRUE_FALSE, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["module_etag"] == first.json()["module_etag"]
