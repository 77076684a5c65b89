"""Field types that domain and schemas share: clean text, exact numbers, days, instants, flags.

They do not convert between JSON types: text is refused for a number, and a number for a day.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.core.email_domain import comparable_email

MAX_MAGNITUDE: Final = 10**15
MIN_MAGNITUDE: Final = Decimal(10) ** -12
MAX_SHORT_TEXT: Final = 2_000
MAX_LONG_TEXT: Final = 20_000
MAX_JSON_CHARACTERS: Final = 16_384

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Characters that XML and spreadsheets cannot contain. Tabs and line feeds are allowed.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
# What begins another line, to people or to programs that read lines, or the next column.
_LINE_ENDS = re.compile("[\t\n\u2028\u2029]")
# Phone keyboards replace plain quotes and hyphens by these. A typed answer must not be wrong
# because of it.
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)
# Characters without a shape of their own, though by their category they are letters or symbols:
# fillers, an empty braille pattern, a note without a head and blanks among hieroglyphs. Then
# joiners of marks, and selectors of a variant of the character before.
SHAPELESS: Final = re.compile(
    "[\u115f\u1160\u2800\u3164\uffa0\U0001d159\U00013441\U00013442"
    "\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_SHAPED: Final = frozenset("LNPS")
"""What the categories of characters that can be seen begin with: letters, numbers and signs."""

# They make a text read in another order than it is written in, and look like another name.
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MAX_MARKS: Final = 30
_LONG_ENOUGH_TO_MATTER: Final = 200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)?")


class NumberError(ValueError):
    """A number that cannot be kept exactly; `detail` never contains the number."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def exact_number(value: object) -> Decimal:
    """Return the decimal number that a JSON number spells, without binary error.

    Refused: booleans, text, NaN, infinities, magnitudes from 10^15 on or below 10^-12, and numbers
    that would come back changed from a JSON number, because keys and answers are kept as JSON.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NumberError(code="not_a_number", detail="A number is expected.")
    # The range is checked before str(), which takes quadratic time for a huge integer.
    if not -MAX_MAGNITUDE < value < MAX_MAGNITUDE:  # false for NaN too
        raise NumberError(code="number_out_of_range", detail="The number is too large.")
    number = Decimal(str(value))
    if number and abs(number) < MIN_MAGNITUDE:
        raise NumberError(code="number_out_of_range", detail="The number is too close to zero.")
    if Decimal(str(float(number))) != number:
        raise NumberError(code="number_too_precise", detail="The number has too many digits.")
    return number or Decimal(0)


def json_number(number: Decimal) -> int | float:
    """Return the JSON number that spells this decimal; exact for all that `exact_number` passes."""
    return int(number) if number == number.to_integral_value() else float(number)


def default_number(number: str) -> Any:  # noqa: ANN401  # as pydantic.Field
    """Give a field of exact numbers a default that JSON schemas spell as a number, not as text."""
    value = Decimal(number)
    return Field(value, json_schema_extra={"default": json_number(value)})


def _stream_safe(text: str) -> str:
    """Break up long runs of combining marks (UAX 15, D4): sorting a run takes quadratic time."""
    if len(text) < _LONG_ENOUGH_TO_MATTER:
        return text
    parts, run = [], 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run > _MAX_MARKS:
            parts.append("\N{COMBINING GRAPHEME JOINER}")
            run = 1
        parts.append(char)
    return "".join(parts)


def normalise_text(text: str, *, case_sensitive: bool = False) -> str:
    """Text as answers are compared: NFKC, plain quotes and dashes, single spaces, folded case.

    Invisible format characters (soft hyphens, zero-width joiners) are dropped.
    """
    if text.isascii():
        # A faster way for ASCII text, which contains none of these characters. It matters because
        # checking a quiz normalises every option.
        return " ".join((text if case_sensitive else text.lower()).split())
    folded = unicodedata.normalize("NFKC", _stream_safe(text)).translate(_TYPOGRAPHY)
    if not case_sensitive:
        folded = unicodedata.normalize("NFKC", folded.casefold())
    if not folded.isprintable():
        folded = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return " ".join(folded.split())


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold this text: no NUL, no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def is_visible(text: str) -> bool:
    """Whether anything of a text can be seen: marks alone and invisible characters cannot."""
    return any(unicodedata.category(char)[0] in _SHAPED for char in SHAPELESS.sub("", text))


def is_name(text: str) -> bool:
    """Whether a text can be read on one line, in the order in which it is written."""
    return (
        is_visible(text)
        and is_storable(text)
        and not any(each.search(text) for each in (_CONTROL, _LINE_ENDS, _REORDERING))
    )


def refuse(code: str, detail: str) -> NoReturn:
    """Fail a Pydantic validator with our own stable code; `detail` must not quote the value."""
    raise PydanticCustomError(code, detail)


def _parse_number(value: object) -> Decimal:
    try:
        return exact_number(value)
    except NumberError as error:
        refuse(error.code, error.detail)


def _refuse_unstorable(text: str) -> str:
    if not is_storable(text):
        refuse("unstorable_text", "The text contains forbidden characters.")
    return text


def _tidy(text: str) -> str:
    """Strip the ends and write line ends one way, so that no exchange format changes the text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _on_one_line(text: str) -> str:
    """Write a text as a name is written: what `is_name` refuses is left out."""
    line = _REORDERING.sub("", " ".join(_CONTROL.sub(" ", text).split()))
    return line.strip() if is_visible(line) else ""


