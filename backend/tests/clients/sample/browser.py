"""Opens a page in headless Chromium, which CI must have, and waits for what it reports."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from tests.programs import installed

PATIENCE_SECONDS = 120
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root has none of
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def report_of(page: str, folder: Path, profile: Path) -> dict[str, Any]:
    """Open a page of the folder and return the JSON that it posts to `/report`."""
    reports: Queue[dict[str, Any]] = Queue()
    with _serving(folder, reports) as origin:
        chromium_path = installed(*NAMES, needed_for="the journey in a browser")
        command = [chromium_path, *OPTIONS, f"--user-data-dir={profile}", f"{origin}/{page}"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as chromium:  # noqa: S603
            try:
                return reports.get(timeout=PATIENCE_SECONDS)
            finally:
                chromium.terminate()


@contextmanager
def _serving(folder: Path, reports: "Queue[dict[str, Any]]") -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def do_POST(self) -> None:  # named by http.server
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            reports.put(json.loads(body))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
