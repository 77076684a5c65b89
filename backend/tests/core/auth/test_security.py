import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWK

from app.core.auth.security import Claims, InvalidTokenError, TokenCache, TokenVerifier
from tests.core.auth.tokens import FORGERIES, RSA_KID, SECRET, SUBJECT, Project
from tests.support import ISSUER


@pytest.fixture(scope="module")
def project() -> Project:
    return Project()


class TestGenuine:
    """A verifier that refuses every token would pass all other tests."""

    async def test_es256(self, project: Project) -> None:
        claims = await project.verifier().verify(project.token())
        assert (claims.subject, claims.email) == (SUBJECT, "person@unified.example")
        assert claims.assurance_level == "aal1"

    async def test_rs256(self, project: Project) -> None:
        claims = await project.verifier().verify(project.rs_token())
        assert claims.subject == SUBJECT

    async def test_an_audience_in_an_array(self, project: Project) -> None:
        """With a token hook, the first token after Supabase Auth has started is like this."""
        token = project.token(project.claims(aud=["authenticated"]))
        assert (await project.verifier().verify(token)).subject == SUBJECT

    async def test_an_application_that_is_named(self, project: Project) -> None:
        token = project.token(project.claims(client_id="9f1c"))
        verifier = project.verifier(oauth_clients=("9f1c",))
        assert (await verifier.verify(token)).subject == SUBJECT

    async def test_an_international_address(self, project: Project) -> None:
        for email in ("Ada@Zähne.example", "ada@xn--zhne-loa.example"):
            claims = await project.verifier().verify(project.token(project.claims(email=email)))
            assert claims.email == "ada@xn--zhne-loa.example"

    async def test_capitals_in_the_subject(self, project: Project) -> None:
        token = project.token(project.claims(sub=str(SUBJECT).upper()))
        assert (await project.verifier().verify(token)).subject == SUBJECT

    @pytest.mark.parametrize("skew", [-5, 5])
    async def test_a_clock_that_is_off_a_little(self, project: Project, skew: int) -> None:
        now = int(time.time())
        token = project.token(project.claims(iat=now + skew, exp=now + skew + 60))
        assert (await project.verifier().verify(token)).subject == SUBJECT

    async def test_a_whole_day(self, project: Project) -> None:
        now = int(time.time())
        token = project.token(project.claims(iat=now, exp=now + 24 * 3600))
        assert (await project.verifier().verify(token)).subject == SUBJECT


