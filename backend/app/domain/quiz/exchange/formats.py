"""The formats by name: how each is read, written and served."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.quiz.exchange.bank import Exported, Imported, NewId
from app.domain.quiz.exchange.csv_format import parse_csv, write_csv
from app.domain.quiz.exchange.gift import parse_gift
from app.domain.quiz.exchange.gift_writer import write_gift
from app.domain.quiz.exchange.moodle_xml import parse_moodle_xml
from app.domain.quiz.exchange.moodle_xml_writer import write_moodle_xml
from app.domain.quiz.questions import Question


class BankFormat(StrEnum):
    GIFT = "gift"
    MOODLE_XML = "moodle_xml"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Codec:
    parse: Callable[[bytes, NewId], Imported]
    write: Callable[[Iterable[Question]], Exported]
    media_type: str
    extension: str


CODECS: Final = {
    BankFormat.GIFT: Codec(parse_gift, write_gift, "text/plain; charset=utf-8", "gift"),
    BankFormat.MOODLE_XML: Codec(parse_moodle_xml, write_moodle_xml, "application/xml", "xml"),
    BankFormat.CSV: Codec(parse_csv, write_csv, "text/csv; charset=utf-8", "csv"),
}
