"""The real supabase-js against the stand-in, with a stub of the API that takes its tokens."""

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.auth import Identity, identity_id, seed_identities
from tests.devstack.auth.conftest import PREFIX, Stack
from tests.devstack.conftest import RunClient, Serve

pytestmark = pytest.mark.full

EMAIL = "learner@example.org"
PASSWORD = "correct horse"


def app_with_api(stack: Stack, origin: str, access_token_seconds: int = 3600) -> Starlette:
    async def me(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        try:
            claims = stack.keys.verify(token, issuer=origin + PREFIX, audience="authenticated")
        except jwt.InvalidTokenError:
            return JSONResponse({"code": "unauthenticated"}, status_code=401)
        return JSONResponse({"id": claims["sub"]})

    app = stack.app(origin, access_token_seconds)
    app.routes.append(Route("/api/v1/users/me", me))
    return app


@pytest.fixture(autouse=True)
async def learner(stack: Stack) -> Identity:
    identity = Identity(EMAIL, PASSWORD, "Learner", identity_id(EMAIL))
    await seed_identities(stack.store, [identity])
    return identity


async def expired_token(origin: str, stack: Stack) -> str:
    stack.advance(-7200)
    async with httpx.AsyncClient(base_url=f"{origin}{PREFIX}") as client:
        body = {"email": EMAIL, "password": PASSWORD}
        response = await client.post("token", params={"grant_type": "password"}, json=body)
    stack.advance(7200)
    token: str = response.json()["access_token"]
    return token


async def test_journey(stack: Stack, serve: Serve, run_client: RunClient) -> None:
    async with serve(lambda origin: app_with_api(stack, origin)) as origin:
        steps = await run_client(
            "journey.mjs",
            ORIGIN=origin,
            EMAIL=EMAIL,
            PASSWORD=PASSWORD,
            EXPIRED_TOKEN=await expired_token(origin, stack),
        )
    learner_id = str(identity_id(EMAIL))
    assert steps == [
        {"step": "sign_in", "user_id": learner_id, "email": EMAIL, "expires_in": 3600},
        {"step": "me", "status": 200, "body": {"id": learner_id}},
        {"step": "refresh", "rotated": True},
        {"step": "me_after_refresh", "status": 200, "body": {"id": learner_id}},
        {"step": "sign_out", "error": None},
        {"step": "refresh_after_sign_out", "error": "refresh_token_not_found"},
        {"step": "me_after_expiry", "status": 401, "body": {"code": "unauthenticated"}},
    ]


async def test_journey_that_waits_for_the_expiry(
    stack: Stack, serve: Serve, run_client: RunClient
) -> None:
    async with serve(lambda origin: app_with_api(stack, origin, 3)) as origin:
        steps = await run_client(
            "journey.mjs", ORIGIN=origin, EMAIL=EMAIL, PASSWORD=PASSWORD, LEEWAY_SECONDS="0"
        )
    assert [step.get("status") for step in steps if "status" in step] == [200, 200, 401]
