"""Signatures as Supabase makes them, and wrong ones of every kind."""

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from app.integrations.auth_hook import HookSignatureError, HookVerifier

BODY = b'{"user": {"email": "ada@unified.example"}}'


def secret(fill: bytes = b"k") -> str:
    return "v1,whsec_" + base64.b64encode(fill * 32).decode()


def signed(
    *secrets: str, body: bytes = BODY, age: timedelta = timedelta(), **changes: str
) -> dict[str, str]:
    """Return headers like those of Supabase Auth, which joins signatures by a comma and a space."""
    message, moment = str(uuid.uuid4()), datetime.now(UTC) - age
    signatures = [
        Webhook(each.removeprefix("v1,")).sign(message, moment, body.decode()) for each in secrets
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": ", ".join(signatures),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


@pytest.fixture
def verifier() -> HookVerifier:
    return HookVerifier(secret())


class TestGenuine:
    def test_one_secret(self, verifier: HookVerifier) -> None:
        verifier.verify(BODY, signed(secret()))

    @pytest.mark.parametrize("minutes", [-4, 4])
    def test_a_clock_that_is_off_a_little(self, verifier: HookVerifier, minutes: int) -> None:
        verifier.verify(BODY, signed(secret(), age=timedelta(minutes=minutes)))

    def test_while_supabase_has_two_secrets(self, verifier: HookVerifier) -> None:
        verifier.verify(BODY, signed(secret(b"n"), secret()))
        verifier.verify(BODY, signed(secret(), secret(b"n")))

    def test_while_we_have_two_secrets(self) -> None:
        verifier = HookVerifier(f"{secret()}|{secret(b'n')}")
        verifier.verify(BODY, signed(secret()))
        verifier.verify(BODY, signed(secret(b"n")))

    def test_signatures_of_other_kinds_are_passed_over(self, verifier: HookVerifier) -> None:
        headers = signed(secret())
        verifier.verify(BODY, headers | {"webhook-signature": f"v1a,aaaa {headers[SIGNATURE]}"})


SIGNATURE = "webhook-signature"


class TestForged:
    @pytest.mark.parametrize(
        "forge",
        [
            dict,
            lambda: signed(secret(b"x")),
            lambda: signed(secret(), body=b"{}"),
            lambda: signed(secret(), age=timedelta(minutes=6)),
            lambda: signed(secret(), age=timedelta(minutes=-6)),
            lambda: signed(secret(), webhook_id="another"),
            lambda: signed(secret(), webhook_timestamp=""),
            lambda: signed(secret(), webhook_timestamp="nan"),
            lambda: signed(secret(), webhook_timestamp="1e300"),
            lambda: signed(secret(), webhook_timestamp="today"),
            lambda: signed(secret(), webhook_signature="v1,"),
            lambda: signed(secret(), webhook_signature="v1"),
            lambda: signed(secret(), webhook_signature="v1,a,b"),
            lambda: signed(secret(), webhook_signature="v1,é"),
            lambda: signed(secret(), webhook_signature="v2,aaaa"),
            lambda: signed(secret(), webhook_signature=" , , "),
        ],
    )
    def test_is_refused(self, verifier: HookVerifier, forge: Callable[[], dict[str, str]]) -> None:
        headers = forge()
        with pytest.raises(HookSignatureError) as caught:
            verifier.verify(BODY, headers)
        assert caught.value.status == 401

    def test_every_changed_byte_shows(self, verifier: HookVerifier) -> None:
        headers = signed(secret())
        for place in range(len(BODY)):
            changed = bytes([*BODY[:place], BODY[place] ^ 1, *BODY[place + 1 :]])
            with pytest.raises(HookSignatureError):
                verifier.verify(changed, headers)

    def test_a_body_that_is_no_text(self, verifier: HookVerifier) -> None:
        with pytest.raises(HookSignatureError):
            verifier.verify(b"\xff\xfe", signed(secret()))
