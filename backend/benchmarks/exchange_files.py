"""Import every GIFT and Moodle XML file of a folder, for the counts: nothing is stored or sent.

`uv run backend/benchmarks/exchange_files.py FOLDER...` reads what other people wrote: clone public
repositories that hold such files, and name their folders. Files are known by their endings, .gift
and .xml (those with a <quiz>). Exits with 1 where a reader fails, or an export does not come back.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from app.domain.content.question_bank import BankFormat
from app.domain.content.quiz.questions import Question
from app.integrations.question_bank.bank import meaning
from app.integrations.question_bank.formats import CODECS


@dataclass(slots=True)
class Tally:
    files: int = 0
    found: int = 0
    carried: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def files(folder: Path) -> Iterator[tuple[BankFormat, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".gift":
            yield BankFormat.GIFT, path
        elif path.suffix == ".xml" and b"<quiz" in path.read_bytes():
            yield BankFormat.MOODLE_XML, path


def read(bank_format: BankFormat, path: Path, tally: Tally) -> None:
    tally.files += 1
    try:
        imported = CODECS[bank_format].parse(path.read_bytes(), uuid4)
        tally.found += imported.found
        tally.carried.update(question.kind for question in imported.questions)
        for problem in imported.problems:
            (tally.left if problem.skipped else tally.notes)[problem.code] += 1
        if not comes_back(bank_format, imported.questions):
            tally.failures.append(f"{path}: the export does not come back unchanged")
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what we look for
        tally.failures.append(f"{path}: {type(error).__name__}")


def comes_back(bank_format: BankFormat, questions: list[Question]) -> bool:
    exported = CODECS[bank_format].write(questions)
    lost = {each.question_id for each in exported.not_carried}
    again = CODECS[bank_format].parse(exported.content, uuid4).questions
    kept = [question for question in questions if question.id not in lost]
    return [meaning(each) for each in again] == [meaning(each) for each in kept]


def main(folders: list[str]) -> int:
    failed = 0
    for name in folders:
        tallies = {bank_format: Tally() for bank_format in (BankFormat.GIFT, BankFormat.MOODLE_XML)}
        for bank_format, path in files(Path(name)):
            read(bank_format, path, tallies[bank_format])
        for bank_format, tally in tallies.items():
            failed += len(tally.failures)
            print_tally(f"{Path(name).name} {bank_format}", tally)
    return 1 if failed else 0


def print_tally(title: str, tally: Tally) -> None:
    if not tally.files:
        return
    sys.stdout.write(
        f"{title}: {tally.files} files, {tally.found} questions, "
        f"{tally.carried.total()} carried, {len(tally.failures)} failures\n"
    )
    for label, counts in (("carried", tally.carried), ("left", tally.left), ("notes", tally.notes)):
        listed = ", ".join(f"{code} {count}" for code, count in counts.most_common())
        sys.stdout.write(f"  {label}: {listed or 'none'}\n")
    for failure in tally.failures:
        sys.stdout.write(f"  FAILED {failure}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
