"""Programs that tests run, and that are not Python packages."""

import os
import shutil

import pytest


def installed(*names: str, needed_for: str, path: str | None = None) -> str:
    """Return where the first of the programs is. CI must have one; elsewhere the test is left out.

    `path` is where to look; `PATH` where it is None.
    """
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if found is None:
        missing = f"{needed_for} needs {' or '.join(names)}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
