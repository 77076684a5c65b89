"""Hypothesis strategies for questions and answers. Their texts contain words to look for later."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.domain.content.quiz.questions import MAX_TAGS, Question, QuestionKind, parse_question

EXPLANATION_CANARY = "canary-explanation"
TAGS = (EXPLANATION_CANARY, "a]b", "[id:x]", "c\\")

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=6)
texts = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cc"],
        exclude_characters="\ufffe\uffff",
        include_characters="\n\t",
    ),
    min_size=1,
    max_size=30,
).map(lambda text: f"text {text}")
points = st.decimals("0.01", "1000", places=2)
numbers = st.decimals(-1_000_000, 1_000_000, places=4)
tolerances = st.decimals(0, 100, places=2)


pictures = st.none() | st.fixed_dictionaries(
    {"media_id": st.uuids(), "alt": texts.map(lambda text: f"alt ]{text}")}
)


@st.composite
def item_lists(draw: st.DrawFn, max_size: int = 6) -> list[dict[str, Any]]:
    drawn = draw(st.lists(ids, min_size=2, max_size=max_size, unique=True))
    return [
        {"id": item_id, "text": f"{number}. {draw(texts)}", "picture": draw(pictures)}
        for number, item_id in enumerate(drawn)
    ]


def ids_of(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


said = texts.map(lambda text: f"{EXPLANATION_CANARY} {text}")
RESULTS = ("correct", "incorrect")
RESULTS_WITH_SHARES = (*RESULTS, "partly_correct")


def speeches(
    results: Sequence[str], **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any] | None]:
    """Return feedback of some kind, or none."""
    optional = dict.fromkeys(results, said) | more
    return st.none() | st.fixed_dictionaries({}, optional=optional)


def about(item_ids: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(item_ids), said, max_size=3)


@st.composite
def single_choices(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(item_lists())
    correct = draw(st.lists(st.sampled_from(ids_of(options)), min_size=1, unique=True))
    feedback = draw(speeches(RESULTS, options=about(ids_of(options))))
    return {"options": options, "correct": correct, "feedback": feedback}


@st.composite
def multiple_choices(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(item_lists())
    correct = draw(st.lists(st.sampled_from(ids_of(options)), min_size=1, unique=True))
    feedback = draw(speeches(RESULTS_WITH_SHARES, options=about(ids_of(options))))
    return {"options": options, "correct": correct, "feedback": feedback}


@st.composite
def short_answers(draw: st.DrawFn) -> dict[str, Any]:
    accepted = draw(st.lists(texts, min_size=1, max_size=3))
    answers = st.lists(
        st.fixed_dictionaries({"answer": texts | st.sampled_from(accepted), "feedback": said}),
        max_size=3,
        unique_by=lambda each: str(each["answer"]).strip(),
    )
    return {
        "accepted": accepted,
        "case_sensitive": draw(st.booleans()),
        "feedback": draw(speeches(RESULTS, answers=answers)),
    }


@st.composite
def numerics(draw: st.DrawFn) -> dict[str, Any]:
    ranges = st.tuples(numbers, tolerances)
    right = draw(st.lists(ranges, min_size=1, max_size=3))
    told = st.lists(ranges | st.sampled_from(right), max_size=3, unique=True)
    answers = told.flatmap(
        lambda ranges: st.tuples(
            *(
                st.fixed_dictionaries(
                    {"number": st.just(number), "tolerance": st.just(width), "feedback": said}
                )
                for number, width in ranges
            )
        )
    )
    return {
        "correct": right[0][0],
        "tolerance": right[0][1],
        "alternatives": [{"number": number, "tolerance": width} for number, width in right[1:]],
        "feedback": draw(speeches(RESULTS, answers=answers)),
    }


@st.composite
def matchings(draw: st.DrawFn) -> dict[str, Any]:
    left, right = draw(item_lists()), draw(item_lists())
    pairs = {left_id: draw(st.sampled_from(ids_of(right))) for left_id in ids_of(left)}
    feedback = draw(speeches(RESULTS_WITH_SHARES, pairs=about(ids_of(left))))
    return {"left": left, "right": right, "pairs": pairs, "feedback": feedback}


@st.composite
def orderings(draw: st.DrawFn) -> dict[str, Any]:
    items = draw(item_lists())
    correct = draw(st.permutations(ids_of(items)))
    return {"items": items, "correct": correct, "feedback": draw(speeches(RESULTS_WITH_SHARES))}


metadata_by_kind: dict[QuestionKind, st.SearchStrategy[dict[str, Any]]] = {
    QuestionKind.SINGLE_CHOICE: single_choices(),
    QuestionKind.MULTIPLE_CHOICE: multiple_choices(),
    QuestionKind.TRUE_FALSE: st.fixed_dictionaries(
        {
            "correct": st.booleans(),
            "feedback": speeches(RESULTS, options=about(["true", "false"])),
        }
    ),
    QuestionKind.SHORT_ANSWER: short_answers(),
    QuestionKind.NUMERIC: numerics(),
    QuestionKind.MATCHING: matchings(),
    QuestionKind.ORDERING: orderings(),
}


@st.composite
def questions(draw: st.DrawFn, *, kinds: Sequence[QuestionKind] = tuple(QuestionKind)) -> Question:
    kind = draw(st.sampled_from(kinds))
    return parse_question(
        {
            "id": UUID(int=draw(st.integers(0, 2**128 - 1))),
            "kind": kind,
            "prompt": draw(texts),
            "points": draw(points),
            "metadata": draw(metadata_by_kind[kind]),
            "explanation": draw(st.sampled_from([None, EXPLANATION_CANARY])),
            "name": draw(st.none() | said.map(lambda text: text[:255])),
            "category": draw(st.sampled_from([None, "Law", "Law/State", "top/$x$/y"])),
            "tags": draw(st.lists(st.sampled_from(TAGS), max_size=MAX_TAGS)),
            "picture": draw(pictures),
        }
    )


def question(kind: str, metadata: dict[str, Any], **changes: object) -> Question:
    """Build one fixed question; its id depends on nothing."""
    return parse_question(
        {
            "id": UUID(int=1),
            "kind": kind,
            "prompt": "Prompt",
            "points": Decimal(1),
            "metadata": metadata,
            **changes,
        }
    )


def items(*item_ids: str) -> list[dict[str, str]]:
    return [{"id": item_id, "text": f"text of {item_id}"} for item_id in item_ids]
