"""Signatures of Supabase's Auth hooks (Standard Webhooks)."""

from collections.abc import Mapping

from standardwebhooks import Webhook, WebhookVerificationError

from app.core.errors import AppError

VERSION = "v1,"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class HookSignatureError(AppError):
    code = "invalid_signature"
    status = 401
    title = "This hook is not signed as it should be"


class HookVerifier:
    """Verifies that a hook was sent by our project, within the last five minutes.

    `secrets` is what Supabase shows, `v1,whsec_...`; while one is replaced, both separated by `|`.
    """

    def __init__(self, secrets: str) -> None:
        self._webhooks = [
            Webhook(secret.removeprefix(VERSION)) for secret in secrets.split("|") if secret
        ]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Raise HookSignatureError unless one of the secrets signed the body."""
        sent = {name: headers.get(name, "") for name in HEADERS}
        # Supabase separates signatures by a comma and a space, the standard by a space.
        sent["webhook-signature"] = sent["webhook-signature"].replace(", ", " ")
        if not any(_is_signed(webhook, body, sent) for webhook in self._webhooks):
            raise HookSignatureError


def _is_signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # ValueError: text that is no signature at all, or a body that is no text.
        return False
    return True
