import re

from app.domain.audit import AuditAction


def test_reads_subject_and_verb() -> None:
    for action in AuditAction:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*:[a-z]+(_[a-z]+)*", action), action


def test_fits_its_column() -> None:
    assert max(map(len, AuditAction)) <= 64
