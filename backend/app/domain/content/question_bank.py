from enum import StrEnum


class BankFormat(StrEnum):
    GIFT = "gift"
    MOODLE_XML = "moodle_xml"
    CSV = "csv"
