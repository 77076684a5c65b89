"""A project that signs any claims, and forged tokens of every kind."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.core.auth.security import TokenCache, TokenVerifier
from tests.support import ISSUER, LocalKeys

SECRET = "a-legacy-project-secret-of-forty-characters"
SUBJECT = uuid.UUID("0199c2d4-7a51-7c3e-9d35-1d6f0a4d8e21")
RSA_KID = "rsa-key"
ABSENT = object()

Sign = Callable[[bytes], bytes]


def encoded(part: bytes | object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def compact(header: object, payload: bytes | object, sign: Sign) -> str:
    """Build a token without the checks that a library would make."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


class Project:
    """The signing keys of a Supabase project: one ES256, one RS256."""

    def __init__(self) -> None:
        self.local = LocalKeys()
        self.rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        document = RSAAlgorithm.to_jwk(self.rsa_key.public_key(), as_dict=True)
        self._rsa = PyJWK({**document, "kid": RSA_KID, "alg": "RS256"})

    async def get(self, kid: str) -> PyJWK | None:
        return self._rsa if kid == RSA_KID else await self.local.get(kid)

    def verifier(self, **options: Any) -> TokenVerifier:
        return TokenVerifier(self, issuer=ISSUER, **{"cache": TokenCache(0, 0), **options})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims with `changes`; ABSENT takes one away."""
        claims = self.local.claims(SUBJECT, "person@unified.example") | changes
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def es256(self, signed: bytes) -> bytes:
        return ECAlgorithm(ECAlgorithm.SHA256).sign(signed, self.local.private_key)

    def rs256(self, signed: bytes) -> bytes:
        return RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, self.rsa_key)

    def token(self, payload: object = None, **header: Any) -> str:
        """Sign as the project would, under any header and over any payload."""
        fields = {"alg": "ES256", "typ": "JWT", "kid": self.local.kid, **header}
        fields = {name: value for name, value in fields.items() if value is not ABSENT}
        return compact(fields, self.claims() if payload is None else payload, self.es256)

    def rs_token(self, **header: Any) -> str:
        fields = {"alg": "RS256", "kid": RSA_KID, **header}
        return compact(fields, self.claims(), self.rs256)

    def with_secret(self, secret: bytes | str, *, alg: str = "HS256", **header: Any) -> str:
        key = secret if isinstance(secret, bytes) else secret.encode()
        digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[alg]
        fields = {"alg": alg, "kid": self.local.kid, **header}
        return compact(fields, self.claims(), lambda text: hmac.digest(key, text, digest))

    def unsigned(self, alg: str) -> str:
        header = {"alg": alg, "typ": "JWT", "kid": self.local.kid}
        return compact(header, self.claims(), lambda _: b"")

    @property
    def public_pem(self) -> bytes:
        key = self.local.private_key.public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_der(self) -> bytes:
        key = self.local.private_key.public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_jwk(self) -> dict[str, Any]:
        return dict(ECAlgorithm.to_jwk(self.local.private_key.public_key(), as_dict=True))

    @property
    def rsa_pem(self) -> bytes:
        key = self.rsa_key.public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _signed(**claims: Any) -> Callable[[Project], str]:
    return lambda project: project.token(project.claims(**claims))


def _headed(**header: Any) -> Callable[[Project], str]:
    return lambda project: project.token(**header)


def _from_now(**seconds: float) -> Callable[[Project], str]:
    return lambda project: project.token(
        project.claims(**{name: int(time.time() + delta) for name, delta in seconds.items()})
    )


def _other_project(project: Project) -> str:
    return LocalKeys(project.local.kid).token(SUBJECT, "person@unified.example")


def _key_in_header(project: Project) -> str:
    """Sign with a key of the forger's own, and send it in the header."""
    own = LocalKeys("mine")
    key = ECAlgorithm.to_jwk(own.private_key.public_key(), as_dict=True)
    return own.sign(project.claims(), kid=project.local.kid, jwk=key)


def _address_in_header(name: str) -> Callable[[Project], str]:
    def forge(project: Project) -> str:
        own = LocalKeys("mine")
        header = {name: "https://evil.example/keys.json"}
        return own.sign(project.claims(), kid=project.local.kid, **header)

    return forge


def _changed_payload(project: Project) -> str:
    header, _, signature = project.token().split(".")
    claims = project.claims(sub=str(uuid.uuid4()))
    return f"{header}.{encoded(claims)}.{signature}"


def _changed_header(project: Project) -> str:
    _, payload, signature = project.token().split(".")
    return f"{encoded({'alg': 'ES256', 'kid': RSA_KID})}.{payload}.{signature}"


def _zero_signature(project: Project) -> str:
    """The all-zero signature that broken ECDSA verifiers accept (CVE-2022-21449)."""
    header = {"alg": "ES256", "kid": project.local.kid}
    return compact(header, project.claims(), lambda _: bytes(64))


def _in_der(project: Project) -> str:
    header = {"alg": "ES256", "kid": project.local.kid}
    return compact(header, project.claims(), lambda text: b"\x30\x45" + project.es256(text))


HOUR, DAY = 3600, 24 * 3600

