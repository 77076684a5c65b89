"""The wheel installs every file that the source tree has below `app`."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    uv, target = shutil.which("uv"), tmp_path_factory.mktemp("wheel")
    assert uv is not None
    subprocess.run(  # noqa: S603  # our own command
        [uv, "build", "--wheel", "--out-dir", target], cwd=BACKEND.parent, check=True, timeout=120
    )
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_has_the_sql_of_the_database(wheel: zipfile.ZipFile) -> None:
    files = {str(path.relative_to(BACKEND)) for path in (BACKEND / "app").rglob("*.sql")}
    assert "app/models/study/sql/report_progress.sql" in files
    assert files <= set(wheel.namelist())
