"""The content of a version as learners see it.

It is served as it was stored; these models only describe it in the OpenAPI document.
"""

import uuid
from typing import Annotated, Any

from pydantic import Field

from app.domain.content.quiz.questions import QuestionView
from app.domain.content.section_kind import rules_of
from app.domain.content.section_settings import SectionKind
from app.schemas.base import Resource
from app.schemas.described import DescribedAs, Form, OneOfKinds

ShownQuestion = Annotated[dict[str, Any], DescribedAs(QuestionView)]


class ContentModule(Resource):
    id: uuid.UUID
    slug: str
    title: str
    summary: str
    category: str | None
    tags: list[str]
    language: str
    estimated_minutes: int | None


class ContentSection(Resource):
    id: uuid.UUID
    kind: SectionKind
    title: str
    body: str
    required: bool
    position: int
    settings: dict[str, Any]
    questions: list[ShownQuestion]
    """Without answers and explanations; empty if each attempt draws its own questions."""

    minimum_seconds: int = 0
    """The time without which it is not completed; left out where there is none."""

    states: list[str] = Field(default_factory=list)
    """The states, by ISO 3166-2, whose people it is for; left out where it is for everybody."""

    document_sha256: str | None = None
    """SHA-256, in hex, of the text that an acknowledgement signs; left out or null for others."""


def _shown_settings_of(kind: SectionKind) -> dict[str, Form]:
    return {"settings": rules_of(kind).shown_settings}


ContentSectionByKind = Annotated[
    ContentSection, OneOfKinds(ContentSection, SectionKind, _shown_settings_of)
]


class Content(Resource):
    module: ContentModule
    sections: list[ContentSectionByKind]
