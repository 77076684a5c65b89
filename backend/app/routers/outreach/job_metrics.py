"""What there is to do, and whether it is done, for Prometheus."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.repositories.outreach.job import Backlog
from app.schemas.outreach.schedule import ScheduleRead


class _Figures(Collector):
    def __init__(self, backlog: Iterable[Backlog], schedules: Iterable[ScheduleRead]) -> None:
        self._backlog = list(backlog)
        self._schedules = list(schedules)

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "training_jobs", "Jobs by what they wait for", labels=["job", "state"]
        )
        oldest = GaugeMetricFamily(
            "training_jobs_oldest_seconds",
            "How long the first could have been begun",
            labels=["job"],
        )
        for of_one in self._backlog:
            for state in ("waiting", "under_way", "failing", "given_up"):
                jobs.add_metric([of_one.name, state], getattr(of_one, state))
            oldest.add_metric([of_one.name], float(of_one.oldest_seconds))
        late = GaugeMetricFamily(
            "training_schedule_late_seconds",
            "How long ago the first run was due that has not succeeded",
            labels=["schedule"],
        )
        success = GaugeMetricFamily(
            "training_schedule_last_success_timestamp_seconds",
            "When a run succeeded last",
            labels=["schedule"],
        )
        for schedule in self._schedules:
            late.add_metric([schedule.name], schedule.late_seconds)
            if schedule.last_success_at:
                success.add_metric([schedule.name], schedule.last_success_at.timestamp())
        yield from (jobs, oldest, late, success)


def job_metrics(backlog: Iterable[Backlog], schedules: Iterable[ScheduleRead]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Figures(backlog, schedules))
    return generate_latest(registry)
