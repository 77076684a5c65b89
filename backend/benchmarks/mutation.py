"""Mutation testing of the rules that [tool.mutmut] names: `uv run backend/benchmarks/mutation.py`.

mutmut takes the folder that it runs in for the root of the imports, so it gets one of its own, with
copies of the application, the tests and the project's configuration. Arguments are handed on to
`mutmut run`, as in `--max-children 2` or `app.domain.study.quiz.grading*`. The survivors are listed
at the end; any makes the exit code 1.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        workplace = Path(folder)
        shutil.copy(ROOT / "pyproject.toml", workplace)
        for part in ("app", "tests"):
            shutil.copytree(ROOT / "backend" / part, workplace / part, ignore=WITHOUT_CACHES)
        mutmut = [sys.executable, "-m", "mutmut"]
        ran = subprocess.run([*mutmut, "run", *sys.argv[1:]], cwd=workplace, check=False)  # noqa: S603  # our own command
        if ran.returncode:
            return ran.returncode
        found = subprocess.run(  # noqa: S603  # our own command
            [*mutmut, "results"], cwd=workplace, check=True, capture_output=True, text=True
        )
        sys.stdout.write(found.stdout)
        return 1 if found.stdout.strip() else 0


if __name__ == "__main__":
    sys.exit(main())
