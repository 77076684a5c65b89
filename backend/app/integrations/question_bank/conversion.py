"""From the weighted answers of GIFT and Moodle to our kinds, saying what does not fit."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import unescape
from types import MappingProxyType
from typing import Final, TypeVar

from app.domain.content.html import plain_text
from app.domain.content.html_limits import TooComplexError
from app.domain.content.quiz.metadata import QuestionKind
from app.domain.fields import NumberError, exact_number
from app.integrations.question_bank.bank import Found, UnsupportedError, items

KeyT = TypeVar("KeyT", bound=Hashable)
FULL: Final = Decimal(100)
# Shares such as 33.33333 are rounded where they are written.
_SAME_WEIGHT: Final = Decimal("0.01")
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,10}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
_TAG_START = re.compile("<[a-zA-Z/!]")
_IMAGE = re.compile(r"<(?:img|math|video|audio|object|svg|iframe)\b|@@PLUGINFILE@@", re.IGNORECASE)
_WILDCARD = re.compile(r"(?<!\\)\*")


@dataclass(frozen=True, slots=True)
class WeightedAnswer:
    """`weight` in percent of the question's points; wrong answers may take points away."""

    text: str
    weight: Decimal
    feedback: str = ""


def readable(text: str, text_format: str = "html") -> str:
    """Return text of any of Moodle's formats as plain text; images make a question unusable."""
    if text_format in {"plain", "plain_text"}:
        return text.strip()
    if _IMAGE.search(text):
        raise UnsupportedError(code="media_unsupported", detail="Images and formulas stay behind.")
    if text_format == "markdown":
        return text.strip()
    return _without_markup(text)


def _without_markup(text: str) -> str:
    # Where the first tag is not closed by any `>`, no other one is.
    tag = _TAG_START.search(text)
    if (tag is None or ">" not in text[tag.end() :]) and not _ENTITY.search(text):
        return text.strip()
    if "<" not in text:
        return unescape(text).strip()
    try:
        return plain_text(text)
    except TooComplexError as error:
        raise UnsupportedError(code="too_complex", detail=error.detail) from None


def feedback(found: Found, text: str, text_format: str = "html") -> str:
    """Return feedback as plain text. Feedback with images is dropped, and the question kept."""
    try:
        return readable(text, text_format)
    except UnsupportedError:
        found.notes["media_dropped"] = "Feedback with images or media stays behind."
        return ""


def number(text: str) -> Decimal:
    """Read a number as files write it: a point as the decimal mark, perhaps an exponent."""
    try:
        return exact_number(Decimal(text.strip()))
    except (InvalidOperation, NumberError):
        raise UnsupportedError(code="not_a_number", detail="A number was expected here.") from None


