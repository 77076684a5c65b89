"""The lists of departments and job titles, which are alike, and where their words are asked for."""

import unicodedata
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from app.repositories.people.employment import EmploymentRepository
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_user
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase, etag

ANY = {"If-Match": "*"}
FIELDS = {"/departments": "department", "/job-titles": "job_title"}


@pytest.fixture(params=FIELDS)
def words(request: pytest.FixtureRequest) -> str:
    """The address of a list."""
    return str(request.param)


async def add(api: Api, admin: User, words: str, name: str, *aliases: str) -> dict[str, Any]:
    made = await api.post(words, admin, json={"name": name, "aliases": aliases})
    assert made.status_code == HTTPStatus.CREATED, made.text
    body: dict[str, Any] = made.json()
    return body


async def give(api: Api, admin: User, person: User, **fields: Any) -> Response:
    return await api.patch(f"/users/{person.id}", admin, json=fields, headers=ANY)


def near(response: Response) -> list[str]:
    (error,) = response.json()["errors"]
    listed: list[str] = error.get("near", [])
    return listed


class TestList:
    async def test_anonymous(self, api: Api, words: str) -> None:
        assert_anonymous(await api.get(words))

    async def test_everybody_reads_it(
        self, api: Api, admin: User, learner: User, words: str
    ) -> None:
        await add(api, admin, words, "Hygienist", "RDH", "Dental hygienist")
        (item,) = (await api.get(words, learner)).json()["items"]
        members = {"id", "name", "aliases", "confirmed", "created_at", "updated_at", "etag"}
        assert item.keys() == members
        assert item["aliases"] == ["Dental hygienist", "RDH"]

    async def test_comes_in_pages(self, api: Api, admin: User, learner: User, words: str) -> None:
        for name in ("Hygiene", "Dentistry", "Front desk"):
            await add(api, admin, words, name)
        first = (await api.get(f"{words}?limit=2&include_total=true", learner)).json()
        assert [item["name"] for item in first["items"]] == ["Dentistry", "Front desk"]
        assert first["total"] == 3
        query = {"cursor": first["next_cursor"]}
        rest = (await api.get(words, learner, params=query)).json()
        assert [item["name"] for item in rest["items"]] == ["Hygiene"]


class TestCreate:
    async def test_anonymous(self, api: Api, words: str) -> None:
        assert_anonymous(await api.post(words, json={}))

    async def test_only_admins(self, api: Api, manager: User, author: User, words: str) -> None:
        for user in (manager, author):
            assert_problem(await api.post(words, user, json={"name": "A"}), 403, "forbidden")

    async def test_created(self, api: Api, admin: User, learner: User, words: str) -> None:
        body = {"name": "  Front   desk ", "aliases": ["Reception"]}
        made = await api.post(words, admin, json=body)
        assert made.status_code == HTTPStatus.CREATED
        assert (made.json()["name"], made.json()["confirmed"]) == ("Front desk", True)
        read = await api.get(made.headers["Location"].removeprefix("/api/v1"), learner)
        assert (read.json(), read.headers["ETag"]) == (made.json(), made.headers["ETag"])

    @pytest.mark.parametrize(
        "again",
        [
            "HYGIÉNIST",
            "hygie\u0301nist",
            " Hygiénist  ",
            "\uff28\uff39\uff27\uff29\u00c9\uff2e\uff29\uff33\uff34",
            "Hyg\u200diénist",
            "Hygiénist\ufe0f",
            "Hygi\u00adénist",
            "Hyg\u0131énist",
            "HYG\u0130ÉN\u0130ST",
            "rdh",
            "R\u200bD\u200bH",
        ],
    )
    async def test_a_word_is_listed_once_however_it_is_spelled(
        self, api: Api, admin: User, words: str, again: str
    ) -> None:
        await add(api, admin, words, "Hygiénist", "RDH")
        problem = assert_problem(
            await api.post(words, admin, json={"name": again}), 409, "word_taken"
        )
        assert problem["taken"] == [unicodedata.normalize("NFC", " ".join(again.split()))]
        other = {"name": "Assistant", "aliases": [again]}
        assert_problem(await api.post(words, admin, json=other), 409, "word_taken")
        assert len((await api.get(words, admin)).json()["items"]) == 1

    @pytest.mark.parametrize(
        "name",
        [
            "",
            " ",
            "\u200d",
            "\u3164",
            "a\u0000",
            "a\u0007",
            "\ufdfa" * 20,
            "x" * 201,
            "x" * 10_000,
            5,
        ],
    )
    async def test_what_is_no_word(self, api: Api, admin: User, words: str, name: object) -> None:
        refused = await api.post(words, admin, json={"name": name})
        assert [pointer for pointer, _ in pointers(refused)] == ["/name"]
        assert pointers(await api.post(words, admin, json={"name": "A", "aliases": [name]}))

    async def test_is_audited(self, api: Api, admin: User, words: str) -> None:
        made = await add(api, admin, words, "Hygiene")
        query = {"action": f"{FIELDS[words]}:created"}
        (event,) = (await api.get("/audit-events", admin, params=query)).json()["items"]
        assert (event["actor_id"], event["target_id"]) == (str(admin.id), made["id"])
        assert event["after"] == {"name": "Hygiene", "aliases": [], "confirmed": True}


