"""The idiomatic variant: what a good FastAPI and SQLAlchemy tutorial would build.

A session dependency, ORM entities with selectin collections, a response_model, PyJWT on every
request. Same tables, same answers, nothing tuned.
"""

import os
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

from app.domain.content.quiz.questions import learner_view, parse_question
from app.models import (
    Enrollment,
    ModuleVersion,
    SectionProgress,
    TrainingModule,
    User,
    VersionSection,
)
from app.models.study.enrollment import EnrollmentStatus, ProgressState
from app.repositories.study.enrollment_item import enrollment_etag
from app.schemas.base import ListOf
from app.schemas.reference import ModuleReference, UserReference
from app.schemas.study.enrollment import (
    EnrollmentCreate,
    EnrollmentRead,
    ProgressRead,
    ProgressReport,
)

app = FastAPI()
_size = int(os.environ.get("BENCH_CONNECTIONS", "5"))
_engine = create_async_engine(
    os.environ["BENCH_DSN"].replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=_size,
    max_overflow=0,
)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_public_key = os.environ["BENCH_PUBLIC_KEY"]


async def get_session() -> AsyncIterator[AsyncSession]:
    async with _sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def current_user(session: Session, authorization: Annotated[str, Header()]) -> User:
    token = authorization.removeprefix("Bearer ")
    claims = jwt.decode(token, _public_key, algorithms=["ES256"], audience="authenticated")
    statement = select(User).where(User.supabase_id == uuid.UUID(claims["sub"]))
    user = (await session.scalars(statement)).one_or_none()
    if user is None:
        raise HTTPException(401)
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@app.get("/api/v1/enrollments/{enrollment_id}/content")
async def content(enrollment_id: uuid.UUID, session: Session, user: CurrentUser) -> dict[str, Any]:
    enrollment = await session.get(Enrollment, enrollment_id)
    if enrollment is None or enrollment.user_id != user.id:
        raise HTTPException(404)
    module = await session.get_one(
        TrainingModule, enrollment.module_id, options=[selectinload(TrainingModule.sections)]
    )
    return {"module": _module(module), "sections": [_section(part) for part in module.sections]}


def _module(module: TrainingModule) -> dict[str, Any]:
    return {
        "id": module.id,
        "slug": module.slug,
        "title": module.title,
        "summary": module.summary,
        "category": module.category,
        "tags": module.tags,
        "language": module.language,
        "estimated_minutes": module.estimated_minutes,
    }


def _section(section: Any) -> dict[str, Any]:  # noqa: ANN401  # a row
    views = [
        learner_view(
            parse_question(
                {
                    "id": question.id,
                    "kind": question.kind,
                    "prompt": question.prompt,
                    "points": question.points,
                    "metadata": question.answer_metadata,
                    "explanation": question.explanation,
                }
            )
        )
        for question in section.questions
    ]
    return {
        "id": section.id,
        "kind": section.kind,
        "title": section.title,
        "body": section.body,
        "required": section.required,
        "position": section.position,
        "questions": [view.as_json() for view in views],
    }


@app.get("/api/v1/enrollments")
async def dashboard(session: Session, user: CurrentUser) -> ListOf[EnrollmentRead]:
    statement = (
        select(Enrollment)
        .where(Enrollment.user_id == user.id)
        .order_by(Enrollment.enrolled_at.desc(), Enrollment.id.desc())
        .limit(50)
    )
    rows = list(await session.scalars(statement))
    versions = {
        version.id: version
        for version in await session.scalars(
            select(ModuleVersion).where(ModuleVersion.id.in_({row.version_id for row in rows}))
        )
    }
    return ListOf(items=[_read(row, versions[row.version_id], user) for row in rows])


def _read(row: Enrollment, version: ModuleVersion, user: User) -> EnrollmentRead:
    return EnrollmentRead(
        etag=enrollment_etag(row.status, row.source, row.due_on),
        user=UserReference(id=user.id, display_name=user.display_name),
        id=row.id,
        user_id=row.user_id,
        module=ModuleReference(id=row.module_id, title=version.title, category=version.category),
        version=version.number,
        status=row.status,
        source=row.source,
        progress_percent=row.progress_percent,
        due_on=row.due_on,
        enrolled_at=row.enrolled_at,
        completed_at=row.completed_at,
        superseded_by=None,
    )


@app.put("/api/v1/enrollments/{enrollment_id}/sections/{section_id}/progress")
async def progress(
    enrollment_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: ProgressReport,
    session: Session,
    user: CurrentUser,
) -> ProgressRead:
    enrollment = await session.get(Enrollment, enrollment_id, with_for_update=True)
    if enrollment is None or enrollment.user_id != user.id:
        raise HTTPException(404)
    rules = list(
        await session.scalars(
            select(VersionSection).where(VersionSection.version_id == enrollment.version_id)
        )
    )
    rule = next(rule for rule in rules if rule.section_id == section_id)
    known = {row.section_id: row for row in enrollment.progress}
    row = known.get(section_id)
    if row is None:
        row = SectionProgress(section_id=section_id, seconds_spent=0, position=0)
        row.state = ProgressState.IN_PROGRESS
        enrollment.progress.append(row)
    row.seconds_spent = max(row.seconds_spent, payload.seconds_spent)
    row.updated_at = datetime.now(UTC)
    required = [rule.section_id for rule in rules if rule.required]
    done = sum(1 for part in enrollment.progress if part.state is ProgressState.COMPLETED)
    enrollment.progress_percent = 100 * done // len(required)
    await session.commit()
    return ProgressRead.model_validate(
        {
            "section": {
                "section_id": section_id,
                "title": rule.title,
                "kind": rule.kind,
                "required": rule.required,
                "state": row.state,
                "seconds_spent": row.seconds_spent,
                "position": row.position,
                "completed_at": row.completed_at,
            },
            "enrollment": {
                "status": enrollment.status,
                "progress_percent": enrollment.progress_percent,
                "completed_at": enrollment.completed_at,
            },
        }
    )


@app.post("/api/v1/enrollments", status_code=201)
async def enroll(payload: EnrollmentCreate, session: Session, user: CurrentUser) -> EnrollmentRead:
    module = await session.get(TrainingModule, payload.module_id)
    if module is None or module.current_version_id is None:
        raise HTTPException(404)
    version = await session.get_one(ModuleVersion, module.current_version_id)
    statement = select(Enrollment).where(
        Enrollment.user_id == user.id,
        Enrollment.module_id == module.id,
        Enrollment.status == EnrollmentStatus.ACTIVE,
    )
    row = (await session.scalars(statement)).one_or_none()
    if row is None:
        row = Enrollment(user_id=user.id, module_id=module.id, version_id=version.id, progress=[])
        session.add(row)
        await session.commit()
        await session.refresh(row)
    return _read(row, version, user)
