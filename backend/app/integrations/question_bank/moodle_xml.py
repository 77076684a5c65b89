"""Moodle XML: reading.

Our own files add `id` attributes to answers and subquestions, keep the question's id in `idnumber`
and have `pictures`; other systems pass over all three.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from app.integrations.question_bank import (
    conversion,
)
from app.integrations.question_bank.bank import (
    Found,
    Imported,
    Intake,
    NewId,
    UnsupportedError,
    category_of,
    refuse_long,
)
from app.integrations.question_bank.conversion import FULL, WeightedAnswer, readable
from app.integrations.question_bank.pictures import take_pictures
from app.integrations.question_bank.xml_tree import Element, InvalidXMLError, parse_xml

_YES: Final = frozenset(
    {"true", "wahr", "richtig", "vrai", "verdadero", "verdadeiro", "vero", "waar"}
)
_NO: Final = frozenset({"false", "falsch", "faux", "falso", "onwaar", "niet waar"})
TRUE: Final = frozenset({"true", "1"})
RESULT_TAGS: Final = {
    "correct": "correctfeedback",
    "partly_correct": "partiallycorrectfeedback",
    "incorrect": "incorrectfeedback",
}
_READ: Final = frozenset(
    {
        "name",
        "questiontext",
        "generalfeedback",
        "defaultgrade",
        "idnumber",
        "tags",
        "hint",
        "pictures",
    }
    | {"single", "shuffleanswers", "answer", "subquestion", "usecase", "units", "gradingtype"}
    | {"selecttype", "selectcount", *RESULT_TAGS.values()}
)
# Elements that are ignored: they concern several tries within one attempt, or the layout.
_OF_NO_EFFECT: Final = frozenset(
    {"penalty", "hidden", "answernumbering", "showstandardinstruction", "shownumcorrect"}
    | {"unitgradingtype", "unitpenalty", "showunits", "unitsleft", "layouttype", "showgrading"}
    | {"numberingstyle"}
)
_ABSOLUTE: Final = frozenset({"", "0", "ABSOLUTE_POSITION"})
_ALL: Final = frozenset({"", "0", "ALL"})
_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def parse_moodle_xml(content: bytes, new_id: NewId) -> Imported:
    """Read a Moodle XML file; `new_id` names the questions that bring no UUID of their own."""
    intake = Intake(new_id)
    try:
        root = parse_xml(content)
    except InvalidXMLError as error:
        intake.stop(error.line, "invalid_xml", "The file is no XML, or declares entities.")
        return intake.imported
    if root.tag != "quiz":
        intake.stop(root.line, "not_a_quiz", "The outermost element has to be <quiz>.")
        return intake.imported
    with intake.reading():
        _take_each(intake, root)
    return intake.imported


def _take_each(intake: Intake, root: Element) -> None:
    category: str | None = None
    for element in root.all("question"):
        if element.attributes.get("type") == "category":
            category = category_of(element.value("category", "text"))
            if element.value("info", "text"):
                detail = "What is told about a category stays behind."
                intake.note(element.line, "category_info_dropped", detail)
        else:
            found = Found(element.line, category=category)
            intake.take(found, partial(_read, element=element))


def _read(found: Found, element: Element) -> None:
    kind = element.attributes.get("type", "")
    name = element.first("name")
    if name and name.attributes.get("derived") != "true":
        found.name = " ".join(element.value("name", "text").split())
    refuse_long(len(element.value("questiontext", "text")), len(element.children))
    read = _READERS.get(kind)
    if read is None:
        raise UnsupportedError(
            code=f"{kind}_unsupported" if kind in _KNOWN_UNSUPPORTED else "kind_unsupported",
            detail="There is no such kind of question here.",
        )
    found.prompt = _text(element.first("questiontext"))
    found.explanation = _feedback(found, element.first("generalfeedback")) or None
    found.points = conversion.number(element.value("defaultgrade") or "1")
    found.identify(element.value("idnumber"))
    tags = element.first("tags")
    found.tags = tuple(tag.value("text") for tag in tags.all("tag")) if tags else ()
    for name_of_result, tag in RESULT_TAGS.items():
        if text := _feedback(found, element.first(tag)):
            found.results[name_of_result] = text
    _note_dropped(found, element)
    read(found, element)
    take_pictures(found, element.value("pictures"))


def _note_dropped(found: Found, element: Element) -> None:
    if any(element.value(tag) for tag in ("image", "image_base64")):
        raise UnsupportedError(code="media_unsupported", detail="Images and media stay behind.")
    if any(hint.value("text") for hint in element.all("hint")):
        found.notes["hints_dropped"] = "Hints stay behind."
    if (element.value("shuffleanswers") or "true").lower() not in TRUE:
        found.notes["order_not_fixed"] = "Whether options are shuffled is a setting of the quiz."
    others = {child.tag for child in element.children if child.text.strip() or child.children}
    if unknown := sorted(others - _READ - _OF_NO_EFFECT):
        found.notes["parts_dropped"] = f"These elements stay behind: {', '.join(unknown[:10])}."


def _text(element: Element | None, text_format: str | None = None) -> str:
    """Read a text in its own format or a given one; files with it make a question unusable."""
    if element is None:
        return ""
    if element.first("file"):
        raise UnsupportedError(code="media_unsupported", detail="Images and media stay behind.")
    # Old files write the text without its own element.
    text = element.first("text")
    text_format = text_format or element.attributes.get("format", "html")
    return readable((text or element).text, text_format)


def _feedback(found: Found, element: Element | None) -> str:
    if element is None:
        return ""
    text_format = element.attributes.get("format", "html")
    return conversion.feedback(found, element.value("text"), text_format)


def _answers(
    found: Found, element: Element, text_format: str | None = None
) -> list[WeightedAnswer]:
    return [
        WeightedAnswer(
            _text(answer, text_format), _weight(answer), _feedback(found, answer.first("feedback"))
        )
        for answer in element.all("answer")
    ]


def _weight(answer: Element) -> Decimal:
    return conversion.number(answer.attributes.get("fraction") or "0")


def _keep_ids(found: Found, *lists: list[Element]) -> None:
    ids = [element.attributes.get("id", "") for listed in lists for element in listed]
    found.item_ids = tuple(ids) if all(map(_ITEM_ID.fullmatch, ids)) else ()


def _read_choice(found: Found, element: Element) -> None:
    _keep_ids(found, element.all("answer"))
    single = (element.value("single") or "true").lower() in TRUE
    choose = conversion.choose_one if single else conversion.choose_several
    choose(found, _answers(found, element))


def _read_true_false(found: Found, element: Element) -> None:
    answers = _answers(found, element)
    right = [answer.text.lower() for answer in answers if answer.weight == FULL]
    if len(right) != 1 or right[0] not in _YES | _NO:
        raise UnsupportedError(
            code="exactly_one_correct", detail="Either true or false has to be fully right."
        )
    told = {
        str(answer.text.lower() in _YES).lower(): answer.feedback
        for answer in answers
        if answer.feedback
    }
    found.results.pop("partly_correct", None)  # no answer is partly right
    conversion.decide(found, correct=right[0] in _YES, told=told)


def _read_short_answer(found: Found, element: Element) -> None:
    case_sensitive = element.value("usecase").lower() in TRUE
    answers = _answers(found, element, "plain")
    conversion.write_short(found, answers, case_sensitive=case_sensitive)


def _read_numeric(found: Found, element: Element) -> None:
    if element.first("units"):
        found.notes["units_dropped"] = "Units stay behind; only the number counts here."
    tolerances = [
        conversion.number(answer.value("tolerance") or "0") for answer in element.all("answer")
    ]
    conversion.measure(found, zip(_answers(found, element), tolerances, strict=True))


def _read_matching(found: Found, element: Element) -> None:
    subquestions = element.all("subquestion")
    pairs = [(_text(each), _text(each.first("answer"), "plain")) for each in subquestions]
    # A subquestion carries the id of its left side, its answer that of its right side.
    left = [each for each, (text, _) in zip(subquestions, pairs, strict=True) if text]
    right = {
        text: each.first("answer") for each, (_, text) in zip(subquestions, pairs, strict=True)
    }
    _keep_ids(found, left, [answer for answer in right.values() if answer])
    told = [_feedback(found, each.first("feedback")) for each in subquestions]
    conversion.match(found, pairs, told)


def _read_ordering(found: Found, element: Element) -> None:
    """Take the answers in their order, or as their fractions number them."""
    answers = sorted(element.all("answer"), key=_weight)
    _keep_ids(found, answers)
    if any(answer.value("feedback", "text") for answer in answers):
        conversion.drop_feedback(found)
    if element.value("gradingtype") not in _ABSOLUTE or element.value("selecttype") not in _ALL:
        found.notes["grading_changed"] = "Here all items are shown, and each in its place counts."
    conversion.put_in_order(found, [_text(answer) for answer in answers])


_READERS: Final[Mapping[str, Callable[[Found, Element], None]]] = {
    "multichoice": _read_choice,
    "truefalse": _read_true_false,
    "shortanswer": _read_short_answer,
    "numerical": _read_numeric,
    "matching": _read_matching,
    "ordering": _read_ordering,
}
_KNOWN_UNSUPPORTED: Final = frozenset(
    {"essay", "description", "cloze", "calculated", "calculatedmulti", "calculatedsimple"}
    | {"ddmatch", "ddwtos", "ddmarker", "ddimageortext", "gapselect", "randomsamatch", "random"}
    | {"multichoiceset", "stack", "coderunner", "regexp"}
)
