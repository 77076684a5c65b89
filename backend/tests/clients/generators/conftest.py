import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.main import openapi_document
from tests.clients.node import CLIENTS, alone_in, installed_node

PYTHON = Path(__file__).parent / "python"
COMPILER_OPTIONS = {
    "strict": True,
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "types": [],
}


@pytest.fixture(scope="package", autouse=True)
def _installed() -> None:
    installed_node()


@pytest.fixture(scope="package")
def python_tools() -> Path:
    """Install the Python generator, and return where its commands are."""
    uv = shutil.which("uv")
    assert uv is not None
    with alone_in(PYTHON):
        command = [uv, "sync", "--quiet", "--frozen", "--project", str(PYTHON)]
        subprocess.run(command, check=True)  # noqa: S603  # a constant command
    return PYTHON / ".venv" / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the document, in which TypeScript finds the packages that clients import."""
    (tmp_path / "openapi.json").write_bytes(openapi_document())
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER_OPTIONS}))
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    return tmp_path
