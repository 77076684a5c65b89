import asyncio
import sys
from typing import IO, Final

import structlog

from app.core.errors import UnavailableError
from app.domain.content.media.file import Rejection

log = structlog.get_logger(__name__)

AT_ONCE: Final = 2
PATIENCE_SECONDS: Final = 60.0
"""Time limit for a file, including its wait for the files before it. It is longer than the limit on
processor time, because a busy machine gives a process only a part of its time.
"""

_COMMAND: Final = (sys.executable, "-I", "-m", "app.integrations.pdf")


class InspectionUnavailableError(UnavailableError):
    code = "inspection_unavailable"
    title = "Looking through this file takes too long"


class PdfInspector:
    """Judges PDFs in child processes, at most two at once for each process of the server."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def judge(self, file: IO[bytes]) -> Rejection | None:
        """Return why a PDF is not taken.

        A file that takes too much time or memory is refused as unreadable; raises
        InspectionUnavailableError (503) where the machine is too busy to tell.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._turns:
                return await _judge(file)
        except TimeoutError as error:
            raise InspectionUnavailableError from error


async def _judge(file: IO[bytes]) -> Rejection | None:
    file.seek(0)
    # The child gets no environment, so that hostile input cannot reach the secrets in it.
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return Rejection(output.decode()) if output else None
    log.info("pdf_unreadable", exit_code=process.returncode)
    return Rejection.UNREADABLE
