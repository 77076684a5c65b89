"""Numbers as people type them, whatever their keyboard's locale; ambiguous ones are refused."""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from app.domain.fields import NumberError

MAX_LENGTH: Final = 40

_SPACES_AND_APOSTROPHES = re.compile(r"[ '\u2019]")
_NUMERAL = re.compile(r"([+-]?)([0-9][0-9.,' \u2019]*|[.,][0-9]+)")


def parse_numeral(text: str) -> Decimal:
    """Read `12,5`, `1.234,5`, `1 234.5` or `1'234` as the number that each of them must mean.

    Refused is what two locales read differently: `1,234` and `1.234` are one and a bit to some and
    more than a thousand to others. `0.125`, `1234.567` and `1.2340` are not in doubt.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace("\N{MINUS SIGN}", "-")
    numeral = _NUMERAL.fullmatch(plain) if len(plain) <= MAX_LENGTH else None
    if numeral is None:
        raise NumberError(code="not_a_number", detail="This does not read as a number.")
    sign, digits = numeral.groups()
    whole, fraction = _split(digits)
    return Decimal(f"{sign}{_ungroup(whole)}.{fraction or '0'}")


def _split(digits: str) -> tuple[str, str]:
    """Cut at the decimal mark; groups of thousands stay in the whole part."""
    marks = [char for char in digits if char in ".,"]
    if not marks or (len(marks) > 1 and len(set(marks)) == 1):
        return digits, ""
    whole, _, fraction = digits.rpartition(marks[-1])
    if len(marks) == 1 and _could_be_thousands(whole, fraction):
        raise NumberError(
            code="ambiguous_number",
            detail="Write the number without thousands separators; this one reads in two ways.",
        )
    if not fraction.isascii() or not fraction.isdigit() or marks[-1] in whole:
        raise NumberError(code="not_a_number", detail="This does not read as a number.")
    return whole, fraction


def _could_be_thousands(whole: str, fraction: str) -> bool:
    return re.fullmatch("[1-9][0-9]{0,2}", whole) is not None and len(fraction) == 3  # noqa: PLR2004  # thousands


def _ungroup(whole: str) -> str:
    """Drop the thousands separators: one and the same throughout, before each three digits."""
    grouped = _SPACES_AND_APOSTROPHES.sub(lambda mark: "'" if mark[0] != " " else " ", whole)
    for separator in (" ", "'", ".", ","):
        if re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(separator)}[0-9]{{3}})+", grouped):
            return grouped.replace(separator, "")
    if grouped and not grouped.isdigit():
        raise NumberError(code="not_a_number", detail="This does not read as a number.")
    return grouped or "0"
