"""From the weighted answers of GIFT and Moodle to our kinds, saying what does not fit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import Final

from app.domain.content.html import plain_text
from app.domain.content.html_limits import TooComplexError
from app.domain.content.quiz.metadata import QuestionKind
from app.domain.fields import NumberError, exact_number
from app.integrations.question_bank.bank import Found, UnsupportedError, items

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
    """Return feedback as plain text; one with images is dropped, for the question does without."""
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
    if any(0 < answer.weight < FULL for answer in answers):
        found.notes["partial_credit_dropped"] = "Partly right answers count as wrong here."
    if any(answer.weight < 0 for answer in answers):
        found.notes["penalties_changed"] = "A wrong answer takes nothing away here."


def choose_one(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    """Carry a question of which one option is right; shares for others stay behind."""
    right = [place for place, answer in enumerate(answers) if answer.weight == FULL]
    if len(right) != 1:
        raise UnsupportedError(
            code="exactly_one_correct", detail="Exactly one option has to be fully right."
        )
    _note_credit(found, answers)
    options = items([answer.text for answer in answers], found.item_ids)
    metadata = {"options": options, "correct": [options[right[0]]["id"]]}
    found.become(QuestionKind.SINGLE_CHOICE, metadata)
    explain(found, answers)


def choose_several(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    """Carry a question with any number of right options; here all of them weigh the same."""
    right = [place for place, answer in enumerate(answers) if answer.weight > 0]
    share = FULL / max(len(right), 1)
    if any(abs(answers[place].weight - share) > _SAME_WEIGHT for place in right):
        found.notes["weights_equalised"] = "All right options weigh the same here."
    if any(abs(each.weight + share) > _SAME_WEIGHT for each in answers if each.weight <= 0):
        found.notes["penalties_changed"] = "A wrong option takes what a right one gives here."
    options = items([answer.text for answer in answers], found.item_ids)
    metadata = {"options": options, "correct": [options[place]["id"] for place in right]}
    found.become(QuestionKind.MULTIPLE_CHOICE, metadata)
    explain(found, answers)


def write_short(found: Found, answers: Sequence[WeightedAnswer], *, case_sensitive: bool) -> None:
    r"""Carry the fully right texts. `\*` is an asterisk, `*` a wildcard that we do not have."""
    right = [answer.text for answer in answers if answer.weight == FULL]
    if any(_WILDCARD.search(text) for text in right):
        raise UnsupportedError(code="wildcard_unsupported", detail="Wildcards are not supported.")
    _note_credit(found, answers)
    accepted = [text.replace(r"\*", "*") for text in right]
    metadata = {"accepted": accepted, "case_sensitive": case_sensitive}
    found.become(QuestionKind.SHORT_ANSWER, metadata)
    explain(found, answers)


def measure(found: Found, answers: Iterable[tuple[WeightedAnswer, Decimal]]) -> None:
    """Carry the one fully right number; each answer comes with its tolerance."""
    listed = [(answer, tolerance) for answer, tolerance in answers if answer.text != "*"]
    right = [(answer, tolerance) for answer, tolerance in listed if answer.weight == FULL]
    if len(right) != 1:
        raise UnsupportedError(
            code="exactly_one_correct", detail="Exactly one number has to be fully right."
        )
    _note_credit(found, [answer for answer, _ in listed])
    answer, tolerance = right[0]
    found.become(
        QuestionKind.NUMERIC, {"correct": number(answer.text), "tolerance": abs(tolerance)}
    )
    explain(found, [answer for answer, _ in listed])


def decide(found: Found, *, correct: bool, answers: Sequence[WeightedAnswer] = ()) -> None:
    found.become(QuestionKind.TRUE_FALSE, {"correct": correct})
    explain(found, answers)


def match(found: Found, pairs: Sequence[tuple[str, str]]) -> None:
    """Carry pairs of texts; a pair without a left side is a distractor on the right."""
    left_texts = [left for left, _ in pairs if left]
    right_texts = list(dict.fromkeys(right for _, right in pairs))
    ids = found.item_ids
    if len(ids) != len(left_texts) + len(right_texts):
        ids = ()
    left = items(left_texts, ids[: len(left_texts)])
    right = items(right_texts, ids[len(left_texts) :])
    id_of = {item["text"]: item["id"] for item in right}
    matched = [right_text for left_text, right_text in pairs if left_text]
    found.become(
        QuestionKind.MATCHING,
        {
            "left": left,
            "right": right,
            "pairs": {item["id"]: id_of[text] for item, text in zip(left, matched, strict=True)},
        },
    )


def put_in_order(found: Found, texts: Sequence[str]) -> None:
    listed = items(texts, found.item_ids)
    metadata = {"items": listed, "correct": [item["id"] for item in listed]}
    found.become(QuestionKind.ORDERING, metadata)


def explain(found: Found, answers: Sequence[WeightedAnswer]) -> None:
    """Keep general feedback, or else that of the only right answer, as the explanation."""
    told = [answer for answer in answers if answer.feedback]
    right = [answer for answer in told if answer.weight == FULL]
    if not found.explanation and len(right) == 1:
        found.explanation = right[0].feedback
        told.remove(right[0])
    if told:
        found.notes["feedback_dropped"] = "Feedback to single answers stays behind."
