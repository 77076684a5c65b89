"""Schemathesis against the application in this process, on a database of its own."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from fastapi import FastAPI
from schemathesis import Case
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import Interaction
from schemathesis.python.asgi import shutdown_lifespans

from tests.contracts.world import World
from tests.support import LocalKeys

# Refusals that a well-formed request may meet: another version, a missing row, a domain rule.
REFUSALS = ["2xx", "304", "401", "403", "404", "409", "412", "422", "428"]


@dataclass
class Findings:
    failures: dict[str, Failure] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    cases: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    checks: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Why well-formed requests were refused with 422, by operation, pointer and code."""

    def take(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError):
            self.errors.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.ScenarioFinished):
            self._take_scenario(event)

    def _take_scenario(self, event: events.ScenarioFinished) -> None:
        for case_id, node in event.recorder.cases.items():
            self.cases[event.phase.value] += 1
            self.operations.add(node.value.operation.label)
            self._take_refusal(node.value, event.recorder.interactions.get(case_id))
            for check in event.recorder.checks.get(case_id, []):
                self.checks[check.name] += 1
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    self.failures[f"{check.name} {failure.operation} {failure.message}"] = failure

    def _take_refusal(self, case: Case[Any], interaction: Interaction | None) -> None:
        response = interaction.response if interaction else None
        positive = case.meta is not None and case.meta.generation.mode.is_positive
        if response is None or response.status_code != 422 or not positive:
            return
        for fault in response.json().get("errors", []):
            self.refusals[case.operation.label, fault["pointer"], fault["code"]] += 1


@dataclass(frozen=True, slots=True)
class Run:
    """`identities` are tried in order; those in `peers` must not see each other's objects."""

    identities: dict[str, str]
    peers: tuple[str, ...] = ()
    examples: int = 5
    phases: tuple[str, ...] = ("examples", "coverage", "fuzzing", "stateful")
    paths: str = ".*"
    seed: int | None = None


def fuzz(app: FastAPI, world: World, run: Run, directory: Path) -> Findings:
    """Run Schemathesis' own engine, as its command line does, and collect what it found."""
    config = schemathesis.Config.from_dict(_configuration(world, run, directory))
    loaded = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    schema = loaded.include(path_regex=run.paths)
    findings = Findings()
    try:
        for event in from_schema(schema).execute():
            findings.take(event)
    finally:
        shutdown_lifespans()
    return findings


def _configuration(world: World, run: Run, directory: Path) -> dict[str, Any]:
    generation = {"max-examples": run.examples, "no-shrink": True}
    phases = {name: {"enabled": name in run.phases} for name in _PHASES}
    auth: dict[str, Any] = {"path": str(_auth_file(run, directory))}
    if run.peers:
        auth["peers"] = list(run.peers)
    configuration: dict[str, Any] = {
        "continue-on-failure": True,
        "suppress-health-check": ["all"],
        "cache": {"enabled": False},
        "generation": generation | {"database": "none"},
        "phases": phases,
        "checks": {
            "positive_data_acceptance": {"expected-statuses": REFUSALS},
            "negative_data_rejection": {"expected-statuses": [*REFUSALS[2:], "405", "413"]},
            "missing_required_header": {"expected-statuses": ["401", "403", "404", "422", "428"]},
        },
        "auth": {"wfc": auth},
        "warnings": False,
        **_known_ids(world),
    }
    if run.seed is not None:
        configuration["seed"] = run.seed
    return configuration


_PHASES = ("examples", "coverage", "fuzzing", "stateful")


def _auth_file(run: Run, directory: Path) -> Path:
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in run.identities.items()
    ]
    path = directory / "identities.json"
    path.write_text(json.dumps({"auth": users}))
    return path


def _known_ids(world: World) -> dict[str, Any]:
    """Let some requests reach rows that exist; random ids meet 404 alone."""
    people = world.people
    known = {
        "user_id": [people.learner.id, people.other_learner.id, people.manager.id],
        "location_id": [world.office.id, world.far_office.id],
        "module_id": [world.module.id, world.draft.id],
        "section_id": [section.id for section in world.module.sections],
        "enrollment_id": [training.enrollment_id for training in world.training.values()],
        "attempt_id": [training.attempt_id for training in world.training.values()],
        "record_id": [training.record_id for training in world.training.values()],
    }
    dictionaries = {name: {"values": [str(each) for each in ids]} for name, ids in known.items()}
    parameters = {f"path.{name}": {"dictionary": name, "probability": 0.7} for name in known}
    return {
        "dictionaries": dictionaries | {"versions": {"values": ["*"]}},
        "parameters": parameters | {"header.If-Match": {"dictionary": "versions"}},
    }


def tokens(world: World, keys: LocalKeys, *names: str) -> dict[str, str]:
    found = {}
    for name in names:
        user = getattr(world.people, name)
        assert user.supabase_id is not None
        found[name] = keys.token(user.supabase_id, user.email)
    return found
