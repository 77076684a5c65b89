"""The picture in docs/compliance.md, and the table below it, say what the engine says."""

import re
from pathlib import Path

from tests.domain.compliance.cases.scenario import d
from tests.domain.compliance.timeline_picture import EVENTS, PICTURE, picture, reached

PAGE = Path(PICTURE).with_name("compliance.md")
STEP = re.compile(r"^\| (\d+) \| ([\d-]{10}) \|.*\| `(\w+)` \|$", re.MULTILINE)


def test_the_picture_is_up_to_date() -> None:
    assert PICTURE.read_text() == picture()


def test_each_step_of_the_table_is_what_was_shown_on_its_day() -> None:
    steps = [(int(number), d(day), said) for number, day, said in STEP.findall(PAGE.read_text())]
    assert steps == [(number, day, reached(day, day)) for number, day in enumerate(EVENTS, 1)]
