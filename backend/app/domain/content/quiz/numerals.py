"""Numbers as people type them, whatever their keyboard's locale; ambiguous ones are refused."""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.domain.fields import NumberError

MAX_LENGTH: Final = 40

_SPACES_AND_APOSTROPHES = re.compile(r"[ '\u2019]")
_NUMERAL = re.compile(
    r"([+-]?)([0-9](?:[0-9.,' \u2019]*[0-9.,])?|[.,][0-9]+)"
    r"(?:(?:[eE]| ?[\u00b7\u22c5\u00d7*x] ?10 ?\^ ?)([+-]?[0-9]{1,3}))?"
)
_FRACTION = re.compile(r"([+-]?)(?:([0-9]+) )?([0-9]+)[/\u2044]([1-9][0-9]*)")
_POWER_OF_TEN = re.compile(r"(?<![0-9.,])10(?:\^|(?=[\u2070\u00b9\u00b2\u00b3\u2074-\u207b]))")
_VULGAR_FRACTION = re.compile(" ?([\u00bc-\u00be\u2150-\u215e\u2189])")


def parse_numeral(text: str) -> Decimal:
    """Read `12,5`, `1.234,5`, `1'234`, `1,8·10^-4` or `2½` as the number that each must mean.

    Refused is what two locales read differently: `1,234` and `1.234` are one and a bit to some and
    more than a thousand to others. `0.125`, `1234.567`, `1.2340` and `1.234e3` are not in doubt.
    """
    plain = _plain(text) if len(text) <= MAX_LENGTH else ""
    if fraction := _FRACTION.fullmatch(plain):
        return _divide(*fraction.groups())
    numeral = _NUMERAL.fullmatch(plain)
    if numeral is None:
        raise NumberError(code="not_a_number", detail="This does not read as a number.")
    sign, digits, power = numeral.groups()
    whole, decimals = _split(digits, scientific=power is not None)
    return Decimal(f"{sign}{_ungroup(whole)}.{decimals or '0'}").scaleb(int(power or 0))


def _plain(text: str) -> str:
    """Replace variants of signs; keep the digits of powers and fractions apart from others."""
    spelled = _POWER_OF_TEN.sub("10^", text.strip())
    spelled = spelled if not spelled.startswith("10^") else f"1*{spelled}"
    apart = _VULGAR_FRACTION.sub(lambda found: f" {found[1]}", spelled)
    plain = unicodedata.normalize("NFKC", apart).strip()
    return plain.replace("\N{MINUS SIGN}", "-").replace("- ", "-")


def _divide(sign: str, whole: str | None, numerator: str, denominator: str) -> Decimal:
    """Divide, rounding to what a JSON number holds, because the key has been rounded so too."""
    number = Fraction(int(whole or 0)) + Fraction(int(numerator), int(denominator))
    return Decimal(f"{sign}{float(number)!r}")


def _split(digits: str, *, scientific: bool) -> tuple[str, str]:
    """Cut at the decimal mark; groups of thousands stay in the whole part."""
    marks = [char for char in digits if char in ".,"]
    if not marks or (len(marks) > 1 and len(set(marks)) == 1):
        return digits, ""
    whole, _, fraction = digits.rpartition(marks[-1])
    if len(marks) == 1 and not scientific and _could_be_thousands(whole, fraction):
        raise NumberError(
            code="ambiguous_number",
            detail="Write the number without thousands separators; this one reads in two ways.",
        )
    if not re.fullmatch("[0-9]*", fraction) or not whole + fraction or marks[-1] in whole:
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