class TestUpdate:
    async def test_anonymous(self, api: Api, words: str) -> None:
        assert_anonymous(await api.patch(f"{words}/{'0' * 32}", json={}))

    async def test_only_admins(self, api: Api, admin: User, manager: User, words: str) -> None:
        made = await add(api, admin, words, "Hygiene")
        refused = await api.patch(f"{words}/{made['id']}", manager, json={}, headers=ANY)
        assert_problem(refused, 403, "forbidden")

    async def test_needs_the_current_version(self, api: Api, admin: User, words: str) -> None:
        path = f"{words}/{(await add(api, admin, words, 'Hygiene'))['id']}"
        body = {"aliases": ["Dental hygiene"]}
        assert (await api.patch(path, admin, json=body)).status_code == 428
        current = etag(await api.get(path, admin))
        done = await api.patch(path, admin, json=body, headers=current)
        assert (done.status_code, done.json()["aliases"]) == (200, ["Dental hygiene"])
        assert (await api.patch(path, admin, json=body, headers=current)).status_code == 412

    async def test_people_keep_a_word_that_is_renamed(
        self, api: Api, admin: User, learner: User, words: str
    ) -> None:
        field = FIELDS[words]
        made = await add(api, admin, words, "Hygene")
        assert (await give(api, admin, learner, **{field: "hygene"})).json()[field] == "Hygene"
        renamed = await api.patch(
            f"{words}/{made['id']}", admin, json={"name": "Hygiene"}, headers=ANY
        )
        assert (renamed.json()["name"], renamed.json()["aliases"]) == ("Hygiene", ["Hygene"])
        assert (await api.get(f"/users/{learner.id}", admin)).json()[field] == "Hygiene"
        refused = await api.patch(f"{words}/{made['id']}", admin, json={"aliases": []}, headers=ANY)
        assert assert_problem(refused, 409, "word_in_use")["used"] == ["Hygene"]
        assert (await give(api, admin, learner, **{field: "HYGENE"})).json()[field] == "Hygiene"

    @pytest.mark.parametrize("name", ["Front Desk", "Front\u2010desk"])
    async def test_people_keep_a_word_that_is_spelled_anew(
        self, api: Api, session: AsyncSession, admin: User, words: str, name: str
    ) -> None:
        """Their employment has it as it was written before."""
        field, before = FIELDS[words], name.replace("\u2010", "-").lower()
        person = await make_user(session)
        made = await add(api, admin, words, before)
        await give(api, admin, person, **{field: before})
        path = f"{words}/{made['id']}"
        assert (await api.patch(path, admin, json={"name": name}, headers=ANY)).is_success
        assert await EmploymentRepository(session).take_effect() == []
        assert (await api.get(f"/users/{person.id}", admin)).json()[field] == name

    async def test_an_alias_nobody_has_is_taken_back(
        self, api: Api, admin: User, words: str
    ) -> None:
        made = await add(api, admin, words, "Hygienist", "Assistant")
        path = f"{words}/{made['id']}"
        done = await api.patch(path, admin, json={"aliases": ["RDH"]}, headers=ANY)
        assert done.json()["aliases"] == ["RDH"]
        assert (await add(api, admin, words, "assistant"))["aliases"] == []
        taken = await api.patch(path, admin, json={"aliases": ["ASSISTANT"]}, headers=ANY)
        assert assert_problem(taken, 409, "word_taken")["taken"] == ["ASSISTANT"]
        taken = await api.patch(path, admin, json={"name": "ASSISTANT"}, headers=ANY)
        assert_problem(taken, 409, "word_taken")
        assert (await api.get(path, admin)).json()["aliases"] == ["RDH"]


