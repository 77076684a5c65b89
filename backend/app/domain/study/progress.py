"""What a learner's own report must reach to complete a section."""

import math
from dataclasses import dataclass

from app.domain.content.section_settings import (
    DocumentSettings,
    Settings,
    TextSettings,
    VideoSettings,
)


@dataclass(frozen=True, slots=True)
class ReportRule:
    """Both are in seconds: of study time, and of the position in a video."""

    minimum_seconds: int = 0
    minimum_position: float = 0


def report_rule(settings: Settings) -> ReportRule:
    """Return the thresholds that the database applies when it takes a progress report.

    Quizzes, acknowledgements and live sessions are never completed by a report, whatever it says.
    """
    match settings:
        case TextSettings() | DocumentSettings():
            return ReportRule(minimum_seconds=settings.minimum_seconds)
        case VideoSettings(duration_seconds=int(duration)):
            return ReportRule(minimum_position=math.ceil(settings.watch_share * duration))
        case _:
            return ReportRule()