def _refuse_control(text: str) -> str:
    if _CONTROL.search(text):
        refuse("unstorable_text", "The text contains forbidden characters.")
    return text


def _refuse_blank(text: str) -> str:
    if not is_visible(text):
        refuse("blank_text", "The text is blank.")
    return text


def _refuse_line_ends(text: str) -> str:
    if _LINE_ENDS.search(text):
        refuse("several_lines", "The text has to be on one line, without tabs.")
    return text


def _refuse_reordering(text: str) -> str:
    if _REORDERING.search(text):
        refuse("reordered_text", "The text contains characters that change its order.")
    return text


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_JSON_CHARACTERS:
        refuse("too_large", "At most 16 KiB of JSON are kept.")
    if not is_storable(text) or "\\u0000" in text:
        refuse("unstorable_text", "The text contains forbidden characters.")
    return value


def decimals(number: Decimal) -> int:
    """How many digits follow the point, trailing zeros aside."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _at_most_two_decimals(number: Decimal) -> Decimal:
    if decimals(number) > 2:  # noqa: PLR2004  # the name of the function says it
        refuse("number_too_precise", "At most two decimals are kept.")
    return number


@dataclass(frozen=True, slots=True)
class _Written:
    """Refuses the numbers and other spellings that Pydantic would take for a point in time."""

    pattern: re.Pattern[str]
    expected: str

    def __call__(self, value: object) -> object:
        if isinstance(value, date):
            return value
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            refuse("not_iso_8601", self.expected)
        return value


def _whole(value: object) -> object:
    """Take 5.0 for 5: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _not_too_early(day: date) -> date:
    if day < EARLIEST_DAY:
        refuse("too_early", "A day since 1900 is expected.")
    return day


def _is_within_calendar(day: date) -> date:
    # The database driver reads the calendar's first and last days as infinities.
    if day in {date.min, date.max}:
        refuse("out_of_range", "This day is outside of the calendar.")
    return day


def _within_calendar(instant: datetime) -> datetime:
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        utc = None
    # The database driver reads the calendar's first and last instants as infinities, which have no
    # zone.
    if utc is None or utc.date() in {date.min, date.max}:
        refuse("out_of_range", "This instant is outside of the calendar.")
    return utc


ExactNumber = Annotated[
    Decimal,
    BeforeValidator(_parse_number),
    PlainSerializer(json_number, return_type=int | float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
HundredthsNumber = Annotated[ExactNumber, AfterValidator(_at_most_two_decimals)]

ItemId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
StorableText = Annotated[str, AfterValidator(_refuse_unstorable)]
WrittenText = Annotated[StorableText, AfterValidator(_tidy), AfterValidator(_refuse_control)]
OneLine = Annotated[WrittenText, AfterValidator(_on_one_line)]
Folded = Annotated[StorableText, AfterValidator(_on_one_line)]
"""Put on one line instead of refused: rows that are never rewritten may hold several lines."""

ShortText = Annotated[WrittenText, Field(max_length=MAX_SHORT_TEXT), AfterValidator(_refuse_blank)]
LongText = Annotated[WrittenText, Field(max_length=MAX_LONG_TEXT), AfterValidator(_refuse_blank)]

Flag = Annotated[bool, Strict()]
Whole = BeforeValidator(_whole)
"""Makes a field a strict integer. Put it last in Annotated: OpenAPI lacks any bounds after it."""

Day = Annotated[
    date,
    BeforeValidator(_Written(_DAY, "A day is expected, such as 2027-11-20.")),
    AfterValidator(_is_within_calendar),
]
EARLIEST_DAY = date(1900, 1, 1)
"""The earliest day that is accepted. An earlier one is a typing error."""

RecentDay = Annotated[Day, AfterValidator(_not_too_early)]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_Written(_INSTANT, "An instant is expected, such as 2027-11-20T17:30:00Z.")),
    AfterValidator(_within_calendar),
]

# White space around it does not count, which `minLength` alone does not tell a client.
_NOT_BLANK = Field(json_schema_extra={"pattern": r"\S"})


def _readable(text: str) -> str:
    return _refuse_reordering(_refuse_blank(_refuse_control(text)))


Line = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_readable),
    AfterValidator(_refuse_line_ends),
    _NOT_BLANK,
]
Label = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    AfterValidator(_readable),
    AfterValidator(_refuse_line_ends),
    _NOT_BLANK,
]
Reference = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(_readable),
    AfterValidator(_refuse_line_ends),
]
"""Says on one line where something is kept."""

Reason = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
    AfterValidator(_readable),
]
Paragraph = Annotated[StorableText, StringConstraints(max_length=5_000)]
Statement = Annotated[
    str,
    StringConstraints(min_length=1, max_length=5_000),
    AfterValidator(_refuse_unstorable),
    AfterValidator(_refuse_blank),
]
"""A paragraph that has to say something, above what somebody signs for example."""

Email = Annotated[EmailStr, StringConstraints(max_length=320), AfterValidator(comparable_email)]
JsonMap = Annotated[dict[str, Any], AfterValidator(_storable_json)]
Position = Annotated[int, Field(ge=1, le=10_000, strict=True), Whole]


class Value(BaseModel):
    """An immutable value that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types; numbers stay numbers."""
        return self.model_dump(mode="json")
