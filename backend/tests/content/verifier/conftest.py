"""A pack of everything that a small organisation has. Each worker makes it once."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.verifier.pack_verifier.patience import MINUTES, patience
from app.domain.content.media.file import MediaPurpose, MediaType
from app.models import ModuleTeaching, TrainingModule, User
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import PackQuery
from app.services.evidence.training_record import TrainingRecordService
from tests.content.verifier.packs import Forged, made_pack
from tests.factories.attempt import ENTRIES, make_quiz, question
from tests.factories.evidence import live_section, make_live_session
from tests.factories.media import make_media, video_section
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.retention import make_leaver, make_record
from tests.factories.user import make_user
from tests.planting import as_owner, unguarded
from tests.support import Api, RollbackDatabase

Packs = dict[str, bytes]
NAMES = ("everything", "part")
# Mutation testing has the packs made once, into this folder: what it changes is the verifier, which
# needs no database.
FOLDER = Path(os.environ["TEST_PACKS"]) if "TEST_PACKS" in os.environ else None
_made: Packs = {}

if FOLDER and all((FOLDER / name).exists() for name in NAMES):

    @pytest.fixture(name="packs")
    def _kept_packs() -> Packs:
        assert FOLDER
        return {name: (FOLDER / name).read_bytes() for name in NAMES}

else:

    @pytest.fixture(name="packs")
    async def _new_packs(
        api: Api, admin: User, author: User, session: AsyncSession, database: RollbackDatabase
    ) -> Packs:
        if not _made:
            _made.update(await _make_packs(api, admin, author, session, database))
            if FOLDER:
                _keep(FOLDER, _made)
        return _made


def _keep(folder: Path, packs: Packs) -> None:
    for name, content in packs.items():
        (folder / name).write_bytes(content)


@pytest.fixture(autouse=True)
def time_enough() -> None:
    """Give each test the hour that a process of its own would have."""
    patience.begin(MINUTES)


@pytest.fixture
def everything(packs: Packs) -> Forged:
    """A pack of all: two rounds of seals, three records not sealed yet, one person erased."""
    return Forged.of(packs["everything"])


@pytest.fixture
def part(packs: Packs) -> Forged:
    """A pack of one module. Of records of other modules it has only the hashes."""
    return Forged.of(packs["part"])


@pytest.fixture
def head(everything: Forged) -> str:
    """The true head of the seals, known as to an auditor who noted it earlier."""
    known: str = everything.manifest["seal_head"]
    return known


@pytest.fixture
def honest(packs: Packs) -> bytes:
    return packs["everything"]


async def _make_packs(
    api: Api, admin: User, author: User, session: AsyncSession, database: RollbackDatabase
) -> Packs:
    people = [await make_user(session, job_title="Hygienist") for _ in range(3)]
    modules = [await make_module(session) for _ in range(3)]
    for module in modules:
        await publish(database, module)
    teaching = {"contact_name": "Ivy Instructor", "contact_qualification": "RN"}
    session.add(ModuleTeaching(module_id=modules[0].id, **teaching))
    await session.commit()
    for person in people[:2]:
        for module in modules[:2]:
            await make_record(session, person, module)
    leaver = await make_leaver(session, database)
    await _seal(database)
    await _correct(api, author, people[2], session, database)
    taught = await _teach(api, admin, people[:2], session, database)
    await _bring(api, admin, people[0], session)
    await _seal(database)
    await session.execute(update(User).where(User.id == leaver.id).values(supabase_id=None))
    await as_owner(session, f"SELECT erase_person('{leaver.id}', 'erased-x', '2022-03-10')")
    await session.commit()
    for person in people:
        await make_record(session, person, modules[2], datetime.now(UTC))
    for module in (*modules[::2], taught):
        await make_requirement(database, module.id)
    card = {"kind": "credential", "credential_kind": "bls"}
    await make_requirement(database, subject=card)
    queries = (PackQuery(), PackQuery(module_id=modules[1].id))
    made = [(await made_pack(database, query))[1] for query in queries]
    return dict(zip(NAMES, made, strict=True))


async def _seal(database: RollbackDatabase) -> None:
    service = TrainingRecordService(database, SYSTEM)
    while await service.seal() is not None:
        pass


async def _correct(
    api: Api, author: User, person: User, session: AsyncSession, database: RollbackDatabase
) -> None:
    """Let somebody pass a quiz, and take another answer for right afterwards."""
    quiz = await make_quiz(
        session, database, question("single_choice"), question("multiple_choice"), pass_mark=50
    )
    first, second = (str(each.id) for each in quiz.questions)
    answers = {first: "c", second: ENTRIES["multiple_choice"][1]}
    await quiz.take(api, person, await quiz.enroll(api, person), answers)
    correction = {
        "section_id": str(quiz.section.id),
        "question_id": first,
        "kind": "accept",
        "answer": "c",
        "note": "Both are right.",
    }
    path = f"/modules/{quiz.module.id}/versions/1/corrections"
    assert (await api.post(path, author, json=correction)).is_success


async def _teach(
    api: Api, admin: User, people: list[User], session: AsyncSession, database: RollbackDatabase
) -> TrainingModule:
    film = video_section(await make_media(session, admin), required=False)
    module = await make_module(session, live_section(), film)
    await publish(database, module)
    # Published last year, so that a file which it shows has been evidence since then.
    async with unguarded(session):
        await as_owner(
            session,
            f"UPDATE module_versions SET created_at = '2025-01-02' WHERE module_id = '{module.id}'",  # noqa: S608  # an id of ours
        )
    live = await make_live_session(session, module, admin, *people)
    path = f"/live-sessions/{live.id}"
    question = {"question": "=1+1?", "answer": "Two."}
    assert (await api.post(f"{path}/questions", admin, json=question)).is_success
    attended = {"attended": [str(person.id) for person in people]}
    assert (await api.put(f"{path}/attendance", admin, json=attended)).is_success
    assert (await api.post(f"{path}/close", admin)).is_success
    return module


async def _bring(api: Api, admin: User, person: User, session: AsyncSession) -> None:
    """Verify a card, and another that turns out to be wrong."""
    scan = await make_media(session, person, MediaType.PNG, MediaPurpose.EVIDENCE)
    for title in ("BLS", "Gone"):
        course = {
            "provider": "@provider",
            "title": title,
            "completed_on": "2026-01-10",
            "hours": 4,
            "credential_kind": "bls",
            "printed_expiry": "2099-12-31",
            "evidence_reference": str(scan.id).upper(),
        }
        entered = await api.post("/external-trainings", person, json=course)
        path = f"/external-trainings/{entered.json()['id']}"
        assert (await api.post(f"{path}/verify", admin, json={"reason": "Seen"})).is_success
    check = {"source": "Red Cross", "checked_on": "2026-02-01", "result": "confirmed"}
    checks = f"/credentials/{entered.json()['id']}/source-checks"
    assert (await api.post(checks, admin, json=check)).is_success
    assert (await api.post(f"{path}/withdraw", admin, json={"reason": "A copy"})).is_success