def _note_credit(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    partly = found.results.pop("partly_correct", None)
    if any(0 < answer.weight < FULL for answer in answers):
        found.notes["partial_credit_dropped"] = "Partly right answers count as wrong here."
        if partly:
            found.notes["combined_feedback_dropped"] = "Nothing is partly right here."
    if any(answer.weight < 0 for answer in answers):
        found.notes["penalties_changed"] = "A wrong answer takes nothing away here."


def choose_one(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    """Convert a question with one right option; partial points for other options are lost."""
    right = [place for place, answer in enumerate(answers) if answer.weight == FULL]
    if not right:
        raise UnsupportedError(code="nothing_correct", detail="No option is fully right.")
    _note_credit(found, answers)
    _choose(found, QuestionKind.SINGLE_CHOICE, answers, right)


def choose_several(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    """Convert a question with any number of right options. Here all of them weigh the same."""
    right = [place for place, answer in enumerate(answers) if answer.weight > 0]
    share = FULL / max(len(right), 1)
    if any(abs(answers[place].weight - share) > _SAME_WEIGHT for place in right):
        found.notes["weights_equalised"] = "All right options weigh the same here."
    if any(abs(each.weight + share) > _SAME_WEIGHT for each in answers if each.weight <= 0):
        found.notes["penalties_changed"] = "A wrong option takes what a right one gives here."
    _choose(found, QuestionKind.MULTIPLE_CHOICE, answers, right)


def _choose(
    found: Found, kind: QuestionKind, answers: Sequence[WeightedAnswer], right: Sequence[int]
) -> None:
    options = items([answer.text for answer in answers], found.item_ids)
    metadata = {"options": options, "correct": [options[place]["id"] for place in right]}
    told = {
        option["id"]: answer.feedback
        for option, answer in zip(options, answers, strict=True)
        if answer.feedback
    }
    found.become(kind, metadata, options=told)


def write_short(found: Found, answers: Sequence[WeightedAnswer], *, case_sensitive: bool) -> None:
    r"""Convert the fully right texts. `\*` is an asterisk, `*` a wildcard that we do not have."""
    right = [answer for answer in answers if answer.weight == FULL]
    if any(_WILDCARD.search(answer.text) for answer in right):
        raise UnsupportedError(code="wildcard_unsupported", detail="Wildcards are not supported.")
    _note_credit(found, answers)
    told: dict[str, str] = {}
    for answer in answers:
        if answer.feedback and not _tell_others(found, answer):
            if _WILDCARD.search(answer.text) or not answer.text:
                drop_feedback(found)
            else:
                _tell(found, told, _literal(answer.text), answer.feedback)
    metadata = {
        "accepted": [_literal(answer.text) for answer in right],
        "case_sensitive": case_sensitive,
    }
    listed = [{"answer": text, "feedback": feedback} for text, feedback in told.items()]
    found.become(QuestionKind.SHORT_ANSWER, metadata, answers=listed)


def _literal(text: str) -> str:
    return text.replace(r"\*", "*")


def _tell_others(found: Found, answer: WeightedAnswer) -> bool:
    """Take feedback on all other answers as feedback on wrong ones, if there is none yet."""
    if answer.text not in {"", "*"} or answer.weight != 0 or "incorrect" in found.results:
        return False
    found.results["incorrect"] = answer.feedback
    return True


def _tell(found: Found, told: dict[KeyT, str], key: KeyT, text: str) -> None:
    if key in told:
        drop_feedback(found)
    else:
        told[key] = text


def drop_feedback(found: Found) -> None:
    found.notes["feedback_dropped"] = "Feedback to some answers has no place here."


def measure(found: Found, measured: Iterable[tuple[WeightedAnswer, Decimal]]) -> None:
    """Convert the fully right numbers with their tolerances."""
    listed = list(measured)
    right = [
        {"number": number(answer.text), "tolerance": abs(tolerance)}
        for answer, tolerance in listed
        if answer.weight == FULL
    ]
    if not right:
        raise UnsupportedError(code="nothing_correct", detail="No number is fully right.")
    _note_credit(found, [answer for answer, _ in listed])
    told: dict[tuple[Decimal, Decimal], str] = {}
    for answer, tolerance in listed:
        if answer.feedback and not _tell_others(found, answer):
            try:
                _tell(found, told, (number(answer.text), abs(tolerance)), answer.feedback)
            except UnsupportedError:
                drop_feedback(found)
    first, *others = right
    metadata = {
        "correct": first["number"],
        "tolerance": first["tolerance"],
        "alternatives": others,
    }
    answers = [
        {"number": about, "tolerance": width, "feedback": text}
        for (about, width), text in told.items()
    ]
    found.become(QuestionKind.NUMERIC, metadata, answers=answers)


def decide(found: Found, *, correct: bool, told: Mapping[str, str] = MappingProxyType({})) -> None:
    """Convert a true/false question; `told` has the feedback on `true` and on `false`."""
    options = {answer: text for answer, text in told.items() if text}
    found.become(QuestionKind.TRUE_FALSE, {"correct": correct}, options=options)


def match(found: Found, pairs: Sequence[tuple[str, str]], told: Sequence[str] = ()) -> None:
    """Convert pairs of texts; a pair without a left side is a distractor on the right."""
    left_texts = [left for left, _ in pairs if left]
    right_texts = list(dict.fromkeys(right for _, right in pairs))
    ids = found.item_ids
    if len(ids) != len(left_texts) + len(right_texts):
        ids = ()
    left = items(left_texts, ids[: len(left_texts)])
    right = items(right_texts, ids[len(left_texts) :])
    id_of = {item["text"]: item["id"] for item in right}
    matched = [right_text for left_text, right_text in pairs if left_text]
    padded = [*told, *([""] * len(pairs))]
    if any(text for text, (left_text, _) in zip(padded, pairs, strict=False) if not left_text):
        drop_feedback(found)
    said = [text for text, (left_text, _) in zip(padded, pairs, strict=False) if left_text]
    found.become(
        QuestionKind.MATCHING,
        {
            "left": left,
            "right": right,
            "pairs": {item["id"]: id_of[text] for item, text in zip(left, matched, strict=True)},
        },
        pairs={item["id"]: text for item, text in zip(left, said, strict=True) if text},
    )


def put_in_order(found: Found, texts: Sequence[str]) -> None:
    listed = items(texts, found.item_ids)
    metadata = {"items": listed, "correct": [item["id"] for item in listed]}
    found.become(QuestionKind.ORDERING, metadata)
