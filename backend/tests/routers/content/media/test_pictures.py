"""Pictures in bodies, questions and options, from the author's draft to the learner."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.content.media.file import MediaState, MediaType
from app.models import Media, TrainingModule, User
from tests.factories.media import make_media
from tests.factories.module import make_module, quiz_section, text_section
from tests.routers.content.media.conftest import ANY, BASE
from tests.routers.problems import assert_problem, pointers
from tests.support import Api

NOBODYS = uuid.UUID(int=1)
ALT = "A sharps container with a red lid"


def img(media_id: object, alt: str = ALT) -> str:
    return f'<p>Look:</p><img src="media:{media_id}" alt="{alt}">'


def picture(media_id: object, alt: str = ALT) -> dict[str, str]:
    return {"media_id": str(media_id), "alt": alt}


def question(of_prompt: object, *of_options: object) -> dict[str, Any]:
    options = [
        {"id": f"o{n}", "text": f"Bin {n}", "picture": media_id and picture(media_id)}
        for n, media_id in enumerate((*of_options, None, None))
    ]
    return {
        "kind": "single_choice",
        "prompt": "Which bin?",
        "picture": of_prompt and picture(of_prompt),
        "metadata": {"options": options, "correct": ["o0"]},
    }


@dataclass(frozen=True, slots=True)
class Desk:
    """An author with a picture, and a draft of a text and a quiz of one question."""

    api: Api
    author: User
    module: TrainingModule
    png: Media

    @property
    def draft(self) -> str:
        return f"/modules/{self.module.id}"

    @property
    def text(self) -> str:
        return f"{self.draft}/sections/{self.module.sections[0].id}"

    @property
    def questions(self) -> str:
        return f"{self.draft}/sections/{self.module.sections[1].id}/questions"

    async def get(self, path: str) -> httpx.Response:
        return await self.api.get(path, self.author)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.api.post(path, self.author, **content)

    async def change(self, path: str, **fields: Any) -> httpx.Response:
        return await self.api.patch(path, self.author, headers=ANY, json=fields)

    async def delete(self, path: str) -> httpx.Response:
        return await self.api.delete(path, self.author, headers=ANY)

    async def asked(self) -> list[dict[str, Any]]:
        draft = (await self.get(self.draft)).json()
        listed: list[dict[str, Any]] = draft["sections"][1]["questions"]
        return listed


@pytest.fixture
async def desk(api: Api, session: AsyncSession, author: User) -> Desk:
    module = await make_module(session, text_section(), quiz_section())
    return Desk(api, author, module, await make_media(session, author, MediaType.PNG))


class TestBodies:
    async def test_keep_their_pictures(self, desk: Desk) -> None:
        assert (await desk.change(desk.text, body=img(desk.png.id))).json()["body"] == img(
            desk.png.id
        )
        new = {"kind": "text", "title": "New", "body": img(desk.png.id)}
        made = await desk.post(f"{desk.draft}/sections", new)
        assert made.json()["body"] == img(desk.png.id)

    @pytest.mark.parametrize(
        ("html", "code"),
        [
            (img(NOBODYS, alt=""), "picture_without_alt"),
            (img("x"), "picture_without_file"),
            (img(NOBODYS), "unknown_media"),
        ],
    )
    async def test_name_the_picture_that_is_wrong(self, desk: Desk, html: str, code: str) -> None:
        new = {"kind": "text", "title": "New", "body": img(desk.png.id) + html}
        for response in (
            await desk.change(desk.text, body=img(desk.png.id) + html),
            await desk.post(f"{desk.draft}/sections", new),
        ):
            assert pointers(response) == [("/body", code)]
            assert response.json()["errors"][0]["detail"].startswith("Picture 2")

    async def test_show_pictures_alone(
        self, desk: Desk, session: AsyncSession, scan: Media
    ) -> None:
        owner, png = desk.author, MediaType.PNG
        others = {
            scan.id: "unknown_media",
            (await make_media(session, owner, png, state=MediaState.PENDING)).id: "media_not_ready",
            (await make_media(session, owner, MediaType.MP4)).id: "media_type",
            (await make_media(session, owner, MediaType.PDF)).id: "media_type",
        }
        for media_id, code in others.items():
            response = await desk.change(desk.text, body=img(media_id))
            assert pointers(response) == [("/body", code)]

    async def test_an_old_draft_is_not_published_without_them(
        self, desk: Desk, session: AsyncSession
    ) -> None:
        bodies = [img(uuid.uuid4()), img(uuid.uuid4(), alt="")]
        old = await make_module(session, *(text_section(body=body) for body in bodies))
        response = await desk.post(f"/modules/{old.id}/publish")
        problem = assert_problem(response, 422, "module_not_publishable")
        assert {(each["pointer"], each["code"]) for each in problem["errors"]} == {
            ("/sections/0/body", "unknown_media"),
            ("/sections/1/body", "picture_without_alt"),
            ("/sections/1/body", "unknown_media"),
        }


class TestQuestions:
    async def test_show_pictures_beside_prompts_and_options(self, desk: Desk) -> None:
        made = (await desk.post(desk.questions, question(desk.png.id, desk.png.id))).json()
        assert made["picture"] == picture(desk.png.id)
        first, second, _ = made["metadata"]["options"]
        assert first["picture"] == picture(desk.png.id)
        assert "picture" not in second
        path = f"{desk.questions}/{made['id']}"
        changed = await desk.change(path, picture=None)
        assert changed.json()["picture"] is None
        assert changed.json()["metadata"] == made["metadata"]

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"alt": " \n"}, "too_short"),
            ({"alt": "x" * 501}, "too_long"),
            ({"alt": None}, "string_type"),
            ({"media_id": "x"}, "uuid_parsing"),
            ({"media_id": None}, "uuid_type"),
            ({"url": "https://a.example/x.png"}, "extra_forbidden"),
        ],
    )
    async def test_take_nothing_but_a_file_and_words(
        self,
        desk: Desk,
        wrong: dict[str, Any],
        code: str,
    ) -> None:
        (field,) = wrong
        asked = question(desk.png.id, desk.png.id)
        asked["picture"] |= wrong
        assert pointers(await desk.post(desk.questions, asked)) == [(f"/picture/{field}", code)]
        asked = question(desk.png.id, desk.png.id)
        asked["metadata"]["options"][0]["picture"] |= wrong
        assert pointers(await desk.post(desk.questions, asked)) == [
            (f"/metadata/options/0/picture/{field}", code)
        ]

    async def test_name_the_file_that_is_wrong(self, desk: Desk, video: Media) -> None:
        wrong = question(video.id, desk.png.id, uuid.uuid4())
        faults = [
            ("/picture/media_id", "media_type"),
            ("/metadata/options/1/picture/media_id", "unknown_media"),
        ]
        assert pointers(await desk.post(desk.questions, wrong)) == faults
        many = {"items": [question(desk.png.id), wrong]}
        bulk = await desk.post(f"{desk.questions}/bulk", many)
        assert pointers(bulk) == [(f"/items/1{pointer}", code) for pointer, code in faults]
        made = (await desk.post(desk.questions, question(desk.png.id))).json()
        changes = {name: wrong[name] for name in ("picture", "metadata")}
        path = f"{desk.questions}/{made['id']}"
        assert pointers(await desk.change(path, **changes)) == faults
        read = (await desk.get(path)).json()
        assert read["picture"] == picture(desk.png.id)
        old = await desk.post(f"{desk.draft}/publish")
        assert old.is_success


class TestUse:
    @pytest.fixture(params=["body", "question", "option"])
    async def used(
        self,
        request: pytest.FixtureRequest,
        desk: Desk,
    ) -> Media:
        match request.param:
            case "body":
                response = await desk.change(desk.text, body=img(desk.png.id))
            case "question":
                response = await desk.post(desk.questions, question(desk.png.id))
            case _:
                response = await desk.post(desk.questions, question(None, desk.png.id))
        assert response.is_success, response.text
        return desk.png

    async def test_keeps_the_file(self, desk: Desk, used: Media) -> None:
        response = await desk.delete(f"{BASE}/{used.id}")
        assert_problem(response, 409, "media_in_use")

    async def test_lets_enrolled_learners_alone_read_it(
        self, desk: Desk, learner: User, used: Media
    ) -> None:
        path, body = f"{BASE}/{used.id}", {"module_id": str(desk.module.id)}
        assert (await desk.post(f"{desk.draft}/publish")).is_success
        assert_problem(await desk.api.get(path, learner), 404, "media_not_found")
        enrolled = (await desk.api.post("/enrollments", learner, json=body)).json()
        assert (await desk.api.get(path, learner)).is_success
        content = await desk.api.get(f"/enrollments/{enrolled['id']}/content", learner)
        assert str(used.id) in content.text


class TestVersions:
    async def test_are_others_with_another_picture(self, desk: Desk) -> None:
        made = (await desk.post(desk.questions, question(desk.png.id))).json()
        first = (await desk.post(f"{desk.draft}/publish")).json()
        other = picture(desk.png.id, "Another bin")
        await desk.change(f"{desk.questions}/{made['id']}", picture=other)
        comparison = (await desk.get(f"{desk.draft}/comparison")).json()
        (changed,) = comparison["questions"]["changed"]
        assert changed["fields"] == ["picture.alt"]
        second = (await desk.post(f"{desk.draft}/publish")).json()
        for name in ("content_sha256", "answer_key_sha256"):
            assert second[name] != first[name]

    async def test_without_pictures_have_the_hash_that_they_always_had(self, desk: Desk) -> None:
        assert (await desk.post(f"{desk.draft}/publish")).is_success
        path = f"{desk.questions}/{desk.module.sections[1].questions[0].id}"
        await desk.change(path, picture=picture(desk.png.id))
        await desk.change(path, picture=None)
        response = await desk.post(f"{desk.draft}/publish")
        assert_problem(response, 409, "nothing_to_publish")
        assert not (await desk.get(desk.draft)).json()["unpublished_changes"]

    async def test_are_previewed_and_attempted_with_them(self, desk: Desk) -> None:
        await desk.post(desk.questions, question(desk.png.id, desk.png.id))
        quiz = desk.module.sections[1].id
        started = await desk.post(f"{desk.draft}/preview/sections/{quiz}/attempts")
        shown = next(each for each in started.json()["questions"] if "picture" in each)
        assert shown["picture"] == picture(desk.png.id)
        assert [each.get("picture") for each in shown["options"]].count(picture(desk.png.id)) == 1
        content = (await desk.get(f"{desk.draft}/preview")).json()
        assert content["sections"][1]["questions"][1]["picture"] == picture(desk.png.id)

    async def test_copies_and_restored_parts_keep_them(self, desk: Desk) -> None:
        await desk.change(desk.text, body=img(desk.png.id))
        made = (await desk.post(desk.questions, question(desk.png.id, desk.png.id))).json()
        copy = (await desk.post(f"{desk.draft}/duplicate")).json()
        assert copy["sections"][0]["body"] == img(desk.png.id)
        copied = copy["sections"][1]["questions"][1]
        assert (copied["picture"], copied["metadata"]) == (made["picture"], made["metadata"])
        path = f"{desk.questions}/{made['id']}"
        assert (await desk.delete(path)).is_success
        restored = (await desk.post(f"{path}/restore")).json()
        assert restored["picture"] == picture(desk.png.id)


class TestExchange:
    @pytest.mark.parametrize("bank_format", ["gift", "moodle_xml", "csv"])
    async def test_carries_them(self, desk: Desk, bank_format: str) -> None:
        await desk.post(desk.questions, question(desk.png.id, None, desk.png.id))
        before = await desk.asked()
        path = f"{desk.questions}"
        exported = await desk.get(f"{path}/export?format={bank_format}")
        assert exported.headers["X-Not-Carried"] == "0"
        again = f"{path}/import?format={bank_format}"
        report = (await desk.post(again, exported.content)).json()
        assert (report["unchanged"], report["problems"]) == (2, [])
        other = exported.content.replace(ALT.encode(), b"A red lid")
        assert (await desk.post(again, other)).json()["updated"] == 1
        after = await desk.asked()
        assert after[1]["picture"] == picture(desk.png.id, "A red lid")
        options = [each.get("picture") for each in after[1]["metadata"]["options"]]
        assert options == [None, picture(desk.png.id, "A red lid"), None, None]
        assert after[0]["metadata"] == before[0]["metadata"]

    @pytest.mark.parametrize("bank_format", ["gift", "moodle_xml", "csv"])
    async def test_refuses_files_that_are_not_here(self, desk: Desk, bank_format: str) -> None:
        await desk.post(desk.questions, question(desk.png.id))
        path = f"{desk.questions}"
        exported = await desk.get(f"{path}/export?format={bank_format}")
        foreign = exported.content.replace(str(desk.png.id).encode(), str(uuid.uuid4()).encode())
        response = await desk.post(f"{path}/import?format={bank_format}", foreign)
        problem = assert_problem(response, 422, "import_refused")
        assert [each["code"] for each in problem["errors"]] == ["unknown_media"]

    @pytest.mark.parametrize(
        ("pictures", "code"),
        [
            ("[]", "invalid_pictures"),
            ("{", "invalid_pictures"),
            ('{"of": 0, "question": 5}', "model_type"),
            ('{"of": 0, "question": {"media_id": "x", "alt": "x"}}', "uuid_parsing"),
        ],
    )
    async def test_reads_nothing_else_into_them(self, desk: Desk, pictures: str, code: str) -> None:
        told = pictures.replace('"', '""')
        content = f'kind,prompt,correct,pictures\ntrue_false,Q?,t,"{told}"\n'.encode()
        path = f"{desk.questions}/import?format=csv"
        response = await desk.post(path, content)
        assert [each["code"] for each in response.json()["errors"]] == [code]
