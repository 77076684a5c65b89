"""What the tests of all exchange formats share."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.domain.content.quiz.questions import Question, answer_key
from app.integrations.question_bank.bank import Imported, NewId
from tests.domain.content.quiz.strategies import question

hostile_texts = st.lists(
    st.sampled_from(
        [*"~=#{}:\\n*%[]<>/ \n\t$&;,'\"+-@x", "::", "//", "->", "[html]", "&lt;", "<b>", "]]>"]
    ),
    max_size=12,
).map(lambda parts: f"{''.join(parts)}x")


def new_ids() -> NewId:
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def normal(question: Question) -> dict[str, Any]:
    """Return a question without the orders that mean nothing."""
    raw = answer_key(question)
    metadata = raw["metadata"]
    match question.kind:
        case "single_choice" | "multiple_choice":
            metadata["correct"].sort()
        case "matching":
            metadata["right"].sort(key=lambda item: item["id"])
        case "ordering":
            metadata["items"].sort(key=lambda item: item["id"])
    return raw


def normals(questions: Iterable[Question]) -> list[dict[str, Any]]:
    return [normal(question) for question in questions]


def reader(parse: Callable[[bytes, NewId], Imported]) -> Callable[[str], Imported]:
    return lambda text: parse(text.encode(), new_ids())


def one(imported: Imported) -> dict[str, Any]:
    """Return the only question of a file, with the notes on it; nothing else may be wrong."""
    assert [problem for problem in imported.problems if problem.skipped] == []
    (question,) = imported.questions
    raw = answer_key(question)
    return {
        "kind": raw["kind"],
        **{label: raw[label] for label in ("name", "category", "tags") if raw.get(label)},
        "prompt": raw["prompt"],
        **raw["metadata"],
        "explanation": raw["explanation"],
        "notes": [problem.code for problem in imported.problems],
    }


def problems(imported: Imported) -> list[tuple[int, str]]:
    assert imported.found >= len(imported.questions)
    return [(problem.line, problem.code) for problem in imported.problems if problem.skipped]


@st.composite
def hostile_banks(draw: st.DrawFn) -> list[Question]:
    """Questions of all kinds with texts, whose text looks like syntax."""
    prompt, text, explanation = draw(hostile_texts), draw(hostile_texts), draw(hostile_texts)
    said, name, tag = draw(hostile_texts), draw(hostile_texts), draw(hostile_texts)
    told = {"correct": said, "incorrect": explanation}
    shares = {**told, "partly_correct": prompt}
    labels = {"name": name, "category": draw(hostile_texts), "tags": [tag.replace(";", ",")]}
    choices = [{"id": "one", "text": text}, {"id": "2", "text": "other"}]
    metadata_by_kind: dict[str, dict[str, Any]] = {
        "single_choice": {
            "options": choices,
            "correct": ["one"],
            "feedback": {**told, "options": {"2": said}},
        },
        "multiple_choice": {
            "options": choices,
            "correct": ["one"],
            "feedback": {**shares, "options": {"one": said, "2": prompt}},
        },
        "true_false": {"correct": False, "feedback": {**told, "options": {"true": said}}},
        "short_answer": {
            "accepted": [text, "other"],
            "case_sensitive": True,
            "feedback": {**told, "answers": [{"answer": f"{said}y", "feedback": explanation}]},
        },
        "numeric": {
            "correct": 1,
            "alternatives": [{"number": 2}],
            "feedback": {**told, "answers": [{"number": 3, "tolerance": 1, "feedback": said}]},
        },
        "matching": {
            "left": choices,
            "right": choices,
            "pairs": {"one": "one", "2": "one"},
            "feedback": {**shares, "pairs": {"one": said}},
        },
        "ordering": {"items": choices, "correct": ["2", "one"], "feedback": shares},
    }
    return [
        question(
            kind, metadata, id=UUID(int=number), prompt=prompt, explanation=explanation, **labels
        )
        for number, (kind, metadata) in enumerate(metadata_by_kind.items())
    ]
