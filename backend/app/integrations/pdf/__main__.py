"""Judges the PDF on standard input: `python -I -m app.integrations.pdf < FILE`.

Prints a rejection or nothing. The limits are set before the first byte is read. If one is exceeded,
only the exit code shows it.
"""

import logging
import resource
import sys

from app.domain.content.media.file import Rejection
from app.integrations.pdf.active_content import judge_pdf

CPU_SECONDS = 15
MEMORY_BYTES = 1_073_741_824


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    logging.disable()
    try:
        rejection = judge_pdf(sys.stdin.buffer)
    except Exception:  # noqa: BLE001  # whatever a reader raises, nobody can tell what is in there
        rejection = Rejection.UNREADABLE
    sys.stdout.write(rejection or "")


main()