class TestForgeries:
    def test_there_are_enough(self) -> None:
        assert len(FORGERIES) >= 40

    @pytest.mark.parametrize("name", FORGERIES)
    async def test_is_refused(self, project: Project, name: str) -> None:
        token = FORGERIES[name](project)
        with pytest.raises(InvalidTokenError) as caught:
            await project.verifier(cache=TokenCache(10, 60)).verify(token)
        assert caught.value.status == 401

    @pytest.mark.parametrize("name", FORGERIES)
    async def test_is_refused_beside_a_legacy_secret(self, project: Project, name: str) -> None:
        if name == "HS256 with a secret that is not in use":
            return
        with pytest.raises(InvalidTokenError):
            await project.verifier(legacy_secret=SECRET).verify(FORGERIES[name](project))

    @given(token=st.text() | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
    async def test_noise_is_refused(self, project: Project, token: str) -> None:
        with pytest.raises(InvalidTokenError):
            await project.verifier().verify(token)

    @given(where=st.integers(0, 10_000), bit=st.integers(0, 5))
    async def test_one_changed_character_is_refused(
        self, project: Project, where: int, bit: int
    ) -> None:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        token = project.token()
        place = where % token.rindex(".")
        old = token[place]
        changed = "A" if old == "." else alphabet[alphabet.index(old) ^ 1 << bit]
        forged = token[:place] + changed + token[place + 1 :]
        with pytest.raises(InvalidTokenError):
            await project.verifier().verify(forged)

    async def test_the_reason_is_not_told(self, project: Project) -> None:
        details = set()
        for forge in FORGERIES.values():
            with pytest.raises(InvalidTokenError) as caught:
                await project.verifier().verify(forge(project))
            details.add((caught.value.code, caught.value.detail))
            assert caught.value.__cause__ is None
        assert len(details) == 1


class TestLegacySecret:
    async def test_counts_when_it_is_set(self, project: Project) -> None:
        token = project.with_secret(SECRET)
        claims = await project.verifier(legacy_secret=SECRET).verify(token)
        assert claims.subject == SUBJECT

    async def test_leaves_the_keys_in_force(self, project: Project) -> None:
        claims = await project.verifier(legacy_secret=SECRET).verify(project.token())
        assert claims.subject == SUBJECT

    @pytest.mark.parametrize(
        ("secret", "header"),
        [
            ("another-secret-of-more-than-forty-characters", {}),
            (SECRET, {"crit": ["exp"]}),
            (SECRET, {"alg": "HS512"}),
        ],
    )
    async def test_forgeries(self, project: Project, secret: str, header: dict[str, Any]) -> None:
        token = project.with_secret(secret, **header)
        with pytest.raises(InvalidTokenError):
            await project.verifier(legacy_secret=SECRET).verify(token)

    @pytest.mark.parametrize(
        "changes",
        [
            {"role": "service_role"},
            {"role": "anon"},
            {"iss": "supabase"},
            {"aud": ["authenticated", "admin"]},
            {"exp": 1e300},
            {"sub": ""},
            {"is_anonymous": True},
        ],
    )
    async def test_the_claims_are_checked_all_the_same(
        self, project: Project, changes: dict[str, Any]
    ) -> None:
        """The legacy anon and service_role keys are tokens of this form, valid for ten years."""
        token = jwt.encode(project.claims(**changes), SECRET, algorithm="HS256")
        with pytest.raises(InvalidTokenError):
            await project.verifier(legacy_secret=SECRET).verify(token)


class TestClaims:
    async def read(self, project: Project, **changes: Any) -> Claims:
        return await project.verifier().verify(project.token(project.claims(**changes)))

    async def test_the_role_of_user_metadata_is_ignored(self, project: Project) -> None:
        claims = await self.read(
            project, user_metadata={"role": "admin"}, app_metadata={"role": "admin"}
        )
        assert "admin" not in repr(claims)

    @pytest.mark.parametrize(
        ("metadata", "name"),
        [
            ({"full_name": "  Ada   Byron "}, "Ada Byron"),
            ({"name": "Ada"}, "Ada"),
            ({"full_name": " ", "name": "Ada"}, "Ada"),
            ({"full_name": "A\x00da"}, "Ada"),
            ({"full_name": "\x00"}, None),
            ({"full_name": "x" * 300}, "x" * 200),
            ({"full_name": ["Ada"]}, None),
            (["full_name"], None),
            (None, None),
        ],
    )
    async def test_names(self, project: Project, metadata: object, name: str | None) -> None:
        assert (await self.read(project, user_metadata=metadata)).full_name == name

    @pytest.mark.parametrize(
        ("email", "expected"),
        [
            (" Ada@Unified.Example ", "ada@unified.example"),
            ("", None),
            (None, None),
            (["ada@unified.example"], None),
            ("nobody", None),
            ("a\x00@unified.example", None),
            ("\ud800@unified.example", None),
        ],
    )
    async def test_emails(self, project: Project, email: object, expected: str | None) -> None:
        assert (await self.read(project, email=email)).email == expected

    async def test_a_refresh_is_no_new_sign_in(self, project: Project) -> None:
        now = int(time.time())
        amr = [
            {"method": "password", "timestamp": now - 900},
            {"method": "totp", "timestamp": now - 600},
        ]
        claims = await self.read(project, iat=now, amr=amr)
        assert claims.signed_in_at == datetime.fromtimestamp(now - 600, tz=UTC)

    @pytest.mark.parametrize(
        "amr", [None, [], "password", [{}], [{"timestamp": "now"}], [{"timestamp": 2**60}]]
    )
    async def test_without_methods_the_token_says_when(self, project: Project, amr: object) -> None:
        now = int(time.time())
        claims = await self.read(project, iat=now, amr=amr)
        assert claims.signed_in_at == datetime.fromtimestamp(now, tz=UTC)


class CountingKeys:
    def __init__(self, project: Project) -> None:
        self._project = project
        self.asked = 0

    async def get(self, kid: str) -> PyJWK | None:
        self.asked += 1
        return await self._project.get(kid)


class TestCache:
    def verifier(
        self, keys: CountingKeys, cache: TokenCache, clock: Callable[[], float] = time.time
    ) -> TokenVerifier:
        return TokenVerifier(keys, issuer=ISSUER, cache=cache, wall_clock=clock)

    async def test_spares_the_signature(self, project: Project) -> None:
        keys, token = CountingKeys(project), project.token()
        verifier = self.verifier(keys, TokenCache(10, 60))
        first, second = await verifier.verify(token), await verifier.verify(token)
        assert (first, keys.asked) == (second, 1)

    async def test_ends_after_its_seconds(self, project: Project) -> None:
        keys, token, now = CountingKeys(project), project.token(), time.time()
        moments = [now]
        verifier = self.verifier(keys, TokenCache(10, 60), lambda: moments[-1])
        for seconds, asked in ((0, 1), (59, 1), (60, 2), (119, 2), (120, 3)):
            moments.append(now + seconds)
            await verifier.verify(token)
            assert keys.asked == asked

    async def test_never_outlives_the_token(self, project: Project) -> None:
        now = int(time.time())
        claims = await project.verifier().verify(
            project.token(project.claims(iat=now, exp=now + 5))
        )
        cache = TokenCache(10, 300)
        cache.put(b"digest", claims, now)
        assert cache.get(b"digest", now + 4.9) == claims
        assert cache.get(b"digest", now + 5) is None

    async def test_is_bounded(self, project: Project) -> None:
        claims = await project.verifier().verify(project.token())
        cache = TokenCache(3, 60)
        for number in range(10):
            cache.put(bytes([number]), claims, time.time())
        kept = [number for number in range(10) if cache.get(bytes([number]), time.time())]
        assert kept == [7, 8, 9]

    async def test_may_be_turned_off(self, project: Project) -> None:
        keys, token = CountingKeys(project), project.token()
        verifier = self.verifier(keys, TokenCache(0, 60))
        await verifier.verify(token)
        await verifier.verify(token)
        assert keys.asked == 2

    async def test_keeps_no_token_and_no_failure(self, project: Project) -> None:
        keys, cache = CountingKeys(project), TokenCache(10, 60)
        verifier = self.verifier(keys, cache)
        forged = project.token(project.claims(role="service_role"))
        for _ in range(2):
            with pytest.raises(InvalidTokenError):
                await verifier.verify(forged)
        assert keys.asked == 2
        token = project.token()
        await verifier.verify(token)
        assert token not in repr(vars(cache))

    async def test_tells_tokens_of_one_person_apart(self, project: Project) -> None:
        verifier = self.verifier(CountingKeys(project), TokenCache(10, 60))
        sessions = [str(uuid.uuid4()) for _ in range(2)]
        seen = [
            (await verifier.verify(project.token(project.claims(session_id=session)))).session_id
            for session in sessions
        ]
        assert seen == sessions


def test_the_table_changes_one_thing_at_a_time(project: Project) -> None:
    """If a forgery had two faults, either check could be missing without this being noticed."""
    genuine = jwt.decode(project.token(), options={"verify_signature": False})
    for name in ("service role", "wrong audience", "subject in braces", "eternal"):
        payload = FORGERIES[name](project).split(".")[1]
        forged = json.loads(jwt.utils.base64url_decode(payload))
        changed = {key for key in genuine if genuine[key] != forged.get(key)} - {
            "iat", "exp", "session_id", "amr"
        }  # fmt: skip
        assert len(changed) <= 1, name
    assert jwt.get_unverified_header(project.rs_token())["kid"] == RSA_KID