FORGERIES: dict[str, Callable[[Project], str]] = {
    # The signature.
    **{
        f"alg {alg or 'empty'}": lambda project, alg=alg: project.unsigned(alg)  # type: ignore[misc]  # binds each spelling
        for alg in ("none", "None", "NONE", "nOnE", "")
    },
    "alg none over a good signature": _headed(alg="none"),
    "no algorithm": _headed(alg=ABSENT),
    "algorithm is a list": _headed(alg=["ES256", "none"]),
    "algorithm in lower case": _headed(alg="es256"),
    "another curve": _headed(alg="ES384"),
    "ES256 key under RS256": _headed(alg="RS256"),
    "RS256 key under ES256": lambda project: project.rs_token(alg="ES256"),
    "RS256 key under PS256": lambda project: project.rs_token(alg="PS256"),
    "ES256 token under the RS256 kid": _headed(kid=RSA_KID),
    "HS256 with the public PEM": lambda project: project.with_secret(project.public_pem),
    "HS256 with the public DER": lambda project: project.with_secret(project.public_der),
    "HS256 with the public JWK": lambda project: project.with_secret(
        json.dumps(project.public_jwk)
    ),
    "HS256 with the RSA PEM": lambda project: project.with_secret(project.rsa_pem, kid=RSA_KID),
    "HS512 with the public PEM": lambda project: project.with_secret(
        project.public_pem, alg="HS512"
    ),
    "HS256 with no secret": lambda project: project.with_secret(b""),
    "HS256 with a secret that is not in use": lambda project: project.with_secret(SECRET),
    "another project's key": _other_project,
    "payload changed after signing": _changed_payload,
    "header changed after signing": _changed_header,
    "signature of zeros": _zero_signature,
    "signature in DER": _in_der,
    "signature cut off": lambda project: project.token().rpartition(".")[0] + ".",
    "signature cut short": lambda project: project.token()[:-4],
    # The header.
    "no kid": _headed(kid=ABSENT),
    "unknown kid": _headed(kid="another"),
    "kid is a path": _headed(kid="../../dev/null"),
    "kid is a list": _headed(kid=["test-key"]),
    "kid is a number": _headed(kid=7),
    "kid is empty": _headed(kid=""),
    "crit": _headed(crit=["exp"]),
    "crit is empty": _headed(crit=[]),
    "unencoded payload": _headed(b64=False, crit=["b64"]),
    "jwk": _key_in_header,
    "jku": _address_in_header("jku"),
    "x5u": _address_in_header("x5u"),
    "header is a list": lambda project: compact(["ES256"], project.claims(), project.es256),
    # Who, for whom.
    "wrong issuer": _signed(iss="https://evil.example/auth/v1"),
    "issuer with a slash": _signed(iss=f"{ISSUER}/"),
    "issuer is a list": _signed(iss=[ISSUER]),
    "no issuer": _signed(iss=ABSENT),
    "wrong audience": _signed(aud="anon"),
    "audience is an empty list": _signed(aud=[]),
    "token of another application": _signed(client_id="9f1c"),
    "applications in a list": _signed(client_id=["9f1c"]),
    "audience is a longer list": _signed(aud=["authenticated", "admin"]),
    "no audience": _signed(aud=ABSENT),
    "service role": _signed(role="service_role"),
    "anonymous role": _signed(role="anon"),
    "role in capitals": _signed(role="AUTHENTICATED"),
    "role is a list": _signed(role=["authenticated"]),
    "no role": _signed(role=ABSENT),
    "anonymous person": _signed(is_anonymous=True),
    "anonymous in words": _signed(is_anonymous="true"),
    "no subject": _signed(sub=ABSENT),
    "empty subject": _signed(sub=""),
    "subject is no UUID": _signed(sub="admin"),
    "subject in braces": _signed(sub=f"{{{SUBJECT}}}"),
    "subject as URN": _signed(sub=SUBJECT.urn),
    "subject without hyphens": _signed(sub=SUBJECT.hex),
    "subject with a space": _signed(sub=f"{SUBJECT} "),
    "subject is a number": _signed(sub=SUBJECT.int),
    "subject is null": _signed(sub=None),
    # When.
    "expired": _from_now(iat=-HOUR, exp=-60),
    "not yet valid": _from_now(nbf=HOUR),
    "issued in the future": _from_now(iat=300, exp=HOUR),
    "lives longer than a day": _from_now(iat=0, exp=DAY + 60),
    "eternal": _signed(exp=1e300),
    "eternal integer": _signed(exp=10**30),
    "never ends": lambda project: project.token(b'{"exp":Infinity,' + _rest(project)),
    "ends at no number": lambda project: project.token(b'{"exp":NaN,' + _rest(project)),
    "began before time": lambda project: project.token(
        b'{"iat":-Infinity,' + _rest(project, "iat")
    ),
    "expiry is true": _signed(exp=True),
    "expiry is text": lambda project: project.token(
        project.claims(exp=str(int(time.time()) + HOUR))
    ),
    "expiry is a list": _signed(exp=[1]),
    "issue is true": _signed(iat=True),
    "issue is text": lambda project: project.token(project.claims(iat=str(int(time.time())))),
    "ends before it begins": _from_now(iat=5, exp=1),
    "no expiry": _signed(exp=ABSENT),
    "no issue": _signed(iat=ABSENT),
    # The form.
    "empty": lambda _: "",
    "two dots": lambda _: "..",
    "two parts": lambda project: project.token().rpartition(".")[0],
    "four parts": lambda project: project.token() + ".e30",
    "truncated": lambda project: project.token()[:60],
    "not ASCII": lambda project: project.token() + "é",
    "lone surrogate": lambda project: project.token() + "\ud800",
    "huge": lambda project: project.token(project.claims(pad="x" * 100_000)),
    "not base64": lambda _: "!!!.???.***",
    "not JSON": lambda project: project.token(b"claims"),
    "not UTF-8": lambda project: project.token(b"\xff\xfe"),
    "payload is a list": lambda project: project.token([project.claims()]),
    "payload is null": lambda project: project.token(b"null"),
    "deeply nested": lambda project: project.token(b"[" * 2000 + b"]" * 2000),
    "encrypted": lambda project: f"{project.token()}.a.b",
}


def _rest(project: Project, name: str = "exp") -> bytes:
    return json.dumps(project.claims(**{name: ABSENT})).encode()[1:]
