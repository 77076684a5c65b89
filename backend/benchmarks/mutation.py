"""Mutation testing of the rules that [tool.mutmut] names: `uv run backend/benchmarks/mutation.py`.

mutmut takes the folder that it runs in for the root of the imports, so it gets one of its own, with
copies of the application, the tests and the project's configuration; and with packs for the
verifier, which a test first has PostgreSQL make. Arguments are handed on to `mutmut run`, as in
`--max-children 2` or `app.domain.study.quiz.grading*`. Counts for each module come last, after the
mutants that no test noticed; any of those makes the exit code 1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKES_PACKS = "backend/tests/content/verifier/test_honest.py"
WITHOUT_CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")
NOTICED = {"killed", "timeout"}
RESULT = re.compile(r" *(?P<module>[\w.]+)\.(?P<mutant>[^.]+): (?P<status>.+)")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        workplace = Path(folder)
        os.environ["TEST_PACKS"] = folder
        pytest = [sys.executable, "-m", "pytest", "-n", "0", "-q", MAKES_PACKS]
        subprocess.run(pytest, cwd=ROOT, check=True)  # noqa: S603  # our own command
        shutil.copy(ROOT / "pyproject.toml", workplace)
        for part in ("app", "tests"):
            shutil.copytree(ROOT / "backend" / part, workplace / part, ignore=WITHOUT_CACHES)
        mutmut = [sys.executable, "-m", "mutmut"]
        ran = subprocess.run([*mutmut, "run", *sys.argv[1:]], cwd=workplace, check=False)  # noqa: S603  # our own command
        if ran.returncode:
            return ran.returncode
        found = subprocess.run(  # noqa: S603  # our own command
            [*mutmut, "results", "--all", "true"],
            cwd=workplace,
            check=True,
            capture_output=True,
            text=True,
        )
    return report(found.stdout.splitlines())


def report(results: list[str]) -> int:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    unnoticed = 0
    for result in filter(None, map(RESULT.fullmatch, results)):
        status = result["status"]
        if status == "not checked":
            continue
        counts[result["module"]][status] += 1
        if status not in NOTICED:
            unnoticed += 1
            sys.stdout.write(f"{result[0].strip()}\n")
    for module, by_status in sorted(counts.items()):
        told = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
        sys.stdout.write(f"{module}: {by_status.total()} mutants, {told}\n")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
