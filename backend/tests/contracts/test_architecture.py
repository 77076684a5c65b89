"""Every noun is in all registries, no folder has too many files, and no file is too long."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from fastapi import APIRouter

import app
import app.cli
import app.models
import app.repositories
import app.routers
import app.services
from app import main
from app.cli.app import cli
from app.core.database import Base
from app.repositories.base import Repository
from app.repositories.people.account_note import AccountNotes
from app.repositories.people.word import WordRepository
from app.routers.health import metrics_router
from app.services.base import Service
from app.services.content.authoring import AuthoringService
from app.services.factories import Services
from app.services.people.word import WordService
from app.services.unit_of_work import UnitOfWork

MAX_FILES = 15
MAX_LINES = 400
SHARED = {Service, AuthoringService, WordService, AccountNotes, Repository, WordRepository}
"""What services and repositories are made of, and none themselves."""


def below(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        yield importlib.import_module(found.name)


def defined_below(package: ModuleType, kind: type) -> set[type[Any]]:
    return {
        value
        for module in below(package)
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
    }


def names(kinds: set[type[Any]]) -> list[str]:
    return sorted(kind.__name__ for kind in kinds)


def made_by(registry: type) -> set[type[Any]]:
    """Return the classes that are made by what stands in a class."""
    found: list[object] = []
    for value in vars(registry).values():
        make = getattr(value, "func", value)
        if inspect.isfunction(make):
            found += [cell.cell_contents for cell in make.__closure__ or ()]
            found.append(get_type_hints(make).get("return"))
    return {kind for kind in found if inspect.isclass(kind)}


def test_every_repository_is_in_the_unit_of_work() -> None:
    missing = defined_below(app.repositories, Repository) - made_by(UnitOfWork) - SHARED
    assert names(missing) == [], "add these to app/services/unit_of_work.py"


def test_every_service_is_in_the_factories() -> None:
    missing = defined_below(app.services, Service) - made_by(Services) - SHARED
    assert names(missing) == [], "add these to app/services/factories.py"


def test_every_model_is_known_to_the_migrations() -> None:
    tables = {kind for kind in defined_below(app.models, Base) if "__tablename__" in vars(kind)}
    missing = {kind for kind in tables if kind.__name__ not in app.models.__all__}
    assert names(missing) == [], "add these to app/models/__init__.py"


def test_every_router_is_served() -> None:
    served = {id(router) for router in (*main.ROUTERS, metrics_router)}
    missing = {
        f"{module.__name__}.{name}"
        for module in below(app.routers)
        for name, value in vars(module).items()
        if isinstance(value, APIRouter) and id(value) not in served
    }
    assert sorted(missing) == [], "add these to ROUTERS in app/main.py"


def test_every_group_of_commands_can_be_called() -> None:
    groups = {id(group.typer_instance) for group in cli.registered_groups}
    missing = {
        module.__name__
        for module in below(app.cli)
        if (group := getattr(module, "cli", None)) not in {None, cli} and id(group) not in groups
    }
    assert sorted(missing) == [], "add these to app/cli/app.py"


def test_no_folder_has_too_many_files() -> None:
    root = Path(app.__path__[0])
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    counts = {str(path): len(list(path.glob("*.py"))) for path in folders}
    assert {path: count for path, count in counts.items() if count > MAX_FILES} == {}


def test_no_file_is_too_long() -> None:
    root = Path(app.__path__[0])
    lines = {str(path): len(path.read_text().splitlines()) for path in root.rglob("*.py")}
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}
