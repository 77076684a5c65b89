"""A sign-in service reduced to what the servers ask of it: one key, published as a JWKS."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from benchmarks.dataset import Person
from devstack.auth.keys import SigningKeys


class Identity:
    def __init__(self, keys: SigningKeys, origin: str) -> None:
        self._keys = keys
        self.origin = origin
        self._tokens: dict[uuid.UUID, str] = {}

    def token(self, person: Person) -> str:
        """Return the person's access token, the same one for the whole run."""
        if person.id not in self._tokens:
            now = int(time.time())
            claims = {
                "iss": f"{self.origin}/auth/v1",
                "aud": "authenticated",
                "iat": now,
                "exp": now + 6 * 3600,
                "sub": str(person.supabase_id),
                "email": person.email,
                "role": "authenticated",
                "aal": "aal1",
                "session_id": str(uuid.uuid4()),
                "is_anonymous": False,
                "amr": [{"method": "password", "timestamp": now}],
            }
            self._tokens[person.id] = self._keys.sign(claims)
        return self._tokens[person.id]

    def jwks(self) -> dict[str, Any]:
        return self._keys.jwks()

    def public_key_pem(self) -> str:
        key = PyJWK(self._keys.jwks()["keys"][0]).key
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@contextmanager
def serve_identity(directory: Path) -> Iterator[Identity]:
    keys = SigningKeys.load_or_create(directory / "signing-keys.json")
    document = orjson.dumps(keys.jwks())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server calls
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Identity(keys, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