class TestUnknownWords:
    """Refused wherever they are entered, with the listed words that may have been meant."""

    async def test_of_people(self, api: Api, admin: User, learner: User, words: str) -> None:
        field = FIELDS[words]
        for name in ("Hygiene", "Front desk"):
            await add(api, admin, words, name)
        today = datetime.now(UTC).date().isoformat()
        invited = {"email": "new@unified.example", field: "Hygene"}
        for response in (
            await give(api, admin, learner, **{field: "Hygene"}),
            await api.post("/users/invite", admin, json=invited),
            await api.post(
                f"/users/{learner.id}/transfer",
                admin,
                json={"effective_on": today, field: "Hygene"},
            ),
        ):
            assert pointers(response) == [(f"/{field}", f"unknown_{field}")]
            assert near(response) == ["Hygiene"]
        assert (await api.get(f"/users/{learner.id}", admin)).json()[field] is None
        unlike = await give(api, admin, learner, **{field: "Orthodontics"})
        assert near(unlike) == []

    async def test_of_audiences(
        self, api: Api, admin: User, module: TrainingModule, words: str
    ) -> None:
        member = f"{FIELDS[words]}s"
        await add(api, admin, words, "Hygiene", "Dental hygiene")
        rule = rule_json(module.id, audience={member: ["Hygene", "hygiene"]})
        response = await api.post("/requirements", admin, json={"title": "R", "rule": rule})
        assert pointers(response) == [(f"/rule/audience/{member}", f"unknown_{FIELDS[words]}")]
        assert near(response) == ["Hygiene", "Dental hygiene"]
        rule = rule_json(module.id, audience={member: ["DENTAL  hygiene"]})
        made = await api.post("/requirements", admin, json={"title": "R", "rule": rule})
        assert made.json()["rule"]["audience"][member] == ["Hygiene"]

    async def test_of_filters(
        self, api: Api, admin: User, learner: User, module: TrainingModule, words: str
    ) -> None:
        field = FIELDS[words]
        await add(api, admin, words, "Hygiene", "RDH")
        await give(api, admin, learner, **{field: "rdh"})
        bulk = {"module_id": str(module.id), "filter": {field: "Hygene"}}
        assert near(await api.post("/enrollments/bulk", admin, json=bulk)) == ["Hygiene"]
        bulk = {"module_id": str(module.id), "filter": {field: "Rdh"}}
        assert (await api.post("/enrollments/bulk", admin, json=bulk)).json()["created"] == 1
        for path in ("/reports/compliance", "/reports/compliance/people", "/users"):
            if path == "/users" and field == "job_title":
                continue
            unknown = await api.get(path, admin, params={field: "Hygene"})
            assert pointers(unknown) == [(f"query:{field}", f"unknown_{field}")]
            assert near(unknown) == ["Hygiene"]
            assert (await api.get(path, admin, params={field: "RDH"})).is_success

    async def test_of_rules_that_name_a_renamed_word(
        self, api: Api, admin: User, learner: User, module: TrainingModule, words: str
    ) -> None:
        """A rule and a person keep meaning the same word, whichever name each was given."""
        field = FIELDS[words]
        made = await add(api, admin, words, "Hygene")
        await give(api, admin, learner, **{field: "Hygene", "hired_on": "2020-01-06"})
        rule = rule_json(module.id, audience={f"{field}s": ["Hygene"]})
        body = {"title": "R", "rule": rule, "effective_from": "2024-01-01"}
        assert (await api.post("/requirements", admin, json=body)).is_success
        path, mine = f"{words}/{made['id']}", f"/users/{learner.id}/compliance"
        before = (await api.get(mine, learner)).json()["items"]
        assert before[0]["why"]["matched"] == [{"criterion": field, "value": "Hygene"}]
        await api.patch(path, admin, json={"name": "Hygiene"}, headers=ANY)
        after = (await api.get(mine, learner)).json()["items"]
        assert after[0]["why"]["matched"] == [{"criterion": field, "value": "Hygiene"}]
        assert after[0]["status"] == before[0]["status"]
        query = {"group_by": "title" if field == "job_title" else field}
        groups = (await api.get("/reports/compliance", admin, params=query)).json()["groups"]
        assert "Hygiene" in {group["key"] for group in groups}
        assert "Hygene" not in {group["key"] for group in groups}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


