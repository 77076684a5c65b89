"""The formats by name: how each is read, written and served."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from app.core.files import csv_form
from app.domain.content.question_bank import BankFormat
from app.domain.content.quiz.questions import Question
from app.integrations.question_bank.bank import Exported, Imported, NewId
from app.integrations.question_bank.csv_format import parse_csv
from app.integrations.question_bank.csv_writer import write_csv
from app.integrations.question_bank.gift import parse_gift
from app.integrations.question_bank.gift_writer import write_gift
from app.integrations.question_bank.moodle_xml import parse_moodle_xml
from app.integrations.question_bank.moodle_xml_writer import write_moodle_xml


@dataclass(frozen=True, slots=True)
class Codec:
    parse: Callable[[bytes, NewId], Imported]
    write: Callable[[Iterable[Question]], Exported]
    media_type: str
    extension: str


CODECS: Final = {
    BankFormat.GIFT: Codec(parse_gift, write_gift, "text/plain; charset=utf-8", "gift"),
    BankFormat.MOODLE_XML: Codec(parse_moodle_xml, write_moodle_xml, "application/xml", "xml"),
    BankFormat.CSV: Codec(parse_csv, write_csv, csv_form.MEDIA_TYPE, "csv"),
}
