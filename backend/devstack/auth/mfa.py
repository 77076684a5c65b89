"""Routes for the second factor: an authenticator app, which shows a code for half a minute."""

import io
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.auth.errors import AuthError, Failure
from devstack.auth.factors import CHALLENGE_LIFETIME, Factor
from devstack.auth.schemas import FactorCode, NewFactor
from devstack.auth.service import AuthService, Caller
from devstack.body import read_body

_MAX_FACTORS: Final = 10


class MfaEndpoints:
    def __init__(self, auth: AuthService) -> None:
        self._auth = auth
        self._factors = auth.store.factors

    def routes(self) -> list[Route]:
        one = "/factors/{factor_id}"
        return [
            Route("/factors", self.enroll, methods=["POST"]),
            Route(one, self.unenroll, methods=["DELETE"]),
            Route(f"{one}/challenge", self.challenge, methods=["POST"]),
            Route(f"{one}/verify", self.verify, methods=["POST"]),
        ]

    async def enroll(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        params = await read_body(request, NewFactor)
        if params.factor_type != "totp":
            raise AuthError(Failure.MFA_PHONE_ENROLL_NOT_ENABLED)
        await self._refuse(caller, params.friendly_name)
        factor = await self._factors.create(caller.user.id, params.friendly_name, self._auth.now())
        issuer = params.issuer or urlsplit(self._auth.site_url).netloc
        uri = pyotp.TOTP(factor.secret).provisioning_uri(
            name=caller.user.email or "", issuer_name=issuer
        )
        return JSONResponse(
            {
                "id": str(factor.id),
                "type": "totp",
                "friendly_name": factor.friendly_name,
                "totp": {"qr_code": _picture(uri), "secret": factor.secret, "uri": uri},
            }
        )

    async def _refuse(self, caller: Caller, friendly_name: str) -> None:
        factors = await self._factors.of(caller.user.id)
        if any(factor.friendly_name == friendly_name for factor in factors):
            message = f'A factor with the friendly name "{friendly_name}" for this user exists'
            raise AuthError(Failure.MFA_FACTOR_NAME_CONFLICT, message)
        if len(factors) >= _MAX_FACTORS:
            raise AuthError(Failure.TOO_MANY_ENROLLED_MFA_FACTORS)
        if any(factor.is_verified for factor in factors) and caller.aal != "aal2":
            raise AuthError(Failure.INSUFFICIENT_AAL)

    async def challenge(self, request: Request) -> Response:
        factor = await self._factor(request, await self._auth.caller(request))
        now = self._auth.now()
        challenge_id = await self._factors.challenge(factor, now)
        return JSONResponse(
            {
                "id": str(challenge_id),
                "type": "totp",
                "expires_at": int((now + CHALLENGE_LIFETIME).timestamp()),
            }
        )

    async def verify(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        factor = await self._factor(request, caller)
        params = await read_body(request, FactorCode)
        now = self._auth.now()
        asked_at = await self._factors.challenged_at(params.challenge_id, factor)
        if asked_at is None:
            message = "MFA factor with the provided challenge ID not found"
            raise AuthError(Failure.MFA_FACTOR_NOT_FOUND, message)
        if now - asked_at > CHALLENGE_LIFETIME:
            raise AuthError(Failure.MFA_CHALLENGE_EXPIRED)
        if not factor.accepts(params.code, now):
            raise AuthError(Failure.MFA_VERIFICATION_FAILED)
        token = await self._factors.verify(factor, caller.session_id, now)
        return JSONResponse(await self._auth.resumed(token))

    async def unenroll(self, request: Request) -> Response:
        caller = await self._auth.caller(request)
        factor = await self._factor(request, caller)
        if factor.is_verified and caller.aal != "aal2":
            message = "AAL2 required to unenroll verified factor"
            raise AuthError(
                Failure.INSUFFICIENT_AAL, message, status=Failure.MFA_VERIFICATION_FAILED.value[0]
            )
        await self._factors.delete(factor)
        return JSONResponse({"id": str(factor.id)})

    async def _factor(self, request: Request, caller: Caller) -> Factor:
        try:
            factor_id = UUID(request.path_params["factor_id"])
        except ValueError as error:
            raise AuthError(Failure.VALIDATION_FAILED, "factor_id must be an UUID") from error
        factor = await self._factors.get(factor_id, caller.user.id)
        if factor is None:
            raise AuthError(Failure.MFA_FACTOR_NOT_FOUND)
        return factor


def _picture(uri: str) -> str:
    picture = io.BytesIO()
    segno.make(uri, micro=False).save(picture, kind="svg", scale=4, xmldecl=False)
    return picture.getvalue().decode()
