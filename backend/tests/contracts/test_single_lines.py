"""Which texts of a request may have several lines: all others are kept on one."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import app.main  # noqa: F401  # defines all request bodies
from app.domain.compliance.audience import Audience
from app.domain.compliance.requirement import Rule
from app.domain.content.quiz.questions import Category, QuestionName, Tag
from app.domain.fields import Folded, Label, Line, OneLine, Reference, is_visible
from app.schemas.base import Payload

# Written in a box of several lines, as clients show them, or checked as a whole by the domain.
SEVERAL_LINES = {
    *("answer", "body", "description", "explanation", "meaning", "notes", "prompt", "question"),
    *("reason", "step", "summary"),
    *("answers", "metadata", "profile_metadata", "settings"),
}
# Of these the note is read by those who are concerned, not by programs that read lines.
SEVERAL_LINES_IN = {
    *(("Publish", "note"), ("CorrectionCreate", "note"), ("StepComplete", "note")),
    ("SourceCheckCreate", "note"),
}
# Put on one line by the domain's own kinds of question.
OF_QUESTIONS = {"name", "category", "tags"}
ENDS = ["\n", "\r", "\t", "\v", "\x07", "\x85", "\u2028", "\u2029"]


def models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in kind.__subclasses__():
        yield model
        yield from models(model)


def one_line_fields() -> dict[str, Any]:
    forms: dict[str, Any] = {}
    everything: list[type[BaseModel]] = [*models(Payload), Rule, Audience]
    for model in everything:
        for name, field in model.model_fields.items():
            several = name in SEVERAL_LINES or (model.__name__, name) in SEVERAL_LINES_IN
            of_question = model.__name__.startswith("Question") and name in OF_QUESTIONS
            if not several and not of_question:
                form: Any = Annotated[field.annotation, *field.metadata, None]
                forms[f"{model.__name__}.{name}"] = form
    return forms


FORMS = one_line_fields()


@pytest.mark.parametrize("name", sorted(FORMS))
def test_is_kept_on_one_line(name: str) -> None:
    adapter = TypeAdapter[Any](FORMS[name])
    kept = [
        text
        for end in ENDS
        for value in (f"a{end}b", [f"a{end}b"])
        for text in _texts(_taken(adapter, value))
        if end in text
    ]
    assert kept == []


LINES = (Line, Label, Reference, OneLine, Folded, QuestionName, Category, Tag)
REORDERING = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
INVISIBLE = ["\u200b", "\u200b\u2060", "\ufeff", "\u00ad", "\u115f", "\ufe0f"]


@pytest.mark.parametrize("form", LINES)
def test_every_kind_of_line_is_read_as_it_is_written(form: Any) -> None:
    """Refused where somebody enters it, left out where rows may hold it that are never rewritten.

    Also if nothing but what cannot be seen is sent.
    """
    adapter = TypeAdapter[Any](form)
    for mark in REORDERING:
        for text in (f"a{mark}b", mark, f"{mark}a"):
            assert not any(mark in kept for kept in _texts(_taken(adapter, text)))
    for text in (*INVISIBLE, *REORDERING):
        assert all(kept == "" or is_visible(kept) for kept in _texts(_taken(adapter, text)))
    assert _taken(adapter, "mot de passe") == "mot de passe"
    assert _taken(adapter, "a\u200db") == "a\u200db"


def _taken(adapter: TypeAdapter[Any], value: object) -> object:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [*value] if isinstance(value, list | set | frozenset | tuple) else []
