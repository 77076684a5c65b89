"""Removes what a development stack keeps, so that its next start is a first one."""

import shutil
from pathlib import Path
from typing import Final

from devstack.options import DevStackError
from devstack.postgres import DataDirectoryInUse, EmbeddedPostgres

_KEPT: Final = ("postgres", "storage", "auth-signing-keys.json")


def reset(data_dir: Path) -> list[Path]:
    """Remove it; return what there was. What others put into the folder stays."""
    try:
        EmbeddedPostgres(data_dir / "postgres").require_unused()
    except DataDirectoryInUse as error:
        message = f"{data_dir.resolve()} is in use (process id {error.pid}): stop that stack first"
        raise DevStackError(message) from error
    there = [data_dir / name for name in _KEPT if (data_dir / name).exists()]
    try:
        for path in there:
            _remove(path)
    except OSError as error:
        message = f"{error.filename} cannot be removed: {error.strerror}"
        raise DevStackError(message) from error
    return there


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