class TestMerge:
    async def test_anonymous(self, api: Api, words: str) -> None:
        assert_anonymous(await api.post(f"{words}/{uuid.uuid4()}/merge", json={}))

    async def test_two_words_become_one(
        self, api: Api, session: AsyncSession, admin: User, words: str
    ) -> None:
        field, person = FIELDS[words], await make_user(session)
        wrong = await add(api, admin, words, "Hygene", "Hygeine")
        right = await add(api, admin, words, "Hygiene", "Dental hygiene")
        await give(api, admin, person, **{field: "hygeine"})
        merged = await api.post(
            f"{words}/{wrong['id']}/merge", admin, json={"into_id": right["id"]}
        )
        assert merged.status_code == HTTPStatus.OK, merged.text
        assert merged.json()["aliases"] == ["Dental hygiene", "Hygeine", "Hygene"]
        assert_problem(await api.get(f"{words}/{wrong['id']}", admin), 404, f"{field}_not_found")
        assert (await api.get(f"/users/{person.id}", admin)).json()[field] == "Hygiene"
        assert (await give(api, admin, person, **{field: "Hygene"})).json()[field] == "Hygiene"

    async def test_rules_follow(  # fixtures
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        admin: User,
        words: str,
    ) -> None:
        module = await make_module(session)
        await publish(database, module)
        field, person = FIELDS[words], await make_user(session)
        wrong, right = [await add(api, admin, words, name) for name in ("Hygene", "Hygiene")]
        audience = {f"{field}s": ["Hygiene"]}
        body = {"title": "Rule", "rule": rule_json(module.id, audience=audience)}
        await api.post("/requirements", admin, json=body)
        await give(api, admin, person, **{field: "Hygene"})
        await api.post(f"{words}/{wrong['id']}/merge", admin, json={"into_id": right["id"]})
        (line,) = (await api.get(f"/users/{person.id}/compliance", admin)).json()["items"]
        assert line["status"] != "not_required"
        groups = await api.get("/reports/compliance", admin, params={"group_by": "department"})
        assert "Hygene" not in groups.text

    @pytest.mark.parametrize("into", ["itself", "nothing"])
    async def test_not_into_itself_or_nothing(
        self, api: Api, admin: User, words: str, into: str
    ) -> None:
        one = await add(api, admin, words, "One")
        body = {"into_id": one["id"] if into == "itself" else str(uuid.uuid4())}
        response = await api.post(f"{words}/{one['id']}/merge", admin, json=body)
        assert [pointer for pointer, _ in pointers(response)] == ["/into_id"]
