r"""GIFT, Moodle's text format for question banks: reading.

Questions are separated by blank lines; `\` before one of `~=#{}:\` makes it ordinary text, and `\n`
is a line feed. What GIFT has no place for travels in a comment line: `// [id:...] [tag:...]`, which
Moodle reads too, and `[points:2] [ids:a b c] [case:sensitive] [feedback:{...}] [pictures:{...}]`,
which are ours.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final

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
    decode,
    refuse_long,
)
from app.integrations.question_bank.conversion import FULL, WeightedAnswer, readable
from app.integrations.question_bank.pictures import take_pictures

BLANK: Final = "_____"
_CATEGORY: Final = "$CATEGORY:"

# Escaped characters become control characters while a question is taken apart. They cannot be
# mistaken for text: control characters of the file itself are dropped first.
ESCAPED: Final = {
    "\\": "\x01",
    "~": "\x02",
    "=": "\x03",
    "#": "\x04",
    "{": "\x05",
    "}": "\x06",
    ":": "\x07",
    "n": "\x08",
}
_RESTORED: Final = str.maketrans({mark: char for char, mark in ESCAPED.items()} | {"\x08": "\n"})
_DROPPED = re.compile("[\x01-\x08]")
_ESCAPE = re.compile(r"\\([\\~=#{}:n])")
_HINT = re.compile(r"\[(id|points|ids|case|feedback|pictures):([^\[\]]*)\]")
_TAG = re.compile(r"\[tag:((?:\\[\]\\]|[^\]])+)\]")
_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORMAT = re.compile(r"\s*\[(html|plain|markdown|moodle)\]", re.IGNORECASE)
_WEIGHT = re.compile(r"\s*%(-?[0-9]{1,3}(?:\.[0-9]{0,10})?)%")
_ANSWER = re.compile(r"([=~])([^=~]*)")
_TRUE_FALSE = re.compile(r"(TRUE|T|FALSE|F)\s*(?:#(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Chunk:
    """The lines of one question with protected escapes. `braces` counts the open braces."""

    line: int
    hints: dict[str, str]
    tags: tuple[str, ...]
    category: str | None
    lines: list[str] = field(default_factory=list)
    braces: int = 0
    has_answers: bool = False
    has_gap: bool = False

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.braces += line.count("{") - line.count("}")
        self.has_answers = self.has_answers or "}" in line

    def ends_before(self, line: str) -> bool:
        if _is_gap(line):
            return self.braces <= 0
        if self.has_gap and "{" in line:
            return True  # an open brace ends with the question
        return line.startswith("::") and self.has_answers and self.braces <= 0


def parse_gift(content: bytes, new_id: NewId) -> Imported:
    """Read a GIFT file; `new_id` names the questions that bring no UUID of their own."""
    intake = Intake(new_id)
    with intake.reading():
        for chunk in _chunks(decode(content)):
            intake.take(Found(chunk.line), partial(_read, chunk=chunk))
    return intake.imported


def _is_gap(line: str) -> bool:
    return not line or line.upper().startswith(_CATEGORY)


def _chunks(text: str) -> Iterator[_Chunk]:
    chunk: _Chunk | None = None
    hints: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    category: str | None = None
    for number, raw in enumerate(_DROPPED.sub("", text).split("\n"), start=1):
        line = _ESCAPE.sub(lambda escape: ESCAPED[escape[1]], raw).strip()
        if line.startswith("//"):
            tags += tuple(re.sub(r"\\([\]\\])", r"\1", tag) for tag in _TAG.findall(raw))
            hints |= dict(_HINT.findall(_TAG.sub("", raw)))
            continue
        if chunk and chunk.ends_before(line):
            yield chunk
            chunk = None
        if _is_gap(line):
            if chunk:
                chunk.has_gap = True
            if line:
                category = category_of(raw.strip()[len(_CATEGORY) :])
            continue
        if chunk is None:
            chunk, hints, tags = _Chunk(number, hints, tags, category), {}, ()
        chunk.add(line)
    if chunk:
        yield chunk


def _read(found: Found, chunk: _Chunk) -> None:
    _take_hints(found, chunk.hints)
    found.category, found.tags = chunk.category, chunk.tags
    text = "\n".join(chunk.lines)
    refuse_long(len(text), text.count("=") + text.count("~"))
    title, text = _title_of(text)
    found.name = title.translate(_RESTORED)
    before, answers, after = _take_apart(text)
    default = _format_of(before, "moodle")
    if after.strip():
        found.notes["missing_word"] = "The answer stood inside the sentence; a blank marks it."
        space = "" if after.lstrip()[0] in ".,;?!" else " "
        before = f"{before.rstrip()} {BLANK}{space}{after.strip()}"
    found.prompt = _text(before, default)
    answers, _, general = answers.partition("####")
    found.explanation = _feedback(found, general, default) or None
    _read_answers(found, answers.strip(), default, chunk.hints.get("case") == "sensitive")
    take_pictures(found, chunk.hints.get("pictures", ""))


def _take_hints(found: Found, hints: dict[str, str]) -> None:
    ids = hints.get("ids", "").split()
    found.item_ids = tuple(ids) if all(map(_ITEM_ID.fullmatch, ids)) else ()
    found.results.update(_feedback_of(hints))
    if "points" in hints:
        found.points = conversion.number(hints["points"])
    found.identify(hints.get("id", ""))


def _feedback_of(hints: dict[str, str]) -> dict[str, Any]:
    """Return the feedback that only our export writes, or nothing if it has another form."""
    try:
        told = json.loads(hints.get("feedback") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _title_of(text: str) -> tuple[str, str]:
    """Split `::title:: text`."""
    if not text.startswith("::"):
        return "", text
    title, _, text = text[2:].partition("::")
    return " ".join(title.split()), text


def _take_apart(text: str) -> tuple[str, str, str]:
    """Return what stands before, in and after the braces."""
    before, opening, rest = text.partition("{")
    answers, closing, after = rest.partition("}")
    if not opening and "}" not in text:
        raise UnsupportedError(code="description_unsupported", detail="This text asks nothing.")
    if "{" in after:
        raise UnsupportedError(
            code="cloze_unsupported", detail="Several answers within one text are not supported."
        )
    if not closing or "{" in answers or "}" in before + after:
        raise UnsupportedError(code="unbalanced_braces", detail="The braces do not match.")
    return before, answers, after


def _format_of(text: str, default: str) -> str:
    written = _FORMAT.match(text)
    return written[1].lower() if written else default


def _text(protected: str, default: str) -> str:
    return readable(_unprotected(protected), _format_of(protected, default))


def _feedback(found: Found, protected: str, default: str) -> str:
    text_format = _format_of(protected, default)
    return conversion.feedback(found, _unprotected(protected), text_format)


def _unprotected(text: str) -> str:
    written = _FORMAT.match(text)
    return text[written.end() if written else 0 :].translate(_RESTORED)


def _read_answers(found: Found, answers: str, default: str, case_sensitive: bool) -> None:  # noqa: FBT001  # private, one caller
    if not answers:
        raise UnsupportedError(code="essay_unsupported", detail="Free text is not graded here.")
    if answers.startswith("#"):
        _read_numbers(found, answers[1:].strip(), default)
    elif decided := _TRUE_FALSE.fullmatch(answers):
        _read_true_false(found, decided, default)
    elif "~" in answers:
        choose = conversion.choose_one if "=" in answers else conversion.choose_several
        choose(found, _weighted(found, answers, default))
    elif "->" in answers:
        pairs = [_pair(found, part, default) for part in _parts(answers, "=")]
        told = [feedback for _, _, feedback in pairs]
        conversion.match(found, [(left, right) for left, right, _ in pairs], told)
    else:
        listed = answers if "=" in answers else f"={answers}"  # one answer may lack its =
        weighted = _weighted(found, listed, "plain", feedback_format=default)
        conversion.write_short(found, weighted, case_sensitive=case_sensitive)


def _read_true_false(found: Found, decided: re.Match[str], default: str) -> None:
    correct = decided[1].upper().startswith("T")
    wrong, _, right = (decided[2] or "").partition("#")
    told = {
        str(correct).lower(): _feedback(found, right, default),
        str(not correct).lower(): _feedback(found, wrong, default),
    }
    conversion.decide(found, correct=correct, told=told)


def _read_numbers(found: Found, answers: str, default: str) -> None:
    listed = answers if answers.startswith(("=", "~")) else f"={answers}"
    measured = []
    for sign, part in _ANSWER.findall(listed):
        weight, spec, feedback = _weigh(sign, part)
        told = _feedback(found, feedback, default)
        # `~` only carries feedback to all other numbers, as does a number that is an asterisk.
        numeral = spec.translate(_RESTORED).strip() if sign == "=" else "*"
        text, tolerance = _measure(numeral) if numeral != "*" else (numeral, Decimal(0))
        measured.append((WeightedAnswer(text, weight, told), tolerance))
    conversion.measure(found, measured)


def _measure(spec: str) -> tuple[str, Decimal]:
    """Read `5`, `5:0.5` or `4.5..5.5` as a number and its tolerance."""
    low, dots, high = spec.partition("..")
    if dots:
        ends = conversion.number(low), conversion.number(high)
        return f"{sum(ends) / 2:f}", abs(ends[1] - ends[0]) / 2
    value, colon, tolerance = spec.partition(":")
    return value.strip(), conversion.number(tolerance) if colon else Decimal(0)


def _weighted(
    found: Found, answers: str, default: str, feedback_format: str | None = None
) -> list[WeightedAnswer]:
    if _ANSWER.sub("", answers).strip() or not answers.startswith(("=", "~")):
        raise UnsupportedError(code="unreadable_answers", detail="An answer starts with = or ~.")
    return [
        WeightedAnswer(
            _text(text, default), weight, _feedback(found, feedback, feedback_format or default)
        )
        for weight, text, feedback in (_weigh(*part) for part in _ANSWER.findall(answers))
    ]


def _weigh(sign: str, part: str) -> tuple[Decimal, str, str]:
    """Split `%50%text#feedback`; without a weight, `=` is right and `~` is wrong."""
    written = _WEIGHT.match(part)
    weight = Decimal(written[1]) if written else FULL if sign == "=" else Decimal(0)
    text, _, feedback = part[written.end() if written else 0 :].partition("#")
    return weight, text, feedback


def _parts(answers: str, sign: str) -> list[str]:
    first, *parts = answers.split(sign)
    if first.strip():
        raise UnsupportedError(code="unreadable_answers", detail="An answer starts with =.")
    return parts


def _pair(found: Found, part: str, default: str) -> tuple[str, str, str]:
    left, arrow, right = part.partition("->")
    if not arrow:
        raise UnsupportedError(code="unreadable_answers", detail="A pair is missing its arrow.")
    right, _, feedback = right.partition("#")
    return _text(left, default), _text(right, "plain"), _feedback(found, feedback, default)
