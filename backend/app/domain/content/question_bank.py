from enum import StrEnum


class BankFormat(StrEnum):
    GIFT = "gift"
    MOODLE_XML = "moodle_xml"
    CSV = "csv"


class OnUnsupported(StrEnum):
    """What an import does when a question of the file cannot be carried."""

    REFUSE = "refuse"
    SKIP = "skip"
