import uuid
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.content.quiz.questions import parse_question
from app.integrations.question_bank.bank import meaning
from app.models import AuditEvent, TrainingModule, User
from tests.factories.attempt import every_kind, question
from tests.factories.module import make_module, quiz_section, text_section
from tests.support import Api

FORMATS = ("gift", "moodle_xml", "csv")
CARRIED = {"gift": 6, "moodle_xml": 7, "csv": 7}  # GIFT has no questions about an order
BAD_BESIDE_GOOD = {
    "gift": b"::One::Is it? {T}\n\n::Essay::Describe it. {}\n\nThe last? {F}\n",
    "moodle_xml": b"""<quiz>
<question type="truefalse"><name><text>One</text></name><questiontext><text>Q?</text></questiontext>
</question><question type="essay"><name><text>Essay</text></name></question>
<question type="truefalse"><questiontext><text>Q2?</text></questiontext>
<answer fraction="100"><text>false</text></answer></question></quiz>""".replace(
        b"\n</question>", b"<answer fraction='100'><text>true</text></answer></question>\n"
    ),
    "csv": b"kind,prompt,name,correct\ntrue_false,Q?,One,t\nessay,Q?,Essay,\ntrue_false,X,,f",
}
BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE quiz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<quiz><question type="truefalse"><questiontext><text>&c;</text></questiontext></question></quiz>
"""
EXTERNAL_ENTITY = b"""<?xml version="1.0"?>
<!DOCTYPE quiz [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<quiz><question type="essay"><questiontext><text>&secret;</text></questiontext></question></quiz>
"""


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    return await make_module(session, quiz_section(*every_kind()), quiz_section(), text_section())


def path(module: TrainingModule, section: int = 0) -> str:
    return f"/modules/{module.id}/sections/{module.sections[section].id}/questions"


async def bring(
    api: Api, user: User, where: str, content: bytes, query: str = "gift"
) -> httpx.Response:
    return await api.post(f"{where}/import?format={query}", user, content=content)


async def questions(
    api: Api, user: User, module: TrainingModule, section: int = 0
) -> list[dict[str, Any]]:
    draft = (await api.get(f"/modules/{module.id}", user)).json()
    listed: list[dict[str, Any]] = draft["sections"][section]["questions"]
    return listed


async def test_authors_only(api: Api, module: TrainingModule, learner: User, manager: User) -> None:
    export = f"{path(module)}/export?format=gift"
    assert (await api.get(export)).status_code == HTTPStatus.UNAUTHORIZED
    for user in (learner, manager):
        assert (await api.get(export, user)).status_code == HTTPStatus.FORBIDDEN
        response = await bring(api, user, path(module), b"")
        assert response.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("bank_format", FORMATS)
async def test_export_then_import_changes_nothing(
    api: Api, module: TrainingModule, author: User, bank_format: str
) -> None:
    before = (await api.get(f"/modules/{module.id}", author)).json()
    exported = await api.get(f"{path(module)}/export?format={bank_format}", author)
    carried = CARRIED[bank_format]
    assert exported.headers["X-Not-Carried"] == str(7 - carried)
    assert "attachment" in exported.headers["Content-Disposition"]
    report = (await bring(api, author, path(module), exported.content, bank_format)).json()
    assert (report["found"], report["unchanged"], report["problems"]) == (carried, carried, [])
    assert (report["created"], report["updated"]) == (0, 0)
    assert (await api.get(f"/modules/{module.id}", author)).json() == before


@pytest.mark.parametrize("bank_format", FORMATS)
async def test_import_elsewhere_makes_copies(
    api: Api, module: TrainingModule, author: User, bank_format: str
) -> None:
    exported = await api.get(f"{path(module)}/export?format={bank_format}", author)
    where = path(module, 1)
    report = (await bring(api, author, where, exported.content, bank_format)).json()
    carried = CARRIED[bank_format]
    assert (report["created"], report["updated"], report["unchanged"]) == (carried, 0, 0)
    originals = (await questions(api, author, module))[:carried]
    _, *copies = await questions(api, author, module, 1)
    assert not {each["id"] for each in copies} & {each["id"] for each in originals}
    assert [_meaning(each) for each in copies] == [_meaning(each) for each in originals]


def _meaning(listed: dict[str, Any]) -> dict[str, Any]:
    authored = ("kind", "prompt", "points", "metadata", "explanation", "name", "category", "tags")
    fields = {name: listed[name] for name in authored}
    # Copies have other ids; what they ask and accept is the same.
    return meaning(parse_question({"id": uuid.UUID(int=1), **fields}))


async def test_known_questions_are_changed_in_place(
    api: Api, module: TrainingModule, author: User, session: AsyncSession
) -> None:
    exported = await api.get(f"{path(module)}/export?format=gift", author)
    changed = exported.content.replace(b"A numeric", b"Another numeric")
    report = (await bring(api, author, path(module), changed)).json()
    assert (report["updated"], report["unchanged"]) == (1, 5)
    numeric = (await questions(api, author, module))[4]
    assert numeric["prompt"].startswith("Another numeric")
    assert numeric["id"] == str(module.sections[0].questions[4].id)
    imported = AuditEvent.action == "section:questions_imported"
    event = (await session.scalars(select(AuditEvent).where(imported))).one()
    assert event.after == {"created": 0, "updated": 1, "skipped": 0}


async def test_nothing_is_half_imported(api: Api, module: TrainingModule, author: User) -> None:
    content = b"Is it? {T}\n\nDescribe it. {}\n\nThe last? {F}\n"
    before = await questions(api, author, module)
    response = await bring(api, author, path(module), content)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.json()["code"] == "import_refused"
    assert [each["pointer"] for each in response.json()["errors"]] == ["line:3"]
    assert await questions(api, author, module) == before


@pytest.mark.parametrize("bank_format", FORMATS)
async def test_skip_imports_the_good_beside_the_bad(
    api: Api, module: TrainingModule, author: User, session: AsyncSession, bank_format: str
) -> None:
    content = BAD_BESIDE_GOOD[bank_format]
    query = f"{bank_format}&on_unsupported=skip"
    told = (await bring(api, author, path(module), content, f"{query}&dry_run=true")).json()
    response = await bring(api, author, path(module), content, query)
    assert response.status_code == HTTPStatus.OK, response.text
    report = response.json()
    changed = {"dry_run", "section_etag", "module_etag"}
    assert {name for name in report if report[name] != told[name]} == changed
    assert (report["found"], report["created"]) == (3, 2)
    (skipped,) = report["problems"]
    assert (skipped["line"], skipped["name"], skipped["skipped"]) == (3, "Essay", True)
    assert skipped["code"] in {"essay_unsupported", "kind_unsupported"}
    one, last = (await questions(api, author, module))[-2:]
    assert (one["name"], last["name"]) == ("One", None)
    imported = AuditEvent.action == "section:questions_imported"
    event = (await session.scalars(select(AuditEvent).where(imported))).one()
    assert event.after == {"created": 2, "updated": 0, "skipped": 1}


@pytest.mark.parametrize(
    ("bank_format", "content"),
    [
        ("gift", "Größe? {T}".encode("latin-1")),
        ("gift", b""),
        ("moodle_xml", b"<quiz><question type='truefalse'>"),
        ("csv", b'kind,prompt,correct\ntrue_false,Q?,t\ntrue_false,"open,t\n'),
    ],
)
async def test_nothing_of_an_unreadable_file_is_taken(
    api: Api, module: TrainingModule, author: User, bank_format: str, content: bytes
) -> None:
    query = f"{bank_format}&on_unsupported=skip"
    before = await questions(api, author, module)
    response = await bring(api, author, path(module), content, query)
    assert response.json()["code"] == "import_refused"
    assert await questions(api, author, module) == before


async def test_labels_are_kept(api: Api, module: TrainingModule, author: User) -> None:
    first = (await questions(api, author, module))[0]
    labels = {"name": " Hands\n1 ", "category": "Hygiene", "tags": ["a", "b", "a"]}
    where = f"{path(module)}/{first['id']}"
    etag = (await api.get(where, author)).headers["ETag"]
    response = await api.patch(where, author, json=labels, headers={"If-Match": etag})
    assert response.status_code == HTTPStatus.OK, response.text
    kept = {name: response.json()[name] for name in labels}
    assert kept == {"name": "Hands 1", "category": "Hygiene", "tags": ["a", "b"]}


async def test_dry_run_tells_and_writes_nothing(
    api: Api, module: TrainingModule, author: User
) -> None:
    content = b"Is it? {T}\n\nDescribe it. {}\n"
    before = await questions(api, author, module)
    response = await bring(api, author, path(module), content, "gift&dry_run=true")
    assert response.status_code == HTTPStatus.OK
    report = response.json()
    assert (report["dry_run"], report["found"], report["created"]) == (True, 2, 1)
    assert report["carried"] == {"true_false": 1}
    assert [(each["line"], each["skipped"]) for each in report["problems"]] == [(3, True)]
    assert await questions(api, author, module) == before


async def test_a_question_keeps_its_kind(api: Api, module: TrainingModule, author: User) -> None:
    known = module.sections[0].questions[0].id
    content = f"Is it? {{T}}\n\n// [id:{known}]\nIs it now? {{T}}\n".encode()
    response = await bring(api, author, path(module), content)
    assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [
        ("line:4", "kind_changed")
    ]


@pytest.mark.parametrize("content", [BILLION_LAUGHS, EXTERNAL_ENTITY])
async def test_entities_are_refused(
    api: Api, module: TrainingModule, author: User, content: bytes
) -> None:
    response = await bring(api, author, path(module), content, "moodle_xml")
    assert [each["code"] for each in response.json()["errors"]] == ["invalid_xml"]
    assert "root:" not in response.text


@pytest.mark.parametrize("bank_format", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"\xff\xff", b"{" * 50_000])
async def test_rubbish_is_refused(
    api: Api, module: TrainingModule, author: User, bank_format: str, content: bytes
) -> None:
    response = await bring(api, author, path(module), content, bank_format)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, response.text
    assert response.json()["errors"]


async def test_too_large(api: Api, module: TrainingModule, author: User) -> None:
    response = await bring(api, author, path(module), b"x" * 1_100_000)
    assert response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_report_of_what_stays_behind(api: Api, author: User, session: AsyncSession) -> None:
    metadata = {"accepted": ["a -> b"]}
    arrow = question("short_answer")
    arrow.answer_metadata = metadata
    module = await make_module(session, quiz_section(arrow, question("numeric")))
    response = await api.get(f"{path(module)}/export?format=gift&report=true", author)
    report = response.json()
    assert (report["exported"], len(report["not_carried"])) == (1, 1)
    assert report["not_carried"][0]["question_id"] == str(arrow.id)
    assert report["not_carried"][0]["code"] == "arrow_unsupported"


async def test_quizzes_only(api: Api, module: TrainingModule, author: User) -> None:
    response = await api.get(f"{path(module, 2)}/export?format=csv", author)
    assert (response.status_code, response.json()["code"]) == (409, "not_a_quiz")
    response = await bring(api, author, path(module, 2), b"Is it? {T}")
    assert (response.status_code, response.json()["code"]) == (409, "not_a_quiz")
    unknown = f"/modules/{uuid.uuid4()}/sections/{uuid.uuid4()}/questions"
    response = await bring(api, author, unknown, b"Is it? {T}")
    assert (response.status_code, response.json()["code"]) == (404, "module_not_found")


async def test_idempotency_key_replays(api: Api, module: TrainingModule, author: User) -> None:
    headers = {"Idempotency-Key": "import-once"}
    first, again = [
        await api.post(
            f"{path(module)}/import?format=gift", author, content=b"Is it? {T}", headers=headers
        )
        for _ in range(2)
    ]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert len(await questions(api, author, module)) == 8
